"""`sekisho.federation.feed`: what is told, once, in order, and from where one left off."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.kit.federation import drop, of_zone, put, timeout, zone, zone_service
from tests.kit.objects import manifest

from sekisho.federation.epochs import Epochs
from sekisho.federation.feed import DownView, Ended, Feed, UpView, enabled_zones
from sekisho.federation.messages import MOST_CHANGES, Batch
from sekisho.model.names import ResourceId
from sekisho.store import HistoryLimits, Store, Write, open_memory

EPOCHS = Epochs().begun("a", 0)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_memory(limits=HistoryLimits(events=30)) as store:
        await put(store, zone("gcp"))
        await put(store, zone("azure"))
        yield store


async def down(store: Store, since: str, epochs: Epochs = EPOCHS, *, listing: bool = False) -> Feed:
    """What azure is told."""
    zones = enabled_zones((await store.list(("Zone",))).records)
    feed = Feed(store, epochs, DownView("azure", zones))
    await feed.start(since, listing=listing)
    return feed


async def now(store: Store) -> str:
    return f"a.{await store.revision()}"


def told(batch: Batch) -> tuple[set[str], set[str]]:
    """Ids that were put and ids that are gone."""
    objects: list[dict[str, Any]] = [json.loads(bytes(raw)) for raw in batch.puts]
    puts = {f"{one['kind']}/{one['metadata']['name']}" for one in objects}
    return puts, {f"{id.kind}/{id.name}" for id in batch.gone}


async def test_whoever_knows_nothing_is_told_everything_in_bounded_batches(store: Store) -> None:
    for number in range(MOST_CHANGES + 10):
        await put(store, zone_service(f"s{number}", "gcp"))
    feed = await down(store, "")
    first, second = await feed.next(), await feed.next()
    assert (len(first.puts), first.listing, first.token) == (MOST_CHANGES, "part", "")
    assert (len(second.puts), second.listing, second.token) == (12, "end", await now(store))
    assert second.continues


async def test_whoever_comes_back_is_told_what_changed(store: Store) -> None:
    await put(store, zone_service("old", "gcp"))
    since = await now(store)
    await put(store, zone_service("new", "gcp", 1))
    await put(store, zone_service("new", "gcp", 2))
    await drop(store, "ZoneService/shop/old.gcp")
    batch = await (await down(store, since)).next()
    assert told(batch) == ({"ZoneService/new.gcp"}, {"ZoneService/old.gcp"})
    assert batch.token == await now(store)
    (new,) = batch.puts
    assert json.loads(bytes(new))["spec"]["ports"][0]["instances"] == 2, "of several changes the last one"


@pytest.mark.parametrize(
    ("since", "continues"), [("a.1", True), ("b.1", False), ("a.999", False), ("no token", False)]
)
async def test_where_no_history_leads_everything_is_told(store: Store, since: str, continues: bool) -> None:
    """Compacted; of another history; never reached; nonsense."""
    for number in range(40):
        await put(store, timeout("slow", seconds=1 + number % 2))
    batch = await (await down(store, since)).next()
    assert (batch.listing, batch.continues) == ("end", continues)


async def test_everything_is_told_to_who_asks_for_it(store: Store) -> None:
    batch = await (await down(store, await now(store), listing=True)).next()
    assert (batch.listing, batch.continues) == ("end", True)
    assert told(batch)[0] == {"Zone/gcp", "Zone/azure"}


async def test_a_status_is_nobodys_business(store: Store) -> None:
    await put(store, zone_service("catalog", "gcp"))
    feed = await down(store, await now(store))
    id = ResourceId("ZoneService", "shop", "catalog.gcp")
    await store.write([Write("status", id, {"status": {"vip": {"ip": "243.0.0.1"}}})])
    batch = await feed.next()
    assert told(batch) == (set(), set())
    assert batch.token == await now(store)


async def test_a_zone_that_is_disabled_takes_its_records_along_and_brings_them_back(store: Store) -> None:
    await put(store, zone_service("catalog", "gcp"))
    await put(store, zone_service("cart", "aws"))
    feed = await down(store, await now(store))
    await put(store, zone("gcp", enabled=False))
    assert told(await feed.next()) == ({"Zone/gcp"}, {"ZoneService/catalog.gcp"})
    await put(store, zone_service("catalog", "gcp", 9))
    assert told(await feed.next()) == (set(), set())
    await put(store, zone("gcp"))
    assert told(await feed.next()) == ({"Zone/gcp", "ZoneService/catalog.gcp"}, set())


async def test_what_a_zone_lost_while_it_was_disabled_and_nobody_listened_is_gone(store: Store) -> None:
    await put(store, zone_service("a", "gcp"))
    await put(store, zone_service("b", "gcp"))
    since = await now(store)
    await put(store, zone("gcp", enabled=False))
    await drop(store, "ZoneService/shop/a.gcp")
    batch = await (await down(store, since)).next()
    assert told(batch) == ({"Zone/gcp"}, {"ZoneService/a.gcp", "ZoneService/b.gcp"})


async def test_a_policy_that_is_no_producers_any_more_is_gone(store: Store) -> None:
    def of_gcp(to: dict[str, Any]) -> dict[str, Any]:
        document = timeout("slow.gcp", to)
        return {**document, "metadata": {**document["metadata"], "labels": of_zone("gcp")}}

    await put(store, of_gcp({"kind": "Service", "name": "catalog"}))
    feed = await down(store, await now(store))
    await put(store, of_gcp({"kind": "Mesh"}))
    assert told(await feed.next()) == (set(), {"Timeout/slow.gcp"})


async def test_a_zone_tells_of_its_own_and_of_nothing_else() -> None:
    async with open_memory() as store:
        await put(store, zone_service("catalog", "gcp"))
        await put(store, zone_service("cart", "aws"))
        await put(store, timeout("slow"))
        await put(store, manifest("Secret", "key", stringData={"a": "b"}))
        feed = Feed(store, EPOCHS, UpView("gcp"))
        await feed.start("")
        assert told(await feed.next())[0] == {"ZoneService/catalog.gcp", "Timeout/slow.gcp"}


async def test_a_wait_that_is_given_up_loses_nothing(store: Store) -> None:
    feed = await down(store, await now(store))
    for number in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await feed.next()
        await put(store, timeout(f"t{number}"))
        assert told(await feed.next())[0] == {f"Timeout/t{number}"}


async def test_who_falls_behind_is_told_everything(store: Store) -> None:
    feed = await down(store, await now(store))
    for number in range(80):
        await put(store, timeout(f"t{number}"))
    batch = await feed.next()
    assert (batch.listing, batch.continues, len(batch.puts)) == ("end", True, 82)


async def test_a_feed_that_is_closed_ends_for_whoever_waits(store: Store) -> None:
    feed = await down(store, await now(store))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_ended(feed))
        await asyncio.sleep(0)
        await feed.close()
    assert waiting.result()
    assert await _ended(feed)


async def _ended(feed: Feed) -> bool:
    try:
        await feed.next()
    except Ended:
        return True
    return False
