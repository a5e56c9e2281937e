"""Each zone and global on a host of its own: lines between them that break, and what goes on meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.clouds import retry
from tests.kit.fault_report import CUT_SECONDS, OUTAGE_SECONDS
from tests.kit.federated import CONTROL_PLANE
from tests.kit.lines import SLOW, cut, slow
from tests.kit.load import Load
from tests.kit.mesh import Member, Record, goes_on, lasting, service
from tests.kit.netns import needs_namespaces
from tests.kit.system import promised
from tests.kit.zone_namespaces import HostedClouds, hosted_clouds
from tests.kit.zone_observing import (
    FAR,
    permissions,
    serves_again,
    shown,
    until_all_show,
)

pytestmark = [
    pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(2400), needs_namespaces,
]  # fmt: skip

CATALOG = "catalog"
CONVERGED = 5.0
"""Seconds after a line is healed."""
ROUND = 120.0
"""Seconds for one round of restarts, in an outage that lasts longer."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds() -> AsyncIterator[HostedClouds]:
    """Two ingresses and two instances in gcp, called from azure, where GETs are tried again."""
    async with hosted_clouds() as clouds:
        await clouds.fill()
        conditions = ("ConnectFailure", "RefusedStream", "Reset", "HttpMethodGet")
        await clouds.azure.system.apply(retry("ZoneService", FAR, *conditions))
        await clouds.in_sync()
        yield clouds


def web(clouds: HostedClouds) -> Member:
    return clouds.azure.members["web-1"]


def forget_calls(clouds: HostedClouds) -> None:
    """A programme of minutes would keep hundreds of thousands of them."""
    for member in (*clouds.azure.members.values(), *clouds.gcp.members.values()):
        member.echo.received.clear()


async def under_way(clouds: HostedClouds, seconds: float, load: Load) -> None:
    """Lets a fault last so long, or until a call fails."""
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0 and not load.failures:
        await lasting(min(left, 10), load)
        forget_calls(clouds)


async def everything_restarts(clouds: HostedClouds, load: Load) -> None:
    """Both zones' control planes, and gcp's Envoys, one after another."""
    for zone in ("gcp", "azure"):
        await clouds.restart_control_plane(zone)
        await goes_on(load)
    for name in ("first", "second", "catalog-1", "catalog-2"):
        proxy = clouds.gcp.proxy(name)
        proxy.kill()
        await asyncio.to_thread(proxy.wait, 10)
        await serves_again(clouds, name)
        await clouds.azure.uses(web(clouds), FAR, 2)
        await goes_on(load, more=100)
        assert load.failures == [], f"after {name}"


async def own_proxy_restarts(clouds: HostedClouds) -> float:
    """The caller's: returns the seconds until it serves again."""
    own = clouds.azure.proxy("web-1")
    own.kill()
    await asyncio.to_thread(own.wait, 10)
    return await clouds.azure.answers(web(clouds), FAR)


async def test_while_global_is_down_all_others_start_again_and_no_call_is_lost(
    clouds: HostedClouds, record_property: Record
) -> None:
    await asyncio.sleep(promised(1))  # the last known good is written within a second
    loop = asyncio.get_running_loop()
    await clouds.hub.kill(CONTROL_PLANE)
    end, calls, rounds, own = loop.time() + OUTAGE_SECONDS, 0, 0, []
    try:
        while not rounds or loop.time() < end:
            rounds += 1
            async with clouds.azure.load(web(clouds), FAR) as load:
                began = loop.time()
                await everything_restarts(clouds, load)
                await under_way(clouds, min(end - loop.time(), began + ROUND - loop.time()), load)
            assert load.failures == []
            calls += load.answered
            own.append(await own_proxy_restarts(clouds))
    finally:
        await clouds.federated.start_hub()
    async with clouds.azure.load(web(clouds), FAR) as after:
        seconds = await clouds.federated.until_connected("azure", "gcp")
        await clouds.in_sync()
        await goes_on(after)
    assert after.failures == []
    assert max(own) < promised(5)
    record_property("calls, none lost", calls + after.answered)
    record_property("rounds of restarts: 2 control planes, 5 Envoys", rounds)
    record_property("seconds until the caller's killed Envoy serves", [round(one, 2) for one in own])
    record_property("seconds until all are connected to the global that is back", round(seconds, 2))


