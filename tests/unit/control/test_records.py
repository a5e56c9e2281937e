"""Records of a zone in its own store: kept equal to what is shown, and to nothing more than that."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.kit.objects import write
from tests.kit.pki import TestAuthority
from tests.unit.control.test_loop import until
from tests.unit.translate.mesh.mesh import application, member, mesh
from tests.unit.translate.zone.zones import zone_service, zone_trust

from sekisho.aio.clock import SystemClock
from sekisho.control.loop import ControlLoop
from sekisho.model.names import ResourceId
from sekisho.store.memory import open_memory
from sekisho.store.protocol import Store, Write
from sekisho.translate.facts import Authority, AuthorityState, Settings

CATALOG = ResourceId("ZoneService", "shop", "catalog.gcp")
TRUST = ResourceId("MeshTrust", "sekisho-system", "default.gcp")
SHOP = [
    mesh(),
    application("catalog", "241.0.0.1"),
    member("catalog-1", "catalog", "10.0.0.1"),
    member("catalog-2", "catalog", "10.0.0.2"),
]


@asynccontextmanager
async def gcp(store: Store, *, linked: bool = True) -> AsyncIterator[ControlLoop]:
    """A control plane of zone `gcp`."""
    loop = ControlLoop(store, SystemClock(), Settings(zone="gcp", linked=linked))
    task = asyncio.ensure_future(loop.run())
    await loop.ready.wait()
    yield loop
    task.cancel()
    await asyncio.wait([task])


async def names(store: Store) -> set[str]:
    listing = await store.list(["ZoneService", "ZoneIngress", "MeshTrust"])
    return {record.id.name for record in listing.records}


async def says(store: Store, record: ResourceId, holds: Callable[[Any], Any]) -> Any:
    """The spec of a record as soon as `holds` says yes to it; None while there is none."""
    async with asyncio.timeout(60):
        while True:
            listing = await store.list([record.kind])
            found = [json.loads(one.body)["spec"] for one in listing.records if one.id == record]
            if holds(found[0] if found else None):
                return found[0] if found else None
            await asyncio.sleep(0.005)


def instances(spec: Any) -> int:
    return int(spec["ports"][0]["instances"])


async def test_records_follow_what_is_shown() -> None:
    async with open_memory() as store, gcp(store):
        await store.write([write("create", one) for one in SHOP])
        assert instances(await says(store, CATALOG, bool)) == 2
        await store.write([Write("delete", ResourceId("Workload", "shop", "catalog-2"))])
        await says(store, CATALOG, lambda spec: spec and instances(spec) == 1)
        await store.write([Write("delete", ResourceId("Service", "shop", "catalog"))])
        await says(store, CATALOG, lambda spec: spec is None)


async def test_an_endpoint_that_changes_no_count_is_not_written() -> None:
    async with open_memory() as store, gcp(store):
        await store.write([write("create", one) for one in SHOP])
        await says(store, CATALOG, bool)
        before = (await store.get(CATALOG)).revision
        await store.write([write("update", member("catalog-2", "catalog", "10.0.0.3"))])
        await store.write([write("create", application("cart", "241.0.0.2"))])
        await says(store, ResourceId("ZoneService", "shop", "cart.gcp"), bool)  # which came after it
        assert (await store.get(CATALOG)).revision == before


async def test_a_control_plane_that_begins_anew_takes_back_what_is_shown_no_more_and_nothing_else() -> None:
    async with open_memory() as store:
        async with gcp(store) as loop:
            await store.write([write("create", one) for one in SHOP])
            authority = AuthorityState(bundles=(("default.gcp.mesh.local", TestAuthority().certificate),))
            loop.inbox.put({Authority.of("default"): authority}, 0.0)
            await says(store, CATALOG, bool)
            await says(store, TRUST, bool)
        others = [zone_service(of="azure"), zone_trust(of="azure")]
        await store.write([write("create", one) for one in others])
        await store.write([Write("delete", ResourceId("Service", "shop", "catalog"))])
        async with gcp(store):
            await says(store, CATALOG, lambda spec: spec is None)
            # Its authority has not been heard of in this run: others are to go on believing it.
            assert await names(store) == {"default.gcp", "catalog.azure", "default.azure"}


async def test_a_zone_that_is_linked_no_more_keeps_no_records() -> None:
    async with open_memory() as store:
        await store.write([write("create", one) for one in SHOP])
        async with gcp(store):
            await says(store, CATALOG, bool)
        async with gcp(store, linked=False):
            await says(store, CATALOG, lambda spec: spec is None)


async def test_what_nobody_reads_is_not_written() -> None:
    async with open_memory() as store, gcp(store, linked=False) as loop:
        await store.write([write("create", one) for one in SHOP])
        workload = ResourceId("Workload", "shop", "catalog-1")
        await until(lambda: loop.statuses.current(workload))
        assert await names(store) == set()
