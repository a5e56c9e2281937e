"""The state every store shares: current records, newest revision, recent events, drafts of commits."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from sekisho.aio.clock import Clock, SystemClock
from sekisho.model.names import ResourceId
from sekisho.store.index import Index
from sekisho.store.objects import Stamp, apply
from sekisho.store.protocol import (
    AlreadyExists,
    Conflict,
    Event,
    EventType,
    Listing,
    NotFound,
    Record,
    Write,
)
from sekisho.store.watches import EventWatch, HistoryLimits, Hub


def random_uid() -> str:
    """A version 4 UUID, as Kubernetes uses."""
    return str(uuid.uuid4())


class Draft:
    """Writes that were decided but not yet stored; each sees those before it."""

    def __init__(self, index: Index, revision: int, now: datetime, uid: Callable[[], str]) -> None:
        self._index = index
        self._revision = revision
        self._now = now
        self._uid = uid
        self._changed: dict[ResourceId, Record | None] = {}
        self.events: list[Event] = []

    def step(self, write: Write) -> Record | Exception:
        """Decides one write. Raises TypeError or ValueError when its object is no JSON object."""
        current = self._changed[write.id] if write.id in self._changed else self._index.get(write.id)
        stamp = Stamp(self._revision + len(self.events) + 1, self._now, self._uid)
        try:
            event = apply(write, current, stamp)
        except (NotFound, AlreadyExists, Conflict) as refused:
            return refused
        if event is None:
            return current if current is not None else NotFound(f"{write.id} does not exist")
        self.events.append(event)
        self._changed[write.id] = None if event.type is EventType.DELETED else event.record
        return event.record

    def steps(self, writes: Sequence[Write]) -> list[Record | Exception]:
        """Decides one caller's writes: all of them, or, when one is no JSON object, none."""
        events, touched = len(self.events), {write.id for write in writes}
        before = {id: record for id, record in self._changed.items() if id in touched}
        try:
            return [self.step(write) for write in writes]
        except (TypeError, ValueError, OverflowError, RecursionError):
            del self.events[events:]
            for id in touched:
                self._changed.pop(id, None)
            self._changed.update(before)
            raise


class Ledger:
    """Current records and recent events, in memory. Belongs to the loop's thread."""

    def __init__(
        self, *, limits: HistoryLimits, clock: Clock | None = None, uid: Callable[[], str] = random_uid
    ) -> None:
        self._index = Index()
        self._hub = Hub(limits)
        self._clock = clock or SystemClock()
        self._uid = uid
        self.obsolete: list[int] = []
        """Revisions that a durable history need not keep any more; whoever forgot them empties the list."""

    @property
    def revision(self) -> int:
        """The newest revision committed."""
        return self._hub.revision

    @property
    def compacted(self) -> int:
        """The oldest revision a watch can resume from."""
        return self._hub.compacted

    def restore(self, events: Sequence[Event], *, revision: int, compacted: int) -> None:
        """Takes over an earlier life: `events` lead to the current records; the newest are replayable."""
        for event in events:
            self._index.apply(event)
        history = [event for event in events if event.record.revision > compacted]
        self._forget(self._hub.restore(history, revision=revision, compacted=compacted))

    def get(self, id: ResourceId) -> Record:
        """See `Store.get`."""
        record = self._index.get(id)
        if record is None:
            raise NotFound(f"{id} does not exist")
        return record

    def list(self, kinds: Sequence[str], namespace: str | None) -> Listing:
        """See `Store.list`."""
        return Listing(self._index.list(kinds, namespace), self._hub.revision)

    def watch(self, kinds: Sequence[str], namespace: str | None, since: int) -> EventWatch:
        """See `Store.watch`."""
        return self._hub.watch(kinds, namespace, since)

    def draft(self) -> Draft:
        """A commit to be. At most one may be open: it counts on the present staying as it is."""
        return Draft(self._index, self._hub.revision, self._clock.now(), self._uid)

    def commit(self, draft: Draft) -> None:
        """Makes the draft the present and tells the watchers."""
        if draft.events:
            for event in draft.events:
                self._index.apply(event)
            self._forget(self._hub.publish(draft.events))

    def close(self) -> None:
        """Ends every watch."""
        self._hub.close()

    def _forget(self, dropped: Sequence[Event]) -> None:
        """An event that can no longer be replayed was the last use of the record it replaced or removed."""
        for event in dropped:
            if event.old is not None:
                self.obsolete.append(event.old.revision)
            if event.type is EventType.DELETED:
                self.obsolete.append(event.record.revision)
