"""One service in two zones: the caller's own first, the other one when it fails, and back again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from msgspec.structs import replace
from tests.kit.echo import Echo
from tests.kit.load import Load, under_load
from tests.kit.mesh import Record
from tests.kit.system import promised
from tests.kit.wait import eventually
from tests.kit.zones import CALLED_PORT, LiveZone, two_zones
from tests.unit.translate.world import Document, document

from sekisho.model.names import ResourceId

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

SERVICE = "*.catalog"


@dataclass
class Clouds:
    azure: LiveZone
    gcp: LiveZone
    near: list[Echo]
    """Two instances in azure, where the caller is."""
    far: Echo

    async def share(self, times: int = 30) -> tuple[int, int]:
        """How many requests got to each instance nearby; the others went to the other zone."""
        for echo in (*self.near, self.far):
            echo.received.clear()
        for _ in range(times):
            await self.azure.call("web-1", SERVICE, "/share")
        first, second = (sum(one["path"] == "/share" for one in echo.received) for echo in self.near)
        return first, second

    async def is_at_home(self) -> bool:
        return sum(await self.share(10)) == 10

    async def is_away(self) -> bool:
        nearby = sum(await self.share(10))
        return nearby == 0 and sum(one["path"] == "/share" for one in self.far.received) == 10

    def set_ready(self, workload: str, *, ready: bool) -> None:
        found = self.azure.read(ResourceId("Workload", "shop", workload))
        self.azure.put(replace(found, spec=replace(found.spec, ready=ready)))

    @asynccontextmanager
    async def load(self) -> AsyncIterator[Load]:
        address = self.azure.place("web-1", SERVICE)
        async with under_load(CALLED_PORT, "catalog", address=address, clients=3, pause=0.005) as load:
            yield load


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clouds]:
    folder = tmp_path_factory.mktemp("zones")
    async with two_zones(folder) as (azure, gcp):
        await gcp.ingress()
        far = await gcp.instance("catalog-1", "catalog")
        near = [await azure.instance(f"catalog-{number}", "catalog") for number in (1, 2)]
        await azure.instance("web-1", "web")
        azure.apply(several())
        await gcp.settled()
        await azure.settled()
        found = Clouds(azure, gcp, near, far)
        await eventually(found.is_at_home, what="instances nearby are called")
        yield found


def several() -> Document:
    spec = {
        "selector": {"zoneService": {"matchLabels": {"sekisho.dev/service": "catalog"}}},
        "ports": [{"port": CALLED_PORT, "protocol": "http"}],
    }
    return document("MultiZoneService", "catalog", "shop", spec=spec)


def near(**awareness: object) -> Document:
    item = {
        "targetRef": {"kind": "MultiZoneService", "name": "catalog"},
        "default": {"localityAwareness": awareness},
    }
    return document("LoadBalancing", "near", "shop", spec={"to": [item]})


def retry(*conditions: str) -> Document:
    item = {
        "targetRef": {"kind": "MultiZoneService", "name": "catalog"},
        "default": {"http": {"numRetries": 3, "retryOn": list(conditions)}},
    }
    return document("Retry", "again", "shop", spec={"to": [item]})


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that neither answers nor ends: what a host that vanished looks like."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_instances_nearby_are_called_and_know_who_calls(clouds: Clouds) -> None:
    first, second = await clouds.share()
    assert first + second == 30
    assert min(first, second) > 0


async def test_when_nobody_nearby_is_ready_the_other_zone_takes_over_and_gives_back(clouds: Clouds) -> None:
    async with clouds.load() as load:
        for _ in range(3):
            for name in ("catalog-1", "catalog-2"):
                clouds.set_ready(name, ready=False)
            await eventually(clouds.is_away, what="the other zone is called")
            for name in ("catalog-1", "catalog-2"):
                clouds.set_ready(name, ready=True)
            await eventually(clouds.is_at_home, what="instances nearby are called again")
    assert load.failures == []
    assert load.answered > 100


async def test_when_all_instances_nearby_vanish_the_other_zone_takes_over(
    clouds: Clouds, record_property: Record
) -> None:
    """Nobody told the control plane: only the caller's proxy can notice."""
    proxies = [clouds.azure.proxies[ResourceId("Workload", "shop", f"catalog-{number}")] for number in (1, 2)]
    loop = asyncio.get_running_loop()
    with stopped(proxies[0].envoy.process.pid), stopped(proxies[1].envoy.process.pid):
        began = loop.time()

        async def answered() -> bool:
            return (await clouds.azure.call("web-1", SERVICE)).status == 200

        await eventually(answered, what="somebody answers")
        took = loop.time() - began
        await eventually(clouds.is_away, what="the other zone is called")
    assert took < promised(2)
    record_property("seconds until somebody answers", round(took, 2))
    await eventually(clouds.is_at_home, what="instances nearby are called again")


