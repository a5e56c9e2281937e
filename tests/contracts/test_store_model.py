"""Random histories on every store, held against a model of a few lines and the six properties of a watch."""

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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
    Watch,
    Write,
    open_memory,
    open_sqlite,
)

HISTORY = 12
IDS = [
    ResourceId(kind, namespace, name)
    for kind in ("Service", "Secret")
    for namespace in ("a", "b")
    for name in ("x", "y")
]
ids = st.sampled_from(IDS)
numbers = st.integers(0, 2)
labels = st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"), max_size=1)
finalizers = st.lists(st.just("f"), max_size=1)


class MemoryHistory(RuleBasedStateMachine):
    """One store and what it should hold."""

    lasting: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.expected: dict[ResourceId, dict[str, Any]] = {}
        self.revisions: dict[ResourceId, int] = {}
        self.revision = 0
        self.told: list[Event] = []
        self.open()

    def open(self) -> None:
        folder, limits = Path(self.folder.name), HistoryLimits(events=HISTORY)
        opened = (
            open_sqlite(folder / "db", folder / "key", limits=limits)
            if self.lasting
            else open_memory(limits=limits)
        )
        self.store: Store = self.runner.run(self.stack.enter_async_context(opened))
        self.watch: Watch = self.store.watch(["Service", "Secret"], None, self.revision)

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def write(self, write: Write) -> Record | Exception:
        (result,) = self.runner.run(self.store.write([write]))
        return result

    def is_seen(self, id: ResourceId, expect: int | None, result: Record | Exception) -> bool:
        """Whether a write got past the checks every changing verb shares."""
        if id not in self.expected:
            assert isinstance(result, NotFound)
        elif expect is not None and expect != self.revisions[id]:
            assert isinstance(result, Conflict)
        else:
            assert isinstance(result, Record)
            return True
        return False

    def changed(self, id: ResourceId, new: dict[str, Any] | None, result: Record | Exception) -> None:
        """The model takes a step: `new` is what is stored now, None when it is gone."""
        assert isinstance(result, Record)
        if new != self.expected.get(id):
            self.revision += 1
            self.revisions[id] = self.revision
        assert result.revision == self.revisions[id]
        if new is None:
            del self.expected[id], self.revisions[id]
        else:
            self.expected[id] = new

    def expectation(self, id: ResourceId, back: int | None) -> int | None:
        return None if back is None else self.revisions.get(id, self.revision) - back

    @rule(id=ids, spec=numbers, labels=labels, finalizers=finalizers)
    def create(self, id: ResourceId, spec: int, labels: dict[str, str], finalizers: list[str]) -> None:
        metadata = {"labels": labels, "finalizers": finalizers}
        result = self.write(Write("create", id, {"metadata": metadata, "spec": spec}))
        if id in self.expected:
            assert isinstance(result, AlreadyExists)
        else:
            self.changed(
                id, {"spec": spec, **metadata, "status": None, "generation": 1, "going": False}, result
            )

    @rule(id=ids, spec=numbers, labels=labels, finalizers=finalizers, back=st.none() | st.integers(0, 1))
    def update(
        self, id: ResourceId, spec: int, labels: dict[str, str], finalizers: list[str], back: int | None
    ) -> None:
        expect = self.expectation(id, back)
        metadata = {"labels": labels, "finalizers": finalizers}
        result = self.write(Write("update", id, {"metadata": metadata, "spec": spec}, expect))
        if self.is_seen(id, expect, result):
            old = self.expected[id]
            generation = old["generation"] + (old["spec"] != spec)
            new = old | {"spec": spec, **metadata, "generation": generation}
            self.changed(id, None if old["going"] and not finalizers else new, result)

    @rule(id=ids, status=numbers, back=st.none() | st.integers(0, 1))
    def status(self, id: ResourceId, status: int, back: int | None) -> None:
        expect = self.expectation(id, back)
        result = self.write(Write("status", id, {"status": status, "spec": "ignored"}, expect))
        if self.is_seen(id, expect, result):
            self.changed(id, self.expected[id] | {"status": status}, result)

    @rule(id=ids, back=st.none() | st.integers(0, 1))
    def delete(self, id: ResourceId, back: int | None) -> None:
        expect = self.expectation(id, back)
        result = self.write(Write("delete", id, expect=expect))
        if self.is_seen(id, expect, result):
            old = self.expected[id]
            self.changed(id, old | {"going": True} if old["finalizers"] else None, result)

    @rule(back=st.integers(0, HISTORY + 3))
    def resume(self, back: int) -> None:
        """Resumable: from any revision the history reaches, and only from those, the same events come."""
        since = max(0, self.revision - back)
        try:
            watch = self.store.watch(["Service", "Secret"], None, since)
        except Expired:
            assert self.revision - since > HISTORY
            return
        missed = [event for event in self.told if event.record.revision > since]
        assert self.revision - since <= HISTORY + 1, "one more may be kept by a store that was just opened"
        assert self.waiting(watch) == missed

    @precondition(lambda self: self.lasting)
    @rule()
    def reopen(self) -> None:
        """Nothing of this shows."""
        self.listen()
        self.runner.run(self.stack.aclose())
        self.open()

    def waiting(self, watch: Watch) -> list[Event]:
        async def take() -> list[Event]:
            return list(await anext(watch)) if watch.revision < await self.store.revision() else []

        return self.runner.run(take())

    def listen(self) -> None:
        self.told += self.waiting(self.watch)

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        listing = self.runner.run(self.store.list(["Service", "Secret"]))
        assert listing.revision == self.revision == self.runner.run(self.store.revision())
        assert {record.id: picture(record) for record in listing.records} == self.expected
        assert {record.id: record.revision for record in listing.records} == self.revisions
        assert [record.id for record in listing.records] == sorted(self.expected)
        for record in listing.records:
            assert self.runner.run(self.store.get(record.id)) == record

    @invariant()
    def the_watch_tells_every_change_once_and_in_order(self) -> None:
        """Ordered, unique and reliable: the revisions have no gap; replayed, they lead to the present."""
        self.listen()
        assert [event.record.revision for event in self.told] == list(range(1, self.revision + 1))
        state: dict[ResourceId, Record] = {}
        for event in self.told:
            assert event.old == state.get(event.record.id)
            assert (event.type is EventType.ADDED) == (event.old is None)
            state[event.record.id] = event.record
            if event.type is EventType.DELETED:
                del state[event.record.id]
        assert {id: picture(record) for id, record in state.items()} == self.expected


def picture(record: Record) -> dict[str, Any]:
    """A record in the model's terms."""
    body = json.loads(record.body)
    metadata = body["metadata"]
    assert metadata["resourceVersion"] == str(record.revision)
    assert (metadata["namespace"], metadata["name"]) == record.id[1:]
    return {
        "spec": body["spec"],
        "labels": metadata["labels"],
        "finalizers": metadata["finalizers"],
        "status": body.get("status"),
        "generation": metadata["generation"],
        "going": "deletionTimestamp" in metadata,
    }


class SqliteHistory(MemoryHistory):
    """The same, and the store is closed and opened now and then."""

    lasting: ClassVar[bool] = True


MemoryHistory.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
SqliteHistory.TestCase.settings = settings(max_examples=20, stateful_step_count=40)
TestMemoryHistory = MemoryHistory.TestCase
TestSqliteHistory = SqliteHistory.TestCase
