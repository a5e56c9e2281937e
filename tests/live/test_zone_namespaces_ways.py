"""Each zone on a host of its own: ways between them that die, or fall silent, under load."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from tests.kit.clouds import multizone, retry
from tests.kit.lines import Slowness, cut, mute, slow
from tests.kit.load import Load
from tests.kit.mesh import Member, Record, goes_on, recovered
from tests.kit.netns import needs_namespaces
from tests.kit.objects import manifest
from tests.kit.system import promised
from tests.kit.zone_namespaces import HostedClouds, hosted_clouds
from tests.kit.zone_observing import FAR

pytestmark = [
    pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900), needs_namespaces,
]  # fmt: skip

CATALOG, EVERYWHERE, ALIKE = "catalog", "everywhere", "alike"
INGRESSES = ("first", "second")
AGAIN = ("ConnectFailure", "RefusedStream", "Reset", "HttpMethodGet")
OCEAN = Slowness(delay=0.15, loss_percent=2, bytes_per_second=262_144)
"""Between zones: 300 ms there and back, 2 Mbit/s."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds() -> AsyncIterator[HostedClouds]:
    """Catalogs in both zones. `everywhere` is called nearby first, `alike` in all zones by their share."""
    async with hosted_clouds() as clouds:
        await clouds.fill(ingresses=INGRESSES)
        azure, port = clouds.azure, clouds.gcp.port_of(CATALOG)
        for _ in range(2):
            await azure.join(CATALOG, port=port)
        for name in (EVERYWHERE, ALIKE):
            await clouds.hub.apply(multizone(name, port, service=CATALOG))
        await clouds.hub.apply(_spread())
        await azure.system.apply(
            retry("ZoneService", FAR, *AGAIN), *(retry("MultiZoneService", one, *AGAIN) for one in (ALIKE,))
        )
        for name in (EVERYWHERE, ALIKE):
            await azure.learns(name, port, "MultiZoneService")
            await azure.answers(web(clouds), name)
        await clouds.in_sync()
        yield clouds


def _spread() -> dict[str, object]:
    item = {
        "targetRef": {"kind": "MultiZoneService", "name": ALIKE},
        "default": {"localityAwareness": {"disabled": True}},
    }
    return manifest("LoadBalancing", "spread", spec={"to": [item]})


def web(clouds: HostedClouds) -> Member:
    return clouds.azure.members["web-1"]


def near(clouds: HostedClouds) -> list[Member]:
    """The catalogs in the caller's zone."""
    return [each for each in clouds.azure.members.values() if each.account == CATALOG]


def far(clouds: HostedClouds) -> list[Member]:
    """Those in the other zone."""
    return [each for each in clouds.gcp.members.values() if each.account == CATALOG]


async def until_called(clouds: HostedClouds, load: Load, *groups: list[Member]) -> None:
    """Returns when each group got some of the load's calls of now.

    Not each of its members: connections to another zone are dealt out, and few callers have few.
    """
    for member in itertools.chain(*groups):
        member.echo.received.clear()

    async def all_are() -> bool:
        return all(sum(len(member.echo.received) for member in group) > 5 for group in groups)

    named = ", ".join(member.name for member in itertools.chain(*groups))
    await clouds.hub.until(all_are, f"{named} are called")
    await goes_on(load)


@asynccontextmanager
async def without(clouds: HostedClouds, *ingresses: str) -> AsyncIterator[None]:
    """Ingresses are killed, and stay away until the end of the block."""
    await clouds.gcp.system.kill("agent")
    try:
        for proxy in [clouds.gcp.proxy(name) for name in ingresses]:
            proxy.kill()
            await asyncio.to_thread(proxy.wait, 10)
        yield
    finally:
        await clouds.gcp.system.start_agent()
        await clouds.gcp.system.in_sync()
        await clouds.azure.answers(web(clouds), FAR)
        await clouds.azure.uses(web(clouds), FAR, 2)


async def test_a_killed_ingress_is_replaced_by_the_second_one_within_a_second(
    clouds: HostedClouds, record_property: Record
) -> None:
    async with clouds.azure.load(web(clouds), FAR) as load:
        await goes_on(load, more=500)
        began = asyncio.get_running_loop().time()
        async with without(clouds, "first"):
            seconds = await recovered(load, began)
            await goes_on(load, more=1000)
    record_property("calls", load.answered)
    record_property("calls lost", len(load.failures))
    record_property("seconds of the slowest, and until the last one was lost", round(seconds, 2))
    assert seconds < promised(1)
    assert len(load.failures) < load.answered / 1000, load.failures


