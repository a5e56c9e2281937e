"""What `store/protocol.py` promises, asked of every store."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.kit.clock import FakeClock

from sekisho.model.names import ResourceId
from sekisho.store import (
    AlreadyExists,
    Conflict,
    Event,
    EventType,
    Expired,
    HistoryLimits,
    NotFound,
    Record,
    Store,
    StoreFailed,
    Watch,
    Write,
    open_memory,
    open_sqlite,
)

CART = ResourceId("HTTPRoute", "shop", "cart")
PAY = ResourceId("HTTPRoute", "shop", "pay")
CLASS = ResourceId("GatewayClass", "", "sekisho")
START = datetime(2026, 3, 1, 12, 30, 15, 999_999, tzinfo=UTC)

Opener = Callable[..., AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens an empty store of each kind."""
    if request.param == "memory":
        return open_memory
    return lambda **options: open_sqlite(tmp_path / "store.db", tmp_path / "store.key", **options)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
async def store(opened: Opener, clock: FakeClock) -> AsyncIterator[Store]:
    async with opened(clock=clock, limits=HistoryLimits(events=20)) as store:
        yield store


def thing(spec: Any = None, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Any", "metadata": metadata, "spec": spec or {}}


async def put(
    store: Store, verb: str, id: ResourceId, given: Any = None, expect: int | None = None
) -> Record:
    """One write that must succeed."""
    (result,) = await store.write([Write(verb, id, given, expect)])
    if isinstance(result, Exception):
        raise result
    return result


async def create(store: Store, id: ResourceId, spec: Any = None, **metadata: Any) -> Record:
    return await put(store, "create", id, thing(spec, **metadata))


def body(record: Record) -> dict[str, Any]:
    return json.loads(record.body)


async def take(watch: Watch, count: int) -> list[Event]:
    """Exactly the next `count` events; the batches must end there."""
    events: list[Event] = []
    async with asyncio.timeout(60):
        while len(events) < count:
            events += await anext(watch)
    assert len(events) == count
    return events


def seen(events: Sequence[Event]) -> list[tuple[str, str, int]]:
    return [(event.type.value, event.record.id.name, event.record.revision) for event in events]


# Reading


async def test_a_new_store_is_empty_and_at_revision_zero(store: Store) -> None:
    assert await store.revision() == 0
    listing = await store.list(["HTTPRoute"])
    assert (listing.records, listing.revision) == ((), 0)
    with pytest.raises(NotFound, match="HTTPRoute/shop/cart"):
        await store.get(CART)


async def test_what_was_written_is_read_back(store: Store) -> None:
    written = await create(store, CART, {"port": 80})
    assert await store.get(CART) == written
    assert body(written)["spec"] == {"port": 80}


async def test_a_listing_holds_the_asked_kinds_and_namespace_sorted_by_id(store: Store) -> None:
    other = ResourceId("HTTPRoute", "bank", "pay")
    for id in (PAY, CLASS, CART, other):
        await create(store, id)
    everything = await store.list(["HTTPRoute", "GatewayClass", "HTTPRoute"])
    assert [record.id for record in everything.records] == [CLASS, other, CART, PAY]
    assert everything.revision == 4
    assert [record.id for record in (await store.list(["HTTPRoute"], "shop")).records] == [CART, PAY]
    assert [record.id for record in (await store.list(["HTTPRoute"])).records] == [other, CART, PAY]
    assert (await store.list(["Gateway"])).records == ()


async def test_a_listing_follows_every_write(store: Store) -> None:
    await create(store, CART)
    assert len((await store.list(["HTTPRoute"])).records) == 1
    changed = await put(store, "update", CART, thing({"port": 1}))
    assert (await store.list(["HTTPRoute"], "shop")).records == (changed,)
    await put(store, "delete", CART)
    assert (await store.list(["HTTPRoute"])).records == ()


async def test_an_old_listing_never_changes(store: Store) -> None:
    record = await create(store, CART)
    listing = await store.list(["HTTPRoute"])
    await put(store, "delete", CART)
    assert listing.records == (record,)


# Metadata


async def test_create_sets_the_stores_metadata_and_ignores_the_writers(store: Store) -> None:
    false = {
        "uid": "mine",
        "generation": 7,
        "resourceVersion": "9",
        "creationTimestamp": "1970-01-01T00:00:00Z",
    }
    record = await create(store, CART, None, labels={"a": "b"}, name="liar", namespace="liar", **false)
    metadata = body(record)["metadata"]
    assert metadata.pop("uid") not in ("", "mine")
    assert metadata == {
        "name": "cart",
        "namespace": "shop",
        "labels": {"a": "b"},
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": "2026-03-01T12:30:15Z",
    }


async def test_a_cluster_scoped_resource_has_no_namespace(store: Store) -> None:
    assert "namespace" not in body(await create(store, CLASS, None, namespace="shop"))["metadata"]


async def test_every_resource_has_its_own_uid_also_when_recreated(store: Store) -> None:
    uids = [body(await create(store, CART))["metadata"]["uid"]]
    await put(store, "delete", CART)
    uids += [body(await create(store, id))["metadata"]["uid"] for id in (CART, PAY)]
    assert len(set(uids)) == 3


async def test_an_update_keeps_identity_and_counts_generations(store: Store, clock: FakeClock) -> None:
    created = body(await create(store, CART, {"port": 80}))["metadata"]
    clock.advance(60)
    changed = body(await put(store, "update", CART, thing({"port": 81}, uid="mine")))["metadata"]
    assert changed == created | {"generation": 2, "resourceVersion": "2"}


async def test_a_change_of_metadata_only_keeps_the_generation(store: Store) -> None:
    await create(store, CART)
    metadata = body(await put(store, "update", CART, thing(labels={"a": "b"})))["metadata"]
    assert (metadata["generation"], metadata["resourceVersion"], metadata["labels"]) == (1, "2", {"a": "b"})


async def test_a_change_outside_spec_counts_as_a_generation(store: Store) -> None:
    await put(store, "create", CART, {"metadata": {}, "data": {"a": 1}})
    assert (
        body(await put(store, "update", CART, {"metadata": {}, "data": {"a": True}}))["metadata"][
            "generation"
        ]
        == 2
    )


async def test_an_update_that_changes_nothing_is_silent(store: Store) -> None:
    first = await create(store, CART, {"b": 1, "a": 2})
    watch = store.watch(["HTTPRoute"], None, 1)
    assert await put(store, "update", CART, thing({"a": 2, "b": 1})) == first
    assert await put(store, "update", CART, body(first), expect=1) == first
    assert await store.revision() == 1
    await create(store, PAY)
    assert seen(await take(watch, 1)) == [("ADDED", "pay", 2)]


async def test_equal_objects_have_equal_bytes_whatever_their_order(store: Store) -> None:
    record = await put(store, "create", CART, {"spec": {"b": 1, "a": 2}, "metadata": {}, "apiVersion": "v1"})
    assert (
        record.body.index(b'"apiVersion"') < record.body.index(b'"metadata"') < record.body.index(b'"spec"')
    )
    assert b'{"a":2,"b":1}' in record.body


# Status


async def test_status_is_apart_from_spec(store: Store) -> None:
    created = await put(store, "create", CART, thing({"port": 80}) | {"status": {"from": "user"}})
    assert "status" not in body(created)
    said = await put(
        store, "status", CART, thing({"port": 1}, labels={"x": "y"}) | {"status": {"ready": True}}
    )
    assert body(said)["status"] == {"ready": True}
    assert body(said)["spec"] == {"port": 80}
    assert "labels" not in body(said)["metadata"]
    assert body(said)["metadata"]["generation"] == 1
    changed = await put(store, "update", CART, thing({"port": 81}) | {"status": {"ready": False}})
    assert body(changed)["status"] == {"ready": True}
    assert body(changed)["spec"] == {"port": 81}


async def test_an_equal_status_is_silent_and_an_empty_one_removes_it(store: Store) -> None:
    await create(store, CART)
    said = await put(store, "status", CART, {"status": {"ready": True}})
    assert await put(store, "status", CART, {"status": {"ready": True}}) == said
    gone = await put(store, "status", CART, {})
    assert "status" not in body(gone)
    assert gone.revision == 3


# Deleting


async def test_delete_returns_the_last_state_at_its_own_revision(store: Store) -> None:
    await create(store, CART, {"port": 80})
    last = await put(store, "delete", CART)
    assert body(last)["spec"] == {"port": 80}
    assert (last.revision, body(last)["metadata"]["resourceVersion"], await store.revision()) == (2, "2", 2)
    with pytest.raises(NotFound):
        await store.get(CART)


async def test_a_resource_with_finalizers_goes_when_the_last_is_removed(
    store: Store, clock: FakeClock
) -> None:
    await create(store, CART, None, finalizers=["a", "b"])
    watch = store.watch(["HTTPRoute"], None, 1)
    clock.advance(60)
    marked = await put(store, "delete", CART)
    assert body(marked)["metadata"]["deletionTimestamp"] == "2026-03-01T12:31:15Z"
    clock.advance(60)
    assert await put(store, "delete", CART) == marked, "a second delete is silent"
    still = await put(store, "update", CART, thing(finalizers=["b"]))
    assert body(still)["metadata"]["deletionTimestamp"] == "2026-03-01T12:31:15Z"
    assert await store.get(CART) == still
    last = await put(store, "update", CART, thing())
    with pytest.raises(NotFound):
        await store.get(CART)
    events = await take(watch, 3)
    assert seen(events) == [("MODIFIED", "cart", 2), ("MODIFIED", "cart", 3), ("DELETED", "cart", 4)]
    assert events[-1].record == last


async def test_removing_the_finalizers_of_a_living_resource_keeps_it(store: Store) -> None:
    await create(store, CART, None, finalizers=["a"])
    kept = await put(store, "update", CART, thing(deletionTimestamp="2020-01-01T00:00:00Z"))
    assert await store.get(CART) == kept
    assert "deletionTimestamp" not in body(kept)["metadata"]


# Refusals


@pytest.mark.parametrize("verb", ["update", "status", "delete"])
async def test_what_is_not_there_cannot_be_changed(store: Store, verb: str) -> None:
    with pytest.raises(NotFound, match="shop/cart"):
        await put(store, verb, CART, thing())
    assert await store.revision() == 0


async def test_a_second_create_is_refused(store: Store) -> None:
    first = await create(store, CART)
    with pytest.raises(AlreadyExists, match="shop/cart"):
        await create(store, CART, {"port": 1})
    assert await store.get(CART) == first


@pytest.mark.parametrize("verb", ["update", "status", "delete"])
async def test_who_has_not_seen_the_newest_revision_is_refused(store: Store, verb: str) -> None:
    await create(store, CART)
    newest = await put(store, "update", CART, thing({"port": 1}))
    with pytest.raises(Conflict, match="revision 2"):
        await put(store, verb, CART, thing({"port": 2}) | {"status": {}}, expect=1)
    assert await store.get(CART) == newest
    assert (await put(store, verb, CART, thing({"port": 2}) | {"status": {}}, expect=2)).revision == 3


async def test_steps_stand_alone_and_see_those_before_them(store: Store) -> None:
    results = await store.write(
        [
            Write("create", CART, thing({"port": 1})),
            Write("create", CART, thing()),
            Write("update", CART, thing({"port": 2}), expect=1),
            Write("update", PAY, thing()),
            Write("delete", CART, expect=1),
            Write("delete", CART, expect=2),
            Write("create", CART, thing({"port": 3})),
        ]
    )
    assert [result.revision if isinstance(result, Record) else type(result) for result in results] == [
        1,
        AlreadyExists,
        2,
        NotFound,
        Conflict,
        3,
        4,
    ]
    assert body(await store.get(CART))["spec"] == {"port": 3}


@pytest.mark.parametrize(
    "given", [None, "text", {"spec": object()}, {"metadata": "text"}, {"spec": {1, object()}}]
)
async def test_what_is_no_json_object_is_refused_whole(store: Store, given: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        await store.write([Write("create", PAY, thing()), Write("create", CART, given)])
    assert await store.revision() == 0
    assert (await create(store, PAY)).revision == 1


async def test_an_unknown_verb_is_refused(store: Store) -> None:
    await create(store, CART)
    with pytest.raises(ValueError, match="patch"):
        await put(store, "patch", CART, thing())


async def test_of_writers_who_saw_the_same_revision_exactly_one_wins(store: Store) -> None:
    await create(store, CART)
    for turn in range(1, 6):
        async with asyncio.TaskGroup() as group:
            tries = [
                group.create_task(store.write([Write("update", CART, thing({"by": n, "turn": turn}), turn)]))
                for n in range(8)
            ]
        results = [attempt.result()[0] for attempt in tries]
        winners = [result for result in results if isinstance(result, Record)]
        assert len(winners) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 7
        assert await store.get(CART) == winners[0]


async def test_concurrent_writers_get_distinct_revisions_and_lose_nothing(store: Store) -> None:
    ids = [ResourceId("Service", "shop", f"s{n:03}") for n in range(100)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(create(store, id)) for id in ids]
    assert sorted(task.result().revision for task in tasks) == list(range(1, 101))
    assert [record.id for record in (await store.list(["Service"])).records] == ids


async def test_a_caller_that_leaves_does_not_hurt_the_others(store: Store) -> None:
    leaving = asyncio.ensure_future(create(store, CART))
    staying = asyncio.ensure_future(create(store, PAY))
    await asyncio.sleep(0)
    leaving.cancel()
    async with asyncio.timeout(60):
        assert (await staying).id == PAY
    assert (await create(store, CLASS)).revision == await store.revision()


# Watching


async def test_a_watch_tells_changes_in_order_with_the_state_before(store: Store) -> None:
    watch = store.watch(["HTTPRoute"], None, 0)
    first = await create(store, CART)
    second = await put(store, "update", CART, thing({"port": 1}))
    third = await put(store, "delete", CART)
    assert await take(watch, 3) == [
        Event(EventType.ADDED, first, None),
        Event(EventType.MODIFIED, second, first),
        Event(EventType.DELETED, third, second),
    ]


async def test_a_watch_waits_for_the_next_change(store: Store) -> None:
    async with aclosing(store.watch(["HTTPRoute"], None, 0)) as watch:
        waiting = asyncio.ensure_future(take(watch, 1))
        await asyncio.sleep(0)
        assert not waiting.done()
        await create(store, CART)
        assert seen(await waiting) == [("ADDED", "cart", 1)]


async def test_a_watch_hears_of_its_kinds_and_namespace_only(store: Store) -> None:
    shop = store.watch(["HTTPRoute", "Service"], "shop", 0)
    routes = store.watch(["HTTPRoute"], None, 0)
    ids = [
        ResourceId("HTTPRoute", "bank", "a"),
        ResourceId("Service", "shop", "b"),
        ResourceId("Secret", "shop", "c"),
        ResourceId("HTTPRoute", "shop", "d"),
    ]
    for id in ids:
        await create(store, id)
    late = store.watch(["HTTPRoute", "Service"], "shop", 0)
    assert seen(await take(shop, 2)) == seen(await take(late, 2)) == [("ADDED", "b", 2), ("ADDED", "d", 4)]
    assert seen(await take(routes, 2)) == [("ADDED", "a", 1), ("ADDED", "d", 4)]


async def test_the_changes_of_one_commit_come_in_one_batch(store: Store) -> None:
    watch = store.watch(["HTTPRoute"], None, 0)
    await store.write([Write("create", CART, thing()), Write("create", PAY, thing())])
    async with asyncio.timeout(60):
        assert len(await anext(watch)) == 2


async def test_all_watchers_share_the_same_events(store: Store) -> None:
    watches = [store.watch(["HTTPRoute"], None, 0) for _ in range(3)]
    await create(store, CART)
    batches = [await take(watch, 1) for watch in watches]
    assert batches[0][0] is batches[1][0] is batches[2][0]


async def test_a_listing_and_a_watch_from_it_miss_nothing_and_repeat_nothing(store: Store) -> None:
    async def write_on() -> None:
        for n in range(15):
            await create(store, ResourceId("Service", "shop", f"s{n:02}"))

    async with asyncio.TaskGroup() as group:
        group.create_task(write_on())
        await anext(store.watch(["Service"], None, 0))
        listing = await store.list(["Service"])
    known = [record.id.name for record in listing.records]
    events = await take(store.watch(["Service"], None, listing.revision), 15 - len(known))
    assert known + [event.record.id.name for event in events] == [f"s{n:02}" for n in range(15)]


async def test_a_watch_resumes_from_any_revision_it_has_seen(store: Store) -> None:
    for n in range(10):
        await create(store, ResourceId("Service", "shop", f"s{n}"))
    for since in range(11):
        watch = store.watch(["Service"], None, since)
        assert watch.revision == since
        if since < 10:
            assert [event.record.revision for event in await take(watch, 10 - since)] == [
                *range(since + 1, 11)
            ]
        assert watch.revision == 10


async def test_the_bookmark_moves_on_with_changes_of_no_interest_but_not_past_what_waits(
    store: Store,
) -> None:
    watch = store.watch(["HTTPRoute"], None, 0)
    await create(store, CLASS)
    assert watch.revision == 1
    await create(store, CART)
    await create(store, ResourceId("GatewayClass", "", "other"))
    assert watch.revision == 1
    await take(watch, 1)
    assert watch.revision == 3
    assert seen(await take(store.watch(["HTTPRoute"], None, 1), 1)) == [("ADDED", "cart", 2)]


async def test_a_cancelled_wait_loses_nothing(store: Store) -> None:
    watch = store.watch(["HTTPRoute"], None, 0)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(watch)
    await create(store, CART)
    assert seen(await take(watch, 1)) == [("ADDED", "cart", 1)]


async def test_a_compacted_revision_is_refused_at_once(store: Store) -> None:
    for n in range(25):  # the history holds 20
        await create(store, ResourceId("Service", "shop", f"s{n}"))
    with pytest.raises(Expired, match="5"):
        store.watch(["Service"], None, 4)
    assert len(await take(store.watch(["Service"], None, 5), 20)) == 20


async def test_a_revision_of_the_future_is_refused(store: Store) -> None:
    with pytest.raises(Expired):
        store.watch(["Service"], None, 1)


async def test_a_watcher_too_far_behind_is_told_so_and_hinders_nobody(store: Store) -> None:
    slow, quick = store.watch(["Service"], None, 0), store.watch(["Service"], None, 0)
    for n in range(25):
        await create(store, ResourceId("Service", "shop", f"s{n}"))
        await take(quick, 1)
    with pytest.raises(Expired):
        await take(slow, 25)
    with pytest.raises(Expired):
        await anext(slow)


async def test_a_quiet_watcher_never_expires(store: Store) -> None:
    watch = store.watch(["HTTPRoute"], None, 0)
    for n in range(50):
        await create(store, ResourceId("Service", "shop", f"s{n}"))
    await create(store, CART)
    assert seen(await take(watch, 1)) == [("ADDED", "cart", 51)]


async def test_a_closed_watch_ends_and_the_others_go_on(store: Store) -> None:
    left, other = store.watch(["HTTPRoute"], None, 0), store.watch(["HTTPRoute"], None, 0)
    await left.aclose()
    await create(store, CART)
    assert [batch async for batch in left] == []
    assert len(await take(other, 1)) == 1


async def test_a_refused_write_tells_nobody(store: Store) -> None:
    await create(store, CART)
    watch = store.watch(["HTTPRoute"], None, 1)
    await store.write(
        [Write("create", CART, thing()), Write("update", PAY, thing()), Write("delete", CART, None, 9)]
    )
    await create(store, PAY)
    assert seen(await take(watch, 1)) == [("ADDED", "pay", 2)]


# Closing


async def test_closing_ends_watches_after_their_last_events_and_refuses_writes(opened: Opener) -> None:
    async with opened() as store:
        watch = store.watch(["HTTPRoute"], None, 0)
        pending = asyncio.ensure_future(create(store, CART))
        await asyncio.sleep(0)
        await store.close()
        assert (await pending).revision == 1
        async with asyncio.timeout(60):
            assert [seen(batch) async for batch in watch] == [[("ADDED", "cart", 1)]]
        with pytest.raises(StoreFailed, match="closed"):
            await create(store, PAY)
        await store.close()
