"""Backups that are restored: nothing that lives is taken away before somebody agrees."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from tests.kit.wait import eventually

from sekisho.federation import client
from sekisho.federation.client import ZoneLink
from sekisho.model.names import ResourceId
from sekisho.store import HistoryLimits, Store, open_sqlite

CATALOG = "ZoneService/shop/catalog.gcp"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REPORT_EVERY", 0.1)


@pytest.fixture
def at(tmp_path: Path) -> Site:
    return site(tmp_path)


@asynccontextmanager
async def opened(at: Site, name: str) -> AsyncIterator[Store]:
    limits = HistoryLimits(events=50)
    async with open_sqlite(at.folder / f"{name}.db", at.folder / "key", limits=limits) as store:
        yield store


@asynccontextmanager
async def serving(at: Site, name: str) -> AsyncIterator[Store]:
    async with opened(at, name) as store, global_plane(at, store):
        yield store


def back_up(at: Site, name: str) -> None:
    """Of a store that is closed, with what SQLite keeps beside it."""
    for file in at.folder.glob(f"{name}.db*"):
        shutil.copy(file, file.with_name(f"backup-{file.name}"))


def restore(at: Site, name: str) -> None:
    for file in at.folder.glob(f"{name}.db*"):
        file.unlink()
    for file in at.folder.glob(f"backup-{name}.db*"):
        shutil.copy(file, file.with_name(file.name.removeprefix("backup-")))


async def waits_for(link: ZoneLink, *ids: str) -> None:
    async def does_it() -> bool:
        return link.state.connected and link.state.held.kept == {ResourceId.parse(id) for id in ids}

    await eventually(does_it, what=f"kept: {ids}")


async def agree(world: Store, name: str, *, held: bool) -> None:
    """As `sekisho zone confirm` does."""

    async def asked() -> str:
        status = (await bodies(world, "Zone"))[f"Zone//{name}"].get("status", {})
        return str((status.get("held") or {}).get("confirmation") if held else status.get("confirmation"))

    async def is_asked() -> bool:
        return await asked() not in {"", "None"}

    await eventually(is_asked, what="a confirmation is asked for")
    document = zone(name)
    document["metadata"]["annotations"] = {"sekisho.dev/confirm": f"other,{await asked()}"}
    await put(world, document)


async def test_what_an_old_global_does_not_know_is_kept_until_somebody_agrees(at: Site) -> None:
    async with opened(at, "world") as world:
        await put(world, zone("azure"))
        async with global_plane(at, world):
            pass
    back_up(at, "world")
    async with opened(at, "azure") as azure:
        async with opened(at, "world") as world:
            await put(world, timeout("slow"))
            async with global_plane(at, world), joined(at, "azure", azure):
                await has(azure, "Timeout/shop/slow")
        restore(at, "world")
        async with serving(at, "world") as world:
            async with joined(at, "azure", azure) as link:
                await waits_for(link, "Timeout/shop/slow")
            async with joined(at, "azure", azure) as link:  # and after a restart
                await waits_for(link, "Timeout/shop/slow")
                assert "Timeout/shop/slow" in await bodies(azure, "Timeout")
                await agree(world, "azure", held=False)
                await lacks(azure, "Timeout/shop/slow")
                await waits_for(link)


async def test_services_of_living_zones_come_back_by_themselves(at: Site) -> None:
    async with opened(at, "world") as world:
        await put(world, zone("azure"))
        await put(world, zone("gcp"))
        async with global_plane(at, world):
            pass
    back_up(at, "world")
    async with opened(at, "azure") as azure, opened(at, "gcp") as gcp:
        async with serving(at, "world"), joined(at, "azure", azure), joined(at, "gcp", gcp):
            await put(gcp, zone_service("catalog", "gcp"))
            await has(azure, CATALOG)
        restore(at, "world")
        async with serving(at, "world"), joined(at, "azure", azure) as link:
            await waits_for(link, CATALOG)
            async with joined(at, "gcp", gcp):
                await waits_for(link)
                assert CATALOG in await bodies(azure, "ZoneService")
                await drop(gcp, CATALOG)
                await lacks(azure, CATALOG)


async def test_what_an_old_zone_does_not_know_is_kept_at_global_until_somebody_agrees(at: Site) -> None:
    async with opened(at, "gcp") as gcp:
        await put(gcp, zone_service("cart", "gcp"))
    back_up(at, "gcp")
    async with opened(at, "world") as world, opened(at, "azure") as azure:
        await put(world, zone("azure"))
        await put(world, zone("gcp"))
        async with global_plane(at, world), joined(at, "azure", azure):
            async with opened(at, "gcp") as gcp, joined(at, "gcp", gcp):
                await put(gcp, zone_service("catalog", "gcp"))
                await has(azure, CATALOG)
            restore(at, "gcp")
            async with opened(at, "gcp") as gcp, joined(at, "gcp", gcp) as link:
                await connected(link)
                await agree(world, "gcp", held=True)
                await lacks(azure, CATALOG)
                assert "ZoneService/shop/cart.gcp" in await bodies(azure, "ZoneService")


async def test_whoever_was_away_for_long_deletes_what_is_really_gone(at: Site) -> None:
    """The history is compacted, and the same: nobody is asked."""
    async with opened(at, "world") as world, opened(at, "azure") as azure:
        await put(world, zone("azure"))
        await put(world, timeout("slow"))
        async with global_plane(at, world), joined(at, "azure", azure):
            await has(azure, "Timeout/shop/slow")
        await drop(world, "Timeout/shop/slow")
        for number in range(60):
            await put(world, timeout("other", seconds=1 + number % 2))
        async with global_plane(at, world), joined(at, "azure", azure) as link:
            await lacks(azure, "Timeout/shop/slow")
            assert not link.state.held.kept
