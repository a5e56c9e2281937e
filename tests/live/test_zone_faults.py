"""What two clouds live through: a global control plane that is away, and a line to it that is cut or slow."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.clouds import Clouds, retry, running_clouds
from tests.kit.federated import CONTROL_PLANE
from tests.kit.mesh import FAULT_SECONDS, Member, Record, goes_on, lasting, service
from tests.kit.remembered import remembered
from tests.kit.system import promised
from tests.kit.zone_observing import FAR, serves_again, shown, until_all_show

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

CATALOG = "catalog"
CONVERGED = 5.0
"""Seconds after a line is healed."""
SLOW, LOSS = 0.5, 0.05
"""Seconds each way, and part of what is sent."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds() -> AsyncIterator[Clouds]:
    """Two ingresses and two instances in gcp, called from azure, where GETs are tried again."""
    async with running_clouds(relayed=True) as clouds:
        azure, gcp = clouds.azure, clouds.gcp
        await gcp.ingress("first", 1)
        await gcp.ingress("second", 2)
        for _ in range(2):
            await gcp.join(CATALOG)
        await gcp.lets_in()
        web = await azure.join("web")
        await clouds.permit(CATALOG, ("azure", "web"), methods=["GET"])
        conditions = ("ConnectFailure", "RefusedStream", "Reset", "HttpMethodGet")
        await azure.system.apply(retry("ZoneService", FAR, *conditions))
        await azure.learns(FAR, gcp.port_of(CATALOG))
        await azure.answers(web, FAR)
        await azure.uses(web, FAR, 2)
        await clouds.in_sync()
        yield clouds


def web(clouds: Clouds) -> Member:
    return clouds.azure.members["web-1"]


async def test_without_global_zones_and_their_proxies_start_again_and_no_call_is_lost(
    clouds: Clouds, record_property: Record
) -> None:
    # Zone ingresses open no TLS: they ask for nobody's roots.
    await remembered(clouds.azure.system, clouds.gcp.system, but="trust".__eq__)
    azure, gcp = clouds.azure, clouds.gcp
    await clouds.hub.kill(CONTROL_PLANE)
    try:
        async with azure.load(web(clouds), FAR) as load:
            for zone in ("gcp", "azure"):
                await clouds.restart_control_plane(zone)
                await goes_on(load)
            for name in ("first", "second", "catalog-1", "catalog-2"):
                proxy = gcp.proxy(name)
                proxy.kill()
                await asyncio.to_thread(proxy.wait, 10)
                await serves_again(clouds, name)
                await azure.uses(web(clouds), FAR, 2)
                await goes_on(load, more=100)
                assert load.failures == [], f"after {name}"
            await lasting(FAULT_SECONDS, load)
        assert load.failures == []
        own = azure.proxy("web-1")
        own.kill()
        await asyncio.to_thread(own.wait, 10)
        seconds = await azure.answers(web(clouds), FAR)
        assert seconds < promised(5)
    finally:
        await clouds.federated.start_hub()
    async with azure.load(web(clouds), FAR) as after:
        await clouds.federated.until_connected("azure", "gcp")
        await clouds.in_sync()
        await goes_on(after)
    assert after.failures == []
    record_property("calls", load.answered + after.answered)
    record_property("seconds until the caller's killed Envoy serves", round(seconds, 2))


async def test_what_happened_while_the_line_was_cut_is_everywhere_within_five_seconds_and_nothing_else(
    clouds: Clouds, record_property: Record
) -> None:
    azure, gcp, line = clouds.azure, clouds.gcp, clouds.federated.lines["gcp"]
    port = gcp.port_of(CATALOG)
    await gcp.system.apply(service("goes", port, selector={"app": CATALOG}))
    await until_all_show(clouds, "gcp", CATALOG, "goes")
    async with azure.load(web(clouds), FAR) as load:
        line.is_cut = True
        line.cut()
        await gcp.system.client.delete("Service", "goes", "shop")
        await gcp.system.apply(service("comes", port, selector={"app": CATALOG}))
        await clouds.permit("comes", ("azure", "web"))
        await lasting(FAULT_SECONDS, load)
        there = await shown(clouds, "gcp")
        assert there["gcp"] == {FAR, "comes.gcp"}
        assert there["hub"] == there["azure"] == {FAR, "goes.gcp"}
        line.is_cut = False
        seconds = await until_all_show(clouds, "gcp", CATALOG, "comes")

        async def has_permission() -> bool:
            listed = await gcp.system.client.list("TrafficPermission")
            return any(one["metadata"]["name"] == "comes" for one in listed.items)

        await gcp.system.until(has_permission, "what was written at global is in gcp")
        await goes_on(load, more=200)
    assert load.failures == []
    assert seconds < promised(CONVERGED)
    assert await until_all_show(clouds, "gcp", CATALOG, "comes") < promised(1), "what is gone stays gone"
    seen = await clouds.federated.seen("gcp")
    assert (seen["connected"], seen["waits"]) == (True, "")
    await gcp.system.client.delete("Service", "comes", "shop")
    record_property("seconds until all agree", round(seconds, 2))


async def test_a_slow_line_delays_and_loses_nothing(clouds: Clouds, record_property: Record) -> None:
    """Half a second each way; of what is sent, a twentieth comes after a quarter of a second more."""
    azure, gcp = clouds.azure, clouds.gcp
    for line in clouds.federated.lines.values():
        line.delay, line.loss = SLOW, LOSS
    try:
        async with azure.load(web(clouds), FAR) as load:
            took = []
            for number in range(int(os.environ.get("SEKISHO_FAULT_TURNS", "3"))):
                name = f"slow-{number}"
                await gcp.system.apply(service(name, gcp.port_of(CATALOG), selector={"app": CATALOG}))
                took.append(await until_all_show(clouds, "gcp", CATALOG, name))
                await gcp.system.client.delete("Service", name, "shop")
                await until_all_show(clouds, "gcp", CATALOG)
            seen = [await clouds.federated.seen(zone) for zone in ("azure", "gcp")]
        assert load.failures == []
        assert all(one["connected"] for one in seen)
        assert max(took) < promised(4 * SLOW + 2)
    finally:
        for line in clouds.federated.lines.values():
            line.delay, line.loss = 0.0, 0.0
    await clouds.federated.until_connected("azure", "gcp")
    record_property("seconds until all agree, 500 ms each way", [round(one, 2) for one in took])


async def test_a_zone_starts_over_a_slow_line(clouds: Clouds) -> None:
    for line in clouds.federated.lines.values():
        line.delay = SLOW
    try:
        await clouds.restart_control_plane("gcp")
        await clouds.federated.until_connected("gcp")
    finally:
        for line in clouds.federated.lines.values():
            line.delay = 0.0
