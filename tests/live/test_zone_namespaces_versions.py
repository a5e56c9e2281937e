"""This version and the one before it under one roof: global, zones and agents are replaced one by one.

What agents and control planes keep on disk is read by the other version each time, in both directions.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.kit.clouds import ZONES, retry
from tests.kit.federated import CONTROL_PLANE
from tests.kit.mesh import Member, Record, goes_on, service
from tests.kit.netns import needs_namespaces
from tests.kit.older import VERSION, needs_older, older_tree
from tests.kit.system import ROOT
from tests.kit.zone_namespaces import HostedClouds, HostedSystem, hosted_clouds
from tests.kit.zone_observing import FAR, permissions, until_all_show

from sekisho import __version__

pytestmark = [
    pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900),
    needs_namespaces, needs_older,
]  # fmt: skip

CATALOG, AGENT = "catalog", "agent"
OLD, NEW = VERSION, __version__
STEPS = (
    ("hub", CONTROL_PLANE, NEW),  # global N, zones N-1
    ("gcp", CONTROL_PLANE, NEW),  # a zone N beside one N-1; agent N-1, control plane N
    ("azure", AGENT, NEW),  # agent N, control plane N-1
    ("hub", CONTROL_PLANE, OLD),  # global N-1 again, a zone N
    ("hub", CONTROL_PLANE, NEW),
    ("azure", CONTROL_PLANE, NEW),
    ("gcp", AGENT, NEW),  # all are N
)
"""Which process becomes what."""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By version, where the code is."""
    return {OLD: older_tree(tmp_path_factory.mktemp("older")), NEW: ROOT}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds(trees: dict[str, Path]) -> AsyncIterator[HostedClouds]:
    """All of the version before this one: web of azure calls catalog of gcp."""
    older = dict.fromkeys((CONTROL_PLANE, AGENT), trees[OLD])
    async with hosted_clouds(dict.fromkeys(("hub", *ZONES), older)) as clouds:
        await clouds.fill()
        await clouds.azure.system.apply(retry("ZoneService", FAR, "ConnectFailure", "Reset", "HttpMethodGet"))
        await clouds.in_sync()
        yield clouds


def web(clouds: HostedClouds) -> Member:
    return clouds.azure.members["web-1"]


def system(clouds: HostedClouds, where: str) -> HostedSystem:
    found = clouds.hub if where == "hub" else clouds.federated.zones[where]
    assert isinstance(found, HostedSystem)
    return found


async def becomes(clouds: HostedClouds, where: str, process: str, tree: Path) -> None:
    """Ends a process as an operator does, and starts it from another tree; proxies of an agent go with it."""
    replaced = system(clouds, where)
    await replaced.stop(process)
    replaced.trees[process] = tree
    if process == AGENT:
        await replaced.start_agent()
    elif where == "hub":
        await clouds.federated.start_hub()
    else:
        await clouds.federated.start(where)


async def versions(clouds: HostedClouds) -> dict[str, str]:
    """What the control planes call themselves."""
    return {
        where: (await system(clouds, where).review())["controlPlane"]["version"] for where in ("hub", *ZONES)
    }


async def all_works(clouds: HostedClouds, step: str) -> None:
    """Calls, and what is new: a Service of gcp in azure, a permission of global in both zones."""
    await clouds.federated.until_connected(*ZONES)
    port = clouds.gcp.port_of(CATALOG)
    await clouds.gcp.system.apply(service(step, port, selector={"app": CATALOG}))
    await until_all_show(clouds, "gcp", CATALOG, step)
    await clouds.permit(step, ("azure", "web"))
    await clouds.hub.until(lambda: _permitted(clouds, step), f"{step}: all have the permission")
    await clouds.azure.learns(f"{step}.gcp", port)
    await clouds.azure.answers(web(clouds), f"{step}.gcp")
    await clouds.gcp.system.client.delete("Service", step, "shop")
    await clouds.hub.client.delete("TrafficPermission", step, "shop")
    await until_all_show(clouds, "gcp", CATALOG)
    await clouds.in_sync()


async def _permitted(clouds: HostedClouds, name: str) -> bool:
    return all(name in names for names in (await permissions(clouds)).values())


async def test_each_process_is_replaced_by_this_version_while_the_others_are_of_the_one_before(
    clouds: HostedClouds, trees: dict[str, Path], record_property: Record
) -> None:
    """No call is lost while a control plane is replaced, nor while all works with what there is."""
    expected = dict.fromkeys(("hub", *ZONES), OLD)
    assert await versions(clouds) == expected
    await all_works(clouds, "before")
    calls = 0
    for number, (where, process, version) in enumerate(STEPS):
        if process == AGENT:
            await becomes(clouds, where, process, trees[version])
            await clouds.azure.answers(web(clouds), FAR)
        async with clouds.azure.load(web(clouds), FAR) as load:
            if process == CONTROL_PLANE:
                await becomes(clouds, where, process, trees[version])
                expected[where] = version
            await all_works(clouds, f"step-{number}")
            await goes_on(load)
        calls += load.answered
        assert load.failures == [], (where, process, version)
        assert await versions(clouds) == expected
    record_property("steps", len(STEPS))
    record_property("calls, none lost", calls)
