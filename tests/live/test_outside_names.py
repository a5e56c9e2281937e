"""Names of ExternalServices: what they lead to is judged by its address, with requests and with bytes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.kit.echo import Echo, serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.ports import free_port
from tests.kit.zones import LiveZone, two_zones
from tests.unit.translate.mesh.mesh import mesh
from tests.unit.translate.world import Document, document, gateway, gateway_class, passthrough

from sekisho.envoy import clusters, guard
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip

pytestmark = pytest.mark.live

LEADS_HERE = "localhost"
"""A name that every host has, of an address that trusts callers."""
EGRESS = ResourceId("Gateway", "shop", "egress")


@dataclass
class Zone:
    azure: LiveZone
    outside: Echo

    async def call(self, service: str) -> Answer | None:
        """None for no answer."""
        id_ = ResourceId("ExternalService", "shop", service)
        port = self.azure.read(id_).spec.match.port
        try:
            return await fetch(port, service, address=self.azure.place_of("web-1", id_), within=5)
        except (OSError, EOFError):
            return None


@contextmanager
def ranges(*, special: bool) -> Iterator[None]:
    """The loopback is all that names can lead to here: without it, where any other address would."""
    with pytest.MonkeyPatch.context() as patch:
        if not special:
            found = [one for one in guard.SPECIAL_RANGES if one[0] not in ("127.0.0.0", "::")]
            patch.setattr(guard, "SPECIAL_RANGES", found)
        clusters._kind.cache_clear()
        yield
    clusters._kind.cache_clear()


def outside(name: str, echo: Echo, protocol: str) -> Document:
    endpoints = [{"address": LEADS_HERE, "port": echo.port}]
    match = {"port": free_port(), "protocol": protocol}
    return document("ExternalService", name, spec={"match": match, "endpoints": endpoints})


def everybody(service: str) -> Document:
    target = {"kind": "ExternalService", "name": service}
    spec = {"targetRef": target, "rules": [{"default": {"allow": [{}]}}]}
    return document("TrafficPermission", f"to-{service}", spec=spec)


@asynccontextmanager
async def member(folder: Path) -> AsyncIterator[Zone]:
    """One that calls `bank`, which speaks HTTP, and `ledger`, which nobody reads."""
    async with two_zones(folder) as (azure, _), serving_echo("bank") as echo:
        for number, (name, protocol) in enumerate((("bank", "http"), ("ledger", "tcp")), 1):
            vip = AssignedVip.of(ResourceId("ExternalService", "shop", name))
            azure.give(outside(name, echo, protocol), {vip: f"242.0.129.{number}"})
            azure.apply(everybody(name))
        await azure.instance("web-1", "web")
        await azure.settled()
        yield Zone(azure, echo)


async def through_egress(zone: LiveZone) -> None:
    listening = gateway(
        passthrough("out", free_port()), name="egress", gatewayClassName="sekisho-zone-egress",
        addresses=[{"value": "127.0.69.2"}],
    )  # fmt: skip
    zone.apply(gateway_class("sekisho-zone-egress"), listening, mesh(egress="Required"))
    await zone.run(EGRESS, zone.authority.svid(zone.identity("egress")))
    await zone.settled()


async def test_a_name_may_lead_to_other_hosts(tmp_path: Path) -> None:
    with ranges(special=False):
        async with member(tmp_path) as zone:
            await answered(zone)
            await through_egress(zone.azure)
            await answered(zone)


async def answered(zone: Zone) -> None:
    for service in ("bank", "ledger"):
        found = await zone.call(service)
        assert found is not None, service
        assert found.status == 200


def asking() -> Document:
    """All are to be asked whether they are well, as soon as they are known."""
    checks = {"interval": "100ms", "noTrafficInterval": "100ms", "http": {}, "tcp": {}}
    return document("HealthCheck", "all", spec={"to": [{"targetRef": {"kind": "Mesh"}, "default": checks}]})


async def test_a_name_that_leads_to_this_host_is_neither_called_nor_asked(tmp_path: Path) -> None:
    with ranges(special=True):
        async with member(tmp_path) as zone:
            zone.azure.apply(asking())
            await zone.azure.settled()
            await refused(zone)
            await through_egress(zone.azure)
            await refused(zone)


async def refused(zone: Zone) -> None:
    found = await zone.call("bank")
    assert found is not None
    assert found.status == 403
    assert await zone.call("ledger") is None
    assert zone.outside.callers == []
