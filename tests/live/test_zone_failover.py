"""An ingress dies: the other one of its zone takes over; without one, callers are told."""

import asyncio
from pathlib import Path

import pytest
from tests.kit.load import under_load
from tests.kit.mesh import goes_on
from tests.kit.system import promised
from tests.kit.wait import eventually
from tests.kit.zones import CALLED_PORT, LiveZone, two_zones

from sekisho.model.names import ResourceId

pytestmark = pytest.mark.live

CLIENTS = 4
"""Of either sort, as `under_load` has them."""


async def both(azure: LiveZone, gcp: LiveZone) -> None:
    """`web` in azure, which calls `catalog` in gcp."""
    await gcp.instance("catalog-1", "catalog")
    await azure.instance("web-1", "web")
    await gcp.settled()
    await azure.settled()


async def test_when_one_ingress_dies_the_other_takes_over(tmp_path: Path) -> None:
    async with two_zones(tmp_path) as (azure, gcp):
        first = await gcp.ingress("first")
        await gcp.ingress("second")
        await both(azure, gcp)
        address = azure.place("web-1", "catalog.gcp")
        async with under_load(CALLED_PORT, "catalog", address=address, clients=CLIENTS, pause=0.002) as load:
            await goes_on(load, more=200)
            del gcp.proxies[ResourceId("Gateway", "shop", "first")]
            first.envoy.process.kill()
            await goes_on(load, more=200)
        # What was being answered on connections of the dead one is lost, and nothing else: one of each.
        assert len(load.failures) <= 2 * CLIENTS, load.failures
        assert all("503" in failure for failure in load.failures)


async def test_without_another_ingress_callers_are_told_at_once(tmp_path: Path) -> None:
    async with two_zones(tmp_path) as (azure, gcp):
        only = await gcp.ingress()
        await both(azure, gcp)
        assert (await azure.call("web-1", "catalog.gcp")).status == 200
        del gcp.proxies[ResourceId("Gateway", "shop", "ingress")]
        only.envoy.process.kill()
        await only.envoy.process.wait()
        async with asyncio.timeout(promised(3)):
            assert (await azure.call("web-1", "catalog.gcp")).status == 503


async def test_requests_of_one_client_are_spread_over_all_instances(tmp_path: Path) -> None:
    """The ingress deals out connections; requests of HTTP/2 could all be on one."""
    async with two_zones(tmp_path) as (azure, gcp):
        await gcp.ingress()
        await both(azure, gcp)
        echoes = [await gcp.instance(f"catalog-{number}", "catalog") for number in (2, 3)]
        await gcp.settled()
        address = azure.place("web-1", "catalog.gcp")
        async with under_load(CALLED_PORT, "catalog", address=address, clients=60, pause=0.01):

            async def all_are_asked() -> bool:
                return all(len(echo.received) > 20 for echo in echoes)

            await eventually(all_are_asked, what="every instance is asked")
