"""The range that operators choose for Services is as closed, and as routed, as the usual one."""

from ipaddress import IPv4Network

import pytest
from tests.unit.translate.mesh.mesh import shop
from tests.unit.translate.world import NAMESPACE

from sekisho.ir.agent import AgentConfig
from sekisho.ir.sidecar import VIRTUAL_RANGES, Passthrough
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Settings, SettingsKey
from sekisho.translate.outputs import PASSTHROUGHS, SIDECARS

WEB = ResourceId("Workload", NAMESPACE, "web-1")


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        ("241.0.0.0/9", VIRTUAL_RANGES),
        ("241.7.0.0/16", VIRTUAL_RANGES),
        ("10.96.0.0/12", ("10.96.0.0/12", *VIRTUAL_RANGES)),
    ],
)
def test_agent_and_passthrough_are_told_of_the_range(range_: str, expected: tuple[str, ...]) -> None:
    found = shop()
    found.commit({SettingsKey(): Settings(service_range=IPv4Network(range_))})
    told: AgentConfig | None = found.engine.value(SIDECARS, WEB)
    outside: Passthrough | None = found.engine.value(PASSTHROUGHS, WEB)
    assert told is not None
    assert outside is not None
    assert told.virtual_ranges == outside.closed == expected
