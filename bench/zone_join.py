"""Zones that join a global control plane, and come back to it: how long, and how many bytes on the wire.

Five zones with 500 services each. Global and the zone that joins share this process and its one core, with
their stores on disk and mutual TLS between them: less than they have in life.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.kit.federation import Site, connected, global_plane, joined, put, site, timeout, zone, zone_service
from tests.kit.relay import relay
from tests.kit.wait import eventually

from bench.harness import Row, at_most, shown
from sekisho.federation.client import ZoneLink
from sekisho.federation.table import UP_KINDS
from sekisho.store import Store, open_memory, open_sqlite

NAME = "zone-join"
ZONES = 5
SERVICES = 500
JOINS = "zone-4"
COMPACTED = 10_100
"""Writes after which no history leads back to before them."""


def main() -> list[Row]:
    """The first join, one to nothing new, and one after so long that everything is compared."""
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    async with AsyncExitStack() as stack:
        at = site(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        world = await stack.enter_async_context(_store(at, "world"))
        joins = await stack.enter_async_context(_store(at, JOINS))
        await _fill(joins, JOINS)
        await stack.enter_async_context(global_plane(at, world))
        await _join_the_others(at, world)
        await put(world, zone(JOINS))
        first, told = await _join(at, joins)
        again, nothing = await _join(at, joins)
        for number in range(COMPACTED):
            await put(world, timeout("other", seconds=1 + number % 2))
        long, compared = await _join(at, joins)
    return [
        at_most(NAME, f"joins from nothing, {ZONES} × {SERVICES} services", first, 15, "s"),
        shown(NAME, "joins from nothing, on the wire", told / 1000, "KB"),
        at_most(NAME, "comes back, nothing changed", again, 1, "s"),
        at_most(NAME, "comes back, nothing changed, on the wire", nothing / 1000, 100, "KB"),
        shown(NAME, "comes back, and everything is compared", long, "s"),
        shown(NAME, "comes back, and everything is compared, on the wire", compared / 1000, "KB"),
    ]


@asynccontextmanager
async def _store(at: Site, name: str) -> AsyncIterator[Store]:
    async with open_sqlite(at.folder / f"{name}.db", at.folder / f"{name}.store-key") as store:
        yield store


async def _fill(store: Store, name: str) -> None:
    for number in range(SERVICES):
        await put(store, zone_service(f"service-{number}", name, instances=number % 7))


async def _join_the_others(at: Site, world: Store) -> None:
    """One after the other, and away again: their records stay at global."""
    for number in range(ZONES - 1):
        name = f"zone-{number}"
        await put(world, zone(name))
        async with open_memory() as store:
            await _fill(store, name)
            async with joined(at, name, store) as link:
                await _is_told(link, await _newest(store))


async def _join(at: Site, store: Store) -> tuple[float, int]:
    """Seconds until the zone knows all and global knows all of it, and bytes with those of TLS."""
    async with relay(at.port) as line:
        started = time.perf_counter()
        newest = await _newest(store)
        async with joined(Site(at.folder, at.authority, line.port), JOINS, store) as link:
            await _is_told(link, newest)
            await _knows(store, ZONES * SERVICES)
            seconds = time.perf_counter() - started
        return seconds, line.bytes


async def _newest(store: Store) -> int:
    """The last revision of what may cross; of what the zone notes for itself it tells in passing."""
    return max(record.revision for record in (await store.list(UP_KINDS)).records)


async def _is_told(link: ZoneLink, revision: int) -> None:
    """Global has acknowledged what the store held then."""

    async def is_it() -> bool:
        return int(link.state.acknowledged.rpartition(".")[2] or 0) >= revision

    await connected(link)
    await eventually(is_it, what="global has it all", within=60)


async def _knows(store: Store, number: int) -> None:
    async def does_it() -> bool:
        return len((await store.list(("ZoneService",))).records) == number

    await eventually(does_it, what=f"{number} services are known", within=60)
