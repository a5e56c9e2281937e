"""Ways into a zone that break under load: an ingress, all of them, the whole zone; and the root it trusts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from tests.kit.clouds import Clouds, multizone, retry, running_clouds
from tests.kit.federated import CONTROL_PLANE
from tests.kit.mesh import Member, Record, goes_on, recovered
from tests.kit.objects import manifest
from tests.kit.system import PATIENCE, promised
from tests.kit.wait import eventually

from sekisho.client.credentials import TrustAnswer, TrustSpec, TrustState
from sekisho.client.reviews import ask

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

CATALOG, FAR, EVERYWHERE = "catalog", "catalog.gcp", "everywhere"
INGRESSES = ("first", "second")
AGAIN = ("ConnectFailure", "RefusedStream", "Reset", "HttpMethodGet")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds() -> AsyncIterator[Clouds]:
    """Catalogs in both zones; in azure it is called in gcp, and wherever it is."""
    async with running_clouds() as clouds:
        azure, gcp = clouds.azure, clouds.gcp
        for number, name in enumerate(INGRESSES, 1):
            await gcp.ingress(name, number)
        for _ in range(2):
            await gcp.join(CATALOG)
        await gcp.lets_in()
        port = gcp.port_of(CATALOG)
        web, _ = await azure.join("web"), await azure.join(CATALOG, port=port)
        await clouds.permit(CATALOG, ("azure", "web"), methods=["GET"])
        await clouds.hub.apply(multizone(EVERYWHERE, port, service=CATALOG), _spread())
        await azure.system.apply(
            retry("ZoneService", FAR, *AGAIN), retry("MultiZoneService", EVERYWHERE, *AGAIN)
        )
        await azure.learns(FAR, port)
        await azure.learns(EVERYWHERE, port, "MultiZoneService")
        for called in (FAR, EVERYWHERE):
            await azure.answers(web, called)
        await azure.uses(web, FAR, len(INGRESSES))
        await clouds.in_sync()
        yield clouds


def _spread() -> dict[str, object]:
    """Calls to the catalog everywhere go to all zones alike."""
    called = {"kind": "MultiZoneService", "name": EVERYWHERE}
    item = {"targetRef": called, "default": {"localityAwareness": {"disabled": True}}}
    return manifest("LoadBalancing", "spread", spec={"to": [item]})


def web(clouds: Clouds) -> Member:
    return clouds.azure.members["web-1"]


@asynccontextmanager
async def without_agent(clouds: Clouds) -> AsyncIterator[None]:
    """Who is killed in gcp stays away until the end of the block."""
    await clouds.gcp.system.kill("agent")
    try:
        yield
    finally:
        await clouds.gcp.system.start_agent()
        await clouds.gcp.system.in_sync()
        await clouds.azure.answers(web(clouds), FAR)
        await clouds.azure.uses(web(clouds), FAR, len(INGRESSES))


async def killed(clouds: Clouds, *names: str) -> None:
    for proxy in [clouds.gcp.proxy(name) for name in names]:
        proxy.kill()
        await asyncio.to_thread(proxy.wait, 10)


async def test_a_killed_ingress_is_replaced_by_the_other_within_a_second(
    clouds: Clouds, record_property: Record
) -> None:
    async with without_agent(clouds), clouds.azure.load(web(clouds), FAR, clients=4) as load:
        await goes_on(load, more=500)
        began = asyncio.get_running_loop().time()
        await killed(clouds, "first")
        seconds = await recovered(load, began)
        await goes_on(load, more=1000)
    record_property("calls", load.answered)
    record_property("failures", load.failures)
    record_property("seconds of the slowest, and until the last failure", round(seconds, 2))
    assert seconds < promised(1)
    assert len(load.failures) < load.answered / 1000, load.failures


async def test_without_any_ingress_callers_get_a_503_that_says_so(clouds: Clouds) -> None:
    async with without_agent(clouds):
        await killed(clouds, *INGRESSES)
        async with asyncio.timeout(promised(5)):
            answer = await clouds.azure.call(web(clouds), FAR)
        assert answer is not None
        assert answer.status == 503
        assert b"connect" in answer.body


@pytest.mark.parametrize("zone", ["gcp", "azure"])
async def test_the_root_of_a_zone_is_replaced_under_load_between_zones_and_no_call_is_lost(
    clouds: Clouds, zone: str
) -> None:
    system = clouds.federated.zones[zone]

    async def trust(action: str = "status") -> TrustState:
        answer = await ask(system.client, "TrustReview", TrustSpec(action=action), TrustAnswer)
        return answer.domains[0]

    before = await trust()

    async def is_steady() -> bool:
        return (await trust()).stage == "Steady"

    async with clouds.azure.load(web(clouds), FAR) as load:
        await trust("rotate")
        await system.until(is_steady, "the rotation ends", within=4 * PATIENCE)
        await goes_on(load, more=100)
    assert (await trust()).roots != before.roots
    assert load.failures == []


async def test_when_a_whole_zone_is_gone_the_other_one_answers_within_two_seconds(
    clouds: Clouds, record_property: Record
) -> None:
    """The last test: gcp does not come back."""
    near, far = clouds.azure.members[f"{CATALOG}-1"].echo, clouds.gcp.members[f"{CATALOG}-1"].echo
    near.received.clear()
    far.received.clear()

    async def both_are_called() -> bool:
        return bool(near.received and far.received)

    async with clouds.azure.load(web(clouds), EVERYWHERE, clients=4) as load:
        await goes_on(load, more=200)
        await eventually(both_are_called, what="both zones are called", within=PATIENCE)
        began = asyncio.get_running_loop().time()
        await clouds.gcp.system.kill("agent")
        await clouds.gcp.system.kill(CONTROL_PLANE)
        for envoy in clouds.gcp.system.envoys():
            envoy.kill()
        seconds = await recovered(load, began)
        await goes_on(load, more=500)
    record_property("calls", load.answered)
    record_property("failures", load.failures)
    record_property("seconds of the slowest, and until the last failure", round(seconds, 2))
    assert seconds < promised(2)