async def test_when_a_zone_vanishes_its_share_goes_to_the_others(
    clouds: Clouds, record_property: Record
) -> None:
    """All zones are alike here, so half of the calls go to the other one when its ingress goes. What was on
    its way there is lost."""
    clouds.azure.apply(near(disabled=True))
    await clouds.azure.settled()

    async def both() -> bool:
        return 0 < sum(await clouds.share(20)) < 20

    await eventually(both, what="both zones are called")
    ingress = clouds.gcp.proxies[ResourceId("Gateway", "shop", "ingress")]
    loop = asyncio.get_running_loop()
    try:
        with stopped(ingress.envoy.process.pid):
            began = loop.time()
            failed_last = 0.0
            while loop.time() - began < promised(5):
                answer = await clouds.azure.call("web-1", SERVICE)
                if answer.status != 200:
                    failed_last = loop.time() - began
            assert await clouds.is_at_home()
        assert failed_last < promised(2)
        record_property("seconds until none failed", round(failed_last, 2))
        await eventually(both, what="both zones are called again")
    finally:
        clouds.azure.remove(ResourceId("LoadBalancing", "shop", "near"))
        await clouds.azure.settled()


async def test_zones_that_no_step_names_are_not_called(clouds: Clouds) -> None:
    clouds.azure.apply(near(crossZone={"failover": [{"to": {"type": "None"}}]}))
    await clouds.azure.settled()
    for name in ("catalog-1", "catalog-2"):
        clouds.set_ready(name, ready=False)
    try:

        async def nobody() -> bool:
            return (await clouds.azure.call("web-1", SERVICE)).status == 503

        await eventually(nobody, what="nobody is called")
    finally:
        for name in ("catalog-1", "catalog-2"):
            clouds.set_ready(name, ready=True)
        clouds.azure.remove(ResourceId("LoadBalancing", "shop", "near"))
    await eventually(clouds.is_at_home, what="instances nearby are called again")


async def test_an_instance_that_dies_costs_nothing_that_may_be_asked_twice(
    clouds: Clouds, record_property: Record
) -> None:
    """What it was answering just then would be lost without a policy: who calls must know."""
    clouds.azure.apply(retry("ConnectFailure", "RefusedStream", "Reset", "HttpMethodGet"))
    await clouds.azure.settled()
    dying = clouds.azure.proxies.pop(ResourceId("Workload", "shop", "catalog-1"))
    async with clouds.load() as load:
        await eventually(lambda: _answered(load, 200), what="calls are made")
        dying.envoy.process.kill()
        then = load.answered
        await eventually(lambda: _answered(load, then + 1000), what="calls go on")
    assert load.failures == []

    async def the_other_one_alone() -> bool:
        return await clouds.share() == (0, 30)

    await eventually(the_other_one_alone, what="the other one nearby is enough")
    record_property("answered", load.answered)


async def _answered(load: Load, count: int) -> bool:
    return load.answered >= count
