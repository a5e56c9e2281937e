"""What it costs to come back: the difference, and not the world."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.kit.federation import Site, bodies, connected, global_plane, joined, put, site, zone, zone_service
from tests.kit.relay import Relay, relay
from tests.kit.wait import eventually

from sekisho.federation.journal import JOURNAL
from sekisho.store import Store, open_memory

SERVICES = 300


@asynccontextmanager
async def world(at: Site, azure: Store) -> AsyncIterator[Relay]:
    """Where gcp has many services and azure knows them; and the line azure comes back by."""
    async with open_memory() as store, open_memory() as gcp:
        for name in ("azure", "gcp"):
            await put(store, zone(name))
        for number in range(SERVICES):
            await put(gcp, zone_service(f"s{number}", "gcp"))
        async with global_plane(at, store), joined(at, "gcp", gcp):
            await knows(store, SERVICES)
            async with joined(at, "azure", azure):
                await knows(azure, SERVICES)
                await remembers(azure)
            async with relay(at.port) as line:
                yield line


async def knows(store: Store, number: int) -> None:
    async def does_it() -> bool:
        return len(await bodies(store, "ZoneService")) == number

    await eventually(does_it, what=f"{number} services are known")


async def remembers(store: Store) -> None:
    """Returns when a zone has written down up to where it was told everything."""

    async def does_it() -> bool:
        journal = (await bodies(store, JOURNAL.kind)).get(str(JOURNAL), {})
        return "held" in journal.get("data", {})

    await eventually(does_it, what="the zone remembers what it was told")


async def test_a_zone_that_comes_back_to_nothing_new_costs_less_than_10_kilobytes(tmp_path: Path) -> None:
    at = site(tmp_path)
    async with open_memory() as azure, world(at, azure) as line:
        before = await azure.revision()
        async with joined(Site(at.folder, at.authority, line.port), "azure", azure) as link:
            await connected(link)
        assert await azure.revision() <= before + 2, "only its own journal was written"
        assert 1_000 < line.bytes < 10_000, "two handshakes of mutual TLS, and hardly anything else"


async def test_everything_is_compressed_where_everything_is_told(tmp_path: Path) -> None:
    at = site(tmp_path)
    async with open_memory() as azure, open_memory() as empty, world(at, azure) as line:
        async with joined(Site(at.folder, at.authority, line.port), "azure", empty) as link:
            await knows(empty, SERVICES)
            await connected(link)
        plain = sum(len(record.body) for record in (await empty.list(("ZoneService",))).records)
        assert line.bytes < plain / 4


async def test_a_line_that_breaks_is_mended_without_being_told_everything(tmp_path: Path) -> None:
    at = site(tmp_path)
    async with open_memory() as azure, world(at, azure) as line:
        async with joined(Site(at.folder, at.authority, line.port), "azure", azure) as link:
            for _ in range(5):
                await connected(link)
                since = link.state.since
                line.cut()

                async def is_back(since: object = since) -> bool:
                    return link.state.connected and link.state.since != since

                await eventually(is_back, what="the zone is back")
        assert line.bytes < 60_000
