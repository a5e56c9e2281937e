"""Watching: a bounded history of events, and their distribution to whoever asked for their kind."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sekisho.store.protocol import Event, Expired

Topic = tuple[str, str | None]
"""A kind, and a namespace or None for all of them."""


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How far back a watch may resume. The newest event stays, whatever its size."""

    events: int = 5_000
    """At most so many: 10 s of 500 changes/s, or days of a quiet mesh. What they replaced is held for them
    alone, a kilobyte each; and who was away for longer lists again."""
    bytes: int = 32 << 20
    """At most so many bytes of bodies, so that large resources written often cannot fill the memory."""


class History:
    """The last events, oldest first."""

    def __init__(self, limits: HistoryLimits) -> None:
        self._limits = limits
        self._events: deque[Event] = deque()
        self._bytes = 0
        self.compacted = 0
        """The newest revision that was dropped: resuming after it, or after any later one, misses nothing."""

    def append(self, events: Iterable[Event]) -> list[Event]:
        """Adds events and returns those that made room."""
        for event in events:
            self._events.append(event)
            self._bytes += len(event.record.body)
        dropped = []
        while len(self._events) > 1 and self._is_over():
            oldest = self._events.popleft()
            self._bytes -= len(oldest.record.body)
            self.compacted = oldest.record.revision
            dropped.append(oldest)
        return dropped

    def after(self, revision: int) -> list[Event]:
        """The events after `revision`, oldest first. Raises Expired when some of them are gone."""
        if revision < self.compacted:
            raise Expired(f"revision {revision} is compacted; the oldest to resume from is {self.compacted}")
        missed = []
        for event in reversed(self._events):  # from the end: who resumes has usually missed little
            if event.record.revision <= revision:
                break
            missed.append(event)
        missed.reverse()
        return missed

    def _is_over(self) -> bool:
        return len(self._events) > self._limits.events or self._bytes > self._limits.bytes


class EventWatch:
    """One watcher: what it has not yet taken. Events are shared with the history and all other watchers."""

    def __init__(self, hub: "Hub", topics: frozenset[Topic], backlog: Iterable[Event]) -> None:
        self._hub = hub
        self._topics = topics
        self._queue: list[Event] = list(backlog)
        self._taken = 0
        """The revision of the last event handed over."""
        self._wake: asyncio.Event = asyncio.Event()
        self._end: Expired | StopAsyncIteration | None = None
        """What to raise when the queue is empty."""
        if self._queue:
            self._wake.set()

    @property
    def revision(self) -> int:
        """See `protocol.Watch.revision`."""
        if self._queue:
            return max(self._taken, self._queue[0].record.revision - 1)
        return self._hub.revision if self._end is None else self._taken

    def __aiter__(self) -> "EventWatch":
        return self

    async def __anext__(self) -> Sequence[Event]:
        await self._wake.wait()
        if self._queue:
            batch, self._queue = tuple(self._queue), []
            self._taken = batch[-1].record.revision
            if self._end is None:
                self._wake.clear()
            return batch
        raise self._end or StopAsyncIteration

    async def aclose(self) -> None:
        self._queue.clear()
        self.end(StopAsyncIteration())

    def offer(self, event: Event, compacted: int) -> None:
        """Queues an event, unless the oldest one waiting has left the history: then this watcher is lost.

        So what waits is never more than the history, however slow the watcher.
        """
        if self._queue and self._queue[0].record.revision <= compacted:
            lost = self._queue[0].record.revision
            self._queue.clear()
            self.end(Expired(f"this watcher fell behind: revision {lost} is compacted"))
            return
        self._queue.append(event)
        self._wake.set()

    def end(self, reason: Expired | StopAsyncIteration) -> None:
        """No more events; what is queued is still handed over, then `reason` is raised."""
        self._end = self._end or reason
        self._hub.forget(self, self._topics)
        self._wake.set()


class Hub:
    """The history and the running watches of one store. Belongs to the loop's thread."""

    def __init__(self, limits: HistoryLimits) -> None:
        self._history = History(limits)
        self._subscribers: dict[Topic, set[EventWatch]] = {}
        self.revision = 0
        """The newest revision published."""

    @property
    def compacted(self) -> int:
        """The oldest revision a watch can resume from."""
        return self._history.compacted

    def restore(self, events: Sequence[Event], *, revision: int, compacted: int) -> list[Event]:
        """Takes over the history of an earlier life; returns what exceeds the limits."""
        self.revision = revision
        self._history.compacted = compacted
        return self._history.append(events)

    def watch(self, kinds: Sequence[str], namespace: str | None, since: int) -> EventWatch:
        """See `Store.watch`."""
        if since > self.revision:
            raise Expired(f"revision {since} was never reached; the newest is {self.revision}")
        wanted = frozenset(kinds)
        topics = frozenset((kind, namespace) for kind in wanted)
        backlog = [
            event
            for event in self._history.after(since)
            if event.record.id.kind in wanted and namespace in (None, event.record.id.namespace)
        ]
        watch = EventWatch(self, topics, backlog)
        for topic in topics:
            self._subscribers.setdefault(topic, set()).add(watch)
        return watch

    def publish(self, events: Sequence[Event]) -> list[Event]:
        """Hands one commit's events to those who asked for them; returns the events the history dropped."""
        dropped = self._history.append(events)
        for event in events:
            kind, namespace, _ = event.record.id
            for topic in ((kind, None), (kind, namespace)):
                for watch in tuple(self._subscribers.get(topic, ())):
                    watch.offer(event, self._history.compacted)
        self.revision = events[-1].record.revision
        return dropped

    def forget(self, watch: EventWatch, topics: Iterable[Topic]) -> None:
        """Stops offering events to `watch`."""
        for topic in topics:
            watches = self._subscribers.get(topic)
            if watches is not None:
                watches.discard(watch)
                if not watches:
                    del self._subscribers[topic]

    def close(self) -> None:
        """Ends every watch after its last events."""
        for watch in {watch for watches in self._subscribers.values() for watch in watches}:
            watch.end(StopAsyncIteration())
