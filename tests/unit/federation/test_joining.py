"""Zones and a global control plane over mTLS: what the one writes is in the other, and nothing else is."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.kit.federation import (
    Site,
    bodies,
    connected,
    drop,
    global_plane,
    has,
    joined,
    lacks,
    put,
    site,
    timeout,
    zone,
    zone_service,
)
from tests.kit.objects import manifest
from tests.kit.wait import eventually

from sekisho.federation import server
from sekisho.store import (
    HistoryLimits,
    MemoryStore,
    Record,
    StorageFull,
    Store,
    Write,
    open_memory,
)
from sekisho.store.ledger import Ledger


@pytest.fixture
def at(tmp_path: Path) -> Site:
    return site(tmp_path)


@pytest.fixture
async def world() -> AsyncIterator[Store]:
    async with open_memory() as store:
        await put(store, zone("azure"))
        await put(store, zone("gcp"))
        yield store


@pytest.fixture
async def azure() -> AsyncIterator[Store]:
    async with open_memory() as store:
        yield store


@pytest.fixture
async def gcp() -> AsyncIterator[Store]:
    async with open_memory() as store:
        yield store


async def test_a_service_of_one_zone_is_seen_in_the_other(
    at: Site, world: Store, azure: Store, gcp: Store
) -> None:
    async with global_plane(at, world), joined(at, "azure", azure), joined(at, "gcp", gcp):
        await put(gcp, zone_service("catalog", "gcp", 3))
        await has(azure, "ZoneService/shop/catalog.gcp")
        (copy,) = (await bodies(azure, "ZoneService")).values()
        assert copy["metadata"]["labels"] == {
            "app": "catalog", "sekisho.dev/origin": "zone", "sekisho.dev/zone": "gcp"
        }  # fmt: skip
        assert copy["spec"]["ports"][0]["instances"] == 3
        await put(gcp, zone_service("catalog", "gcp", 2))

        async def has_two() -> bool:
            (found,) = (await bodies(azure, "ZoneService")).values()
            return found["spec"]["ports"][0]["instances"] == 2

        await eventually(has_two, what="the change came")
        await drop(gcp, "ZoneService/shop/catalog.gcp")
        await lacks(azure, "ZoneService/shop/catalog.gcp")


async def test_what_is_written_at_global_is_in_every_zone_and_secrets_are_in_none(
    at: Site, world: Store, azure: Store, gcp: Store
) -> None:
    async with global_plane(at, world), joined(at, "azure", azure), joined(at, "gcp", gcp):
        await put(world, manifest("Secret", "key", data={"a": "Yg=="}))
        await put(gcp, manifest("Secret", "key", data={"a": "Yg=="}))
        await put(world, timeout("slow"))
        for store in (azure, gcp):
            await has(store, "Timeout/shop/slow")
            (copy,) = (await bodies(store, "Timeout")).values()
            assert copy["metadata"]["labels"] == {"sekisho.dev/origin": "global"}
            assert set(await bodies(store, "Zone")) == {"Zone//azure", "Zone//gcp"}
        assert not await bodies(azure, "Secret")
        assert len(await bodies(world, "Secret")) == 1


async def test_a_zone_that_is_disabled_is_cut_off_and_leaves_the_others(
    at: Site, world: Store, azure: Store, gcp: Store
) -> None:
    async with global_plane(at, world), joined(at, "azure", azure), joined(at, "gcp", gcp) as link:
        await put(gcp, zone_service("catalog", "gcp"))
        await has(azure, "ZoneService/shop/catalog.gcp")
        await put(world, zone("gcp", enabled=False))
        await lacks(azure, "ZoneService/shop/catalog.gcp")

        async def is_told() -> bool:
            return not link.state.connected and "disabled" in link.state.error

        await eventually(is_told, what="gcp is told")
        assert "ZoneService/shop/catalog.gcp" in await bodies(world, "ZoneService")
        await put(world, zone("gcp"))
        await has(azure, "ZoneService/shop/catalog.gcp")


async def test_a_zone_that_is_removed_leaves_nothing_behind(
    at: Site, world: Store, azure: Store, gcp: Store
) -> None:
    async with global_plane(at, world), joined(at, "azure", azure), joined(at, "gcp", gcp):
        await put(gcp, zone_service("catalog", "gcp"))
        await has(azure, "ZoneService/shop/catalog.gcp")
        await drop(world, "Zone//gcp")
        await lacks(azure, "ZoneService/shop/catalog.gcp")
        await lacks(world, "ZoneService/shop/catalog.gcp")
        assert "ZoneService/shop/catalog.gcp" in await bodies(gcp, "ZoneService")


async def test_another_zone_of_the_same_name_has_nothing_of_the_first(
    at: Site, world: Store, azure: Store, gcp: Store
) -> None:
    async with global_plane(at, world), joined(at, "azure", azure):
        async with joined(at, "gcp", gcp):
            await put(gcp, zone_service("catalog", "gcp"))
            await has(azure, "ZoneService/shop/catalog.gcp")
        await drop(world, "Zone//gcp")
        await put(world, zone("gcp"))
        await lacks(azure, "ZoneService/shop/catalog.gcp")
        async with open_memory() as other, joined(at, "gcp", other):
            await put(other, zone_service("cart", "gcp"))
            await has(azure, "ZoneService/shop/cart.gcp")
            assert set(await bodies(world, "ZoneService")) == {"ZoneService/shop/cart.gcp"}


async def test_what_is_ones_own_stays_and_is_told_until_it_is_gone(
    at: Site, world: Store, azure: Store
) -> None:
    await put(azure, timeout("slow", seconds=7))
    await put(world, timeout("slow"))
    async with global_plane(at, world), joined(at, "azure", azure) as link:
        await connected(link)
        (own,) = (await bodies(azure, "Timeout")).values()
        assert own["spec"]["to"][0]["default"] == {"idleTimeout": "7s"}
        assert [str(id) for id in link.state.held.conflicts] == ["Timeout/shop/slow"]

        async def told() -> bool:
            status = (await bodies(world, "Zone"))["Zone//azure"].get("status", {})
            return status.get("conflicts") == ["Timeout/shop/slow"]

        await eventually(told, what="global knows of the conflict")
        await drop(azure, "Timeout/shop/slow")

        async def taken() -> bool:
            found = (await bodies(azure, "Timeout")).get("Timeout/shop/slow")
            return found is not None and found["metadata"]["labels"] == {"sekisho.dev/origin": "global"}

        await eventually(taken, what="global's takes its place")


class FullStore(MemoryStore):
    """Takes nothing until there is room."""

    is_full = True

    async def write(self, writes: Sequence[Write]) -> Sequence[Record | Exception]:
        if self.is_full:
            raise StorageFull("the disk is full")
        return await super().write(writes)


async def test_a_full_disk_delays_and_ends_nothing(at: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "RETRY", 0.01)
    here, there = (FullStore(Ledger(limits=HistoryLimits())) for _ in range(2))
    there.is_full = False
    await put(there, zone("azure"))
    await put(there, timeout("slow"))
    there.is_full = True
    async with global_plane(at, there), joined(at, "azure", here) as link:

        async def is_refused(by: str) -> bool:
            return by in link.state.error

        await eventually(lambda: is_refused("the disk is full"), what="the zone waits")
        here.is_full = False
        await eventually(lambda: is_refused("503"), what="global waits")
        there.is_full = False
        await has(here, "Timeout/shop/slow")


async def test_a_global_that_is_away_changes_nothing_and_is_found_again(
    at: Site, world: Store, azure: Store, gcp: Store
) -> None:
    async with AsyncExitStack() as stack:
        async with global_plane(at, world):  # its port is known from here on
            await stack.enter_async_context(joined(at, "azure", azure))
            await stack.enter_async_context(joined(at, "gcp", gcp))
            await put(gcp, zone_service("catalog", "gcp"))
            await has(azure, "ZoneService/shop/catalog.gcp")
        await put(gcp, zone_service("cart", "gcp"))
        await drop(gcp, "ZoneService/shop/catalog.gcp")
        await put(world, timeout("slow"))
        assert "ZoneService/shop/catalog.gcp" in await bodies(azure, "ZoneService")
        async with global_plane(at, world):
            await has(azure, "ZoneService/shop/cart.gcp")
            await lacks(azure, "ZoneService/shop/catalog.gcp")
            await has(gcp, "Timeout/shop/slow")
