"""What a control plane has to tell another one: its history from a place on, as batches."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from sekisho.federation.epochs import Epochs, Token
from sekisho.federation.messages import Batch, Change, batches
from sekisho.federation.table import (
    DOWN_KINDS,
    FROM_ZONES,
    UP_KINDS,
    Document,
    down,
    down_id,
    id_of,
    labels_of,
    up,
    up_id,
)
from sekisho.model.names import ResourceId
from sekisho.model.origin import origin_zone
from sekisho.store.protocol import Event, EventType, Expired, Record, Store, Watch

_decoder = msgspec.json.Decoder(dict)
_encoder = msgspec.json.Encoder(order="deterministic")


class Ended(Exception):
    """The feed, or its store, was closed."""


class View(Protocol):
    """What of a store the receiver sees."""

    @property
    def kinds(self) -> Sequence[str]:
        """What may be part of it."""
        ...

    def id(self, document: Document) -> ResourceId | None:
        """What the receiver calls it; None for what it can never see."""
        ...

    def shown(self, document: Document) -> Document | None:
        """What it sees of it now."""
        ...

    def turned(self, events: Iterable[Event]) -> Callable[[Document], bool] | None:
        """Takes note of events. When they show or hide other resources than their own: which ones."""
        ...


class UpView:
    """What global sees of a zone."""

    kinds = UP_KINDS

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def id(self, document: Document) -> ResourceId | None:
        """See `View.id`."""
        return up_id(document, self._zone)

    def shown(self, document: Document) -> Document | None:
        """See `View.shown`."""
        return up(document, self._zone)

    def turned(self, events: Iterable[Event]) -> None:  # noqa: ARG002 - the protocol's signature
        """Everything speaks for itself."""
        return


class DownView:
    """What a zone sees of global: of the other zones, those that are enabled."""

    kinds = DOWN_KINDS

    def __init__(self, zone: str, enabled: Iterable[str]) -> None:
        """`enabled`: the zones that are, at the time of the listing or of the first event."""
        self._zone = zone
        self._enabled = set(enabled)

    def id(self, document: Document) -> ResourceId | None:
        """See `View.id`."""
        return down_id(document, self._zone)

    def shown(self, document: Document) -> Document | None:
        """See `View.shown`."""
        return down(document, self._zone, self._enabled.__contains__)

    def turned(self, events: Iterable[Event]) -> Callable[[Document], bool] | None:
        """A zone that is enabled, disabled or removed brings or takes all that is of it."""
        zones = {event.record.id.name for event in events if self._turn(event)}
        return (lambda document: origin_zone(labels_of(document)) in zones) if zones else None

    def _turn(self, event: Event) -> bool:
        if event.record.id.kind != "Zone":
            return False
        name = event.record.id.name
        is_enabled = event.type is not EventType.DELETED and _is_enabled(event.record)
        (self._enabled.add if is_enabled else self._enabled.discard)(name)
        return event.old is None or is_enabled != _is_enabled(event.old) or event.type is EventType.DELETED


class Feed:
    """One receiver's view of a store from a place on. Ask for one batch after the other.

    A wait that is cancelled loses nothing.
    """

    def __init__(self, store: Store, epochs: Epochs, view: View) -> None:
        self._store = store
        self._epochs = epochs
        self._view = view
        self._ready: deque[Batch] = deque()
        self._events: Sequence[Event] = ()
        self._watch: Watch | None = None
        self._is_closed = False

    async def start(self, since: str, *, listing: bool = False) -> None:
        """From a token on, or with a listing of everything where it does not lead on, or where asked for."""
        token = Token.parse(since)
        newest = await self._store.revision()
        is_known = token is not None and token.revision <= newest and self._epochs.knows(token)
        if token is not None and is_known and not listing:
            try:
                self._watch = self._store.watch(self._view.kinds, None, token.revision)
            except Expired:
                pass
            else:
                return
        await self._list(continues=is_known or not since)

    async def next(self) -> Batch:
        """Waits for the next batch; one without changes only says where we are.

        Raises Ended when it, or the store, was closed.
        """
        while not self._ready:
            await self._read()
        return self._ready.popleft()

    @property
    def token(self) -> str:
        """Where a receiver is that has taken everything so far; empty while something waits for it."""
        if self._watch is None or self._ready or self._events:
            return ""
        return str(self._epochs.token(self._watch.revision))

    async def close(self) -> None:
        """Ends it, for whoever waits as well."""
        self._is_closed = True
        if self._watch is not None:
            await self._watch.aclose()

    async def _read(self) -> None:
        if self._watch is None or self._is_closed:
            raise Ended
        if not self._events:
            try:
                self._events = await anext(self._watch)
            except Expired:
                await self._list(continues=True)
                return
            except StopAsyncIteration as end:
                raise Ended from end
        changes = await self._changes(self._events)
        revision = self._events[-1].record.revision
        self._events = ()
        self._ready.extend(batches(changes, str(self._epochs.token(revision))))

    async def _list(self, *, continues: bool) -> None:
        listing = await self._store.list(self._view.kinds)
        self._watch = self._store.watch(self._view.kinds, None, listing.revision)
        token = str(self._epochs.token(listing.revision))
        self._ready.extend(batches(self._shown(listing.records), token, continues=continues))

    async def _changes(self, events: Sequence[Event]) -> Iterable[Change]:
        """Of several changes of one resource the last one."""
        turned = self._view.turned(events)
        found = {change.id: change for event in events if (change := self._change(event))}
        if turned is not None:
            for record in (await self._store.list(FROM_ZONES)).records:
                document = document_of(record)
                if turned(document) and (id := self._view.id(document)):
                    found[id] = self._present(id, document)
        return found.values()

    def _change(self, event: Event) -> Change | None:
        document = document_of(event.record)
        id = self._view.id(document)
        if id is None:
            return None
        if event.type is EventType.DELETED:
            return Change(id, None)
        if event.old is not None and self._view.shown(document_of(event.old)) == self._view.shown(document):
            return None  # of no interest, such as a status
        return self._present(id, document)

    def _present(self, id: ResourceId, document: Document) -> Change:
        shown = self._view.shown(document)
        return Change(id, None if shown is None else _encoder.encode(shown))

    def _shown(self, records: Iterable[Record]) -> Iterator[Change]:
        for record in records:
            if shown := self._view.shown(document_of(record)):
                yield Change(id_of(shown), _encoder.encode(shown))


def enabled_zones(records: Iterable[Record]) -> frozenset[str]:
    """Of these Zones, the names of those that others see."""
    return frozenset(record.id.name for record in records if _is_enabled(record))


@lru_cache(maxsize=4096)
def document_of(record: Record) -> dict[str, Any]:
    """A stored resource, decoded once for all receivers: not to be changed."""
    found: dict[str, Any] = _decoder.decode(record.body)
    return found


def _is_enabled(record: Record) -> bool:
    return bool((document_of(record).get("spec") or {}).get("enabled", True))