async def test_without_any_ingress_callers_get_a_503_that_says_so(clouds: HostedClouds) -> None:
    async with without(clouds, *INGRESSES):
        async with asyncio.timeout(promised(5)):
            answer = await clouds.azure.call(web(clouds), FAR)
        assert answer is not None
        assert answer.status == 503
        assert b"connect" in answer.body


async def test_an_ingress_that_falls_silent_is_replaced_by_the_second_one(
    clouds: HostedClouds, record_property: Record
) -> None:
    """Its packets vanish, as with a host that lost its power: calls on the way are asked again."""
    gateway = await clouds.gcp.system.client.get("Gateway", "first", "shop")
    async with clouds.azure.load(web(clouds), FAR) as load:
        await goes_on(load, more=200)
        began = asyncio.get_running_loop().time()
        with mute(clouds.host("gcp"), gateway["spec"]["listeners"][0]["port"]):
            seconds = await recovered(load, began)
            await goes_on(load, more=200)
    await clouds.azure.uses(web(clouds), FAR, 2)
    record_property("calls lost", len(load.failures))
    record_property("seconds of the slowest, and until the last one was lost", round(seconds, 2))
    assert seconds < promised(2)
    assert len(load.failures) < load.answered / 100, load.failures


async def test_when_a_whole_zone_vanishes_the_other_one_answers_within_two_seconds(
    clouds: HostedClouds, record_property: Record
) -> None:
    """Nobody is told, and the zone's records stay: proxies have to notice. Then it comes back."""
    gcp, others = clouds.host("gcp"), [clouds.host(name).address for name in ("hub", "azure")]
    loop = asyncio.get_running_loop()
    async with clouds.azure.load(web(clouds), ALIKE) as load:
        await until_called(clouds, load, near(clouds), far(clouds))
        with cut(gcp, *others):
            began = loop.time()
            seconds = await recovered(load, began)
            await until_called(clouds, load, near(clouds))
        await until_called(clouds, load, far(clouds))
    record_property("calls", load.answered)
    record_property("calls lost", len(load.failures))
    record_property("seconds of the slowest, and until the last one was lost", round(seconds, 2))
    assert seconds < promised(2)
    await clouds.federated.until_connected("azure", "gcp")


async def test_when_all_instances_nearby_vanish_at_once_the_other_zone_answers_within_two_seconds(
    clouds: HostedClouds, record_property: Record
) -> None:
    """Without a Retry policy: what was on its way to them is lost. For many callers, and for one."""
    azure, loop = clouds.azure, asyncio.get_running_loop()
    addresses = [member.address for member in near(clouds)]
    async with azure.load(web(clouds), EVERYWHERE) as load:
        await until_called(clouds, load, near(clouds))
        with cut(clouds.host("azure"), *addresses):
            many = await recovered(load, loop.time())
        await until_called(clouds, load, near(clouds))
    with cut(clouds.host("azure"), *addresses):
        one = await azure.answers(web(clouds), EVERYWHERE)
    record_property("seconds of the slowest, and until the last one was lost, many callers", round(many, 2))
    record_property("seconds until one caller is answered", round(one, 2))
    assert many < promised(2)
    assert one < promised(2)


async def test_calls_over_a_slow_lossy_narrow_line_between_zones_are_slow_and_none_is_lost(
    clouds: HostedClouds, record_property: Record
) -> None:
    gateways = [await clouds.gcp.system.client.get("Gateway", name, "shop") for name in INGRESSES]
    ports = [gateway["spec"]["listeners"][0]["port"] for gateway in gateways]
    async with slow(clouds.host("azure"), clouds.host("gcp"), *ports, how=OCEAN):
        await clouds.azure.answers(web(clouds), FAR)
        async with clouds.azure.load(web(clouds), FAR) as load:
            await goes_on(load, more=200)
    record_property("calls", load.answered)
    record_property("seconds of the slowest", round(load.slowest, 2))
    assert load.failures == []