async def test_after_a_cut_both_sides_agree_within_five_seconds_and_nothing_is_lost_or_comes_back(
    clouds: HostedClouds, record_property: Record
) -> None:
    """Made and deleted meanwhile: a Service in gcp, one in azure, a permission at global. Nobody is told of
    the cut: packets vanish."""
    azure, gcp = clouds.azure, clouds.gcp
    port = gcp.port_of(CATALOG)
    for cloud in (azure, gcp):
        await cloud.system.apply(service("goes", port, selector={"app": CATALOG if cloud is gcp else "web"}))
    await clouds.permit("withdrawn", ("azure", "web"))
    await until_all_show(clouds, "gcp", CATALOG, "goes")
    await until_all_show(clouds, "azure", "web", "goes")
    before = {name: services - {"goes.gcp"} for name, services in (await shown(clouds, "gcp")).items()}
    async with azure.load(web(clouds), FAR) as load:
        with cut(clouds.host("gcp"), clouds.host("hub").address):
            for cloud in (azure, gcp):
                await cloud.system.client.delete("Service", "goes", "shop")
                selector = {"app": CATALOG if cloud is gcp else "web"}
                await cloud.system.apply(service("comes", port, selector=selector))
            await clouds.hub.client.delete("TrafficPermission", "withdrawn", "shop")
            await clouds.permit("granted", ("azure", "web"))
            await under_way(clouds, CUT_SECONDS, load)
            assert (await shown(clouds, "gcp"))["azure"] == before["azure"] | {"goes.gcp"}
            assert (await shown(clouds, "azure"))["gcp"] == {"web.azure", "goes.azure"}
            assert "withdrawn" in (await permissions(clouds))["gcp"]
        seconds = await agreed(clouds)
        await goes_on(load, more=200)
    assert load.failures == []
    assert seconds < promised(CONVERGED)
    assert await agreed(clouds) < promised(1), "what is gone stays gone"
    assert (await clouds.federated.seen("gcp"))["waits"] == ""
    for cloud in (azure, gcp):
        await cloud.system.client.delete("Service", "comes", "shop")
    record_property("calls, none lost", load.answered)
    record_property("seconds until all agree after the cut", round(seconds, 2))


async def agreed(clouds: HostedClouds) -> float:
    """Seconds until all three have what was made while the line was cut, and not what was deleted."""
    began = asyncio.get_running_loop().time()
    await until_all_show(clouds, "gcp", CATALOG, "comes")
    await until_all_show(clouds, "azure", "web", "comes")

    async def has_permissions() -> bool:
        return all(names == {CATALOG, "granted"} for names in (await permissions(clouds)).values())

    await clouds.hub.until(has_permissions, "permissions are global's")
    return asyncio.get_running_loop().time() - began


async def test_a_slow_lossy_narrow_line_to_global_delays_and_loses_nothing(
    clouds: HostedClouds, record_property: Record
) -> None:
    """500 ms each way by a relay, 5 % of the packets and what is above 256 kbit/s dropped by nftables."""
    gcp, port = clouds.gcp, clouds.gcp.port_of(CATALOG)
    took = []
    async with (
        clouds.azure.load(web(clouds), FAR) as load,
        slow(clouds.host("gcp"), clouds.host("hub"), clouds.hub.api),
    ):
        await clouds.federated.until_connected("gcp")
        for name in ("slow-1", "slow-2", "slow-3"):
            await gcp.system.apply(service(name, port, selector={"app": CATALOG}))
            took.append(await until_all_show(clouds, "gcp", CATALOG, name))
            await gcp.system.client.delete("Service", name, "shop")
            await until_all_show(clouds, "gcp", CATALOG)
        assert (await clouds.federated.seen("gcp"))["connected"]
        await clouds.restart_control_plane("gcp")
        joined = await clouds.federated.until_connected("gcp")
        await goes_on(load)
    assert load.failures == []
    assert max(took) < promised(4 * SLOW.delay + 4)
    await clouds.federated.until_connected("gcp")
    record_property("calls, none lost", load.answered)
    record_property("seconds until all agree", [round(one, 2) for one in took])
    record_property("seconds until a zone that starts is connected", round(joined, 2))
