"""Writes what a sender tells into the store, as far as it may."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from sekisho.federation.acceptance import Held, Sender, ending
from sekisho.federation.feed import document_of
from sekisho.federation.messages import Batch, Refused
from sekisho.federation.quota import Holdings, Quota
from sekisho.federation.table import Document, id_of
from sekisho.model.document import check, kind_of
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.model.problems import Invalid
from sekisho.store.protocol import AlreadyExists as Exists
from sekisho.store.protocol import Conflict, NotFound, Record, Store, Write

_LONGEST_REASON = 1000
"""Characters: a hundred mistakes in one resource are told where it was written."""
_MOST_REFUSED = 1000
"""Ids remembered: one is enough to try everything again."""
_ATTEMPTS = 8
"""At a write that others are always quicker than: then it counts as refused until the next listing."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    held: Held
    refused: tuple[Refused, ...] = ()
    changed: int = 0
    """Resources that are other than before."""
    named: frozenset[ResourceId] = frozenset()
    """What it was about, but for what was refused before anything was tried."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a sender wants a resource to be."""

    id: ResourceId
    object: Document | None
    """None: gone."""
    size: int = 0
    """Octets, as it came."""


class Intake:
    """One sender's way into the store. One batch at a time."""

    def __init__(
        self, store: Store, held: Held, name_confirmation: Callable[[], str], quota: Quota | None = None
    ) -> None:
        """`quota`: of the sender; None for one that may send anything."""
        self._store = store
        self._quota = quota
        self._holdings: Holdings | None = None
        """Counted when the first batch comes."""
        self._held = held
        self._name_confirmation = name_confirmation
        self._listed: set[ResourceId] | None = None
        """What the listing under way has named."""
        self._tries_again = bool(held.refused)
        """An earlier life could not take these; perhaps its version was older."""

    @property
    def held(self) -> Held:
        """What is remembered of the sender."""
        return self._held

    @property
    def turned_away(self) -> str:
        """Why there was no room for something; empty when there was."""
        return self._holdings.turned_away if self._holdings else ""

    def begin_anew(self) -> None:
        """A new connection: a listing that was cut off does not count."""
        self._listed = None

    async def take(self, batch: Batch, sender: Sender) -> Taken:
        """Writes what may be written. Raises StorageFull or StoreFailed; then the batch comes again."""
        puts, refused = _read(batch, sender)
        if self._quota and self._holdings is None:
            self._holdings = await self._counted(self._quota, sender)
        if self._holdings and batch.listing and self._listed is None:
            self._holdings.begin_anew()
        if batch.listing:
            self._listed = (self._listed or set()) | {wish.id for wish in puts} | {one.id for one in refused}
        gone = [_Wish(id, None) for id in batch.gone if id.kind in sender.kinds]
        if batch.listing == "end":
            gone += await self._end_listing(batch, sender)
        outcome = await self._write([*puts, *gone], sender)
        named = frozenset(wish.id for wish in (*puts, *gone))
        kept = self._held.kept - named
        refused += outcome.refused
        self._held = replace(
            self._held,
            token=batch.token or self._held.token,
            kept=kept,
            confirmation=self._held.confirmation if kept else "",
            conflicts=(self._held.conflicts - outcome.settled) | outcome.conflicts,
            refused=_some((self._held.refused - named).union(one.id for one in refused)),
        )
        return Taken(self._held, tuple(refused), outcome.changed, named)

    async def wants_listing(self) -> bool:
        """Whether something could be taken now that could not when it was told."""
        if self._tries_again or (self._holdings and self._holdings.has_room_again):
            return True
        return any([await self._current(id) is None for id in self._held.conflicts])

    async def agree(self, sender: Sender) -> Taken:
        """Deletes what was kept."""
        outcome = await self._write([_Wish(id, None) for id in self._held.kept], sender)
        self._held = self._held.agreed()
        return Taken(self._held, tuple(outcome.refused), outcome.changed)

    async def forget(self, sender: Sender) -> int:
        """Deletes all that came from there, and says how many that were."""
        outcome = await self._write([_Wish(id, None) for id in await self._copies(sender)], sender)
        self._held = Held()
        return outcome.changed

    async def _end_listing(self, batch: Batch, sender: Sender) -> Sequence[_Wish]:
        listed, self._listed = self._listed or set(), None
        end = ending(batch, self._held, await self._copies(sender), listed)
        conflicts = frozenset(self._held.conflicts & listed)
        name = self._held.confirmation
        if end.kept - self._held.kept:
            name = self._name_confirmation()
        self._tries_again = False
        self._held = replace(
            self._held,
            kept=end.kept,
            confirmation=name,
            conflicts=conflicts,
            refused=self._held.refused & listed,
        )
        return [_Wish(id, None) for id in end.gone]

    async def _counted(self, quota: Quota, sender: Sender) -> Holdings:
        listing = await self._store.list(tuple(sender.kinds))
        sizes = [len(record.body) for record in listing.records if sender.sent(document_of(record))]
        return Holdings(quota, len(sizes), sum(sizes))

    async def _copies(self, sender: Sender) -> Iterable[ResourceId]:
        listing = await self._store.list(tuple(sender.kinds))
        return [record.id for record in listing.records if sender.sent(document_of(record))]

    async def _write(self, wishes: Sequence[_Wish], sender: Sender) -> "_Outcome":
        outcome = _Outcome()
        left = wishes
        for _ in range(_ATTEMPTS):
            left = await self._attempt(left, sender, outcome)
            if not left:
                return outcome
        outcome.refused += [Refused(id=wish.id, why="others write it all the time") for wish in left]
        return outcome

    async def _attempt(self, wishes: Sequence[_Wish], sender: Sender, outcome: "_Outcome") -> Sequence[_Wish]:
        """Returns the wishes that somebody else was quicker with."""
        steps: list[tuple[_Wish, Write, Record | None]] = []
        for wish in wishes:
            current = await self._current(wish.id)
            if current is not None and not sender.sent(document_of(current)):
                if wish.object is not None:
                    outcome.conflicts.add(wish.id)
                else:
                    outcome.settled.add(wish.id)
                continue
            outcome.settled.add(wish.id)
            if why := self._reserved(wish, current):
                outcome.refused.append(Refused(id=wish.id, why=why))
            elif write := _write_of(wish, current):
                steps.append((wish, write, current))
        if not steps:
            return ()
        results = await self._store.write([write for _, write, _ in steps])
        again = []
        for (wish, _, current), result in zip(steps, results, strict=True):
            self._note_size(wish, current, result)
            if isinstance(result, Conflict | Exists | NotFound):
                again.append(wish)
            elif isinstance(result, Exception):
                outcome.refused.append(Refused(id=wish.id, why=str(result)))
            else:
                outcome.changed += current is None or result.revision != current.revision
        return again

    def _reserved(self, wish: _Wish, current: Record | None) -> str:
        """Sets aside room for what is to be written; why there is none."""
        if self._holdings is None or wish.object is None:
            return ""
        return self._holdings.reserve(wish.size, None if current is None else len(current.body))

    def _note_size(self, wish: _Wish, current: Record | None, result: Record | Exception) -> None:
        before = None if current is None else len(current.body)
        if self._holdings is None:
            return
        if wish.object is not None and isinstance(result, Exception):
            self._holdings.given_back(wish.size, before)
        elif wish.object is not None and isinstance(result, Record):
            self._holdings.stored(wish.size, len(result.body))
        elif before is not None and not isinstance(result, Exception):
            self._holdings.gone(before)

    async def _current(self, id: ResourceId) -> Record | None:
        try:
            return await self._store.get(id)
        except NotFound:
            return None


class _Outcome:
    """What became of some wishes; filled step by step."""

    def __init__(self) -> None:
        self.changed = 0
        self.refused: list[Refused] = []
        self.conflicts: set[ResourceId] = set()
        self.settled: set[ResourceId] = set()
        """Ids that are in nobody's way."""


def _write_of(wish: _Wish, current: Record | None) -> Write | None:
    if wish.object is None:
        return None if current is None else Write("delete", wish.id, expect=current.revision)
    if current is None:
        return Write("create", wish.id, wish.object)
    return Write("update", wish.id, wish.object, expect=current.revision)


def _read(batch: Batch, sender: Sender) -> tuple[list[_Wish], list[Refused]]:
    """What a batch wants to put, and what of it is nothing that could be stored."""
    wishes, refused = [], []
    for raw in batch.puts:
        written: Any = None
        try:
            written = msgspec.json.decode(raw)
            checked = check(kind_of(written).kind, written).object
        except (Invalid, RecursionError) as error:
            refused.append(Refused(id=_named(written), why=str(error)[:_LONGEST_REASON]))
            continue
        id = id_of(checked)
        if why := _homeless(id) or sender.refusal(checked):
            refused.append(Refused(id=id, why=why))
        else:
            wishes.append(_Wish(id, checked, len(raw)))
    return wishes, refused


def _some(ids: frozenset[ResourceId]) -> frozenset[ResourceId]:
    return ids if len(ids) <= _MOST_REFUSED else frozenset(sorted(ids)[:_MOST_REFUSED])


def _homeless(id: ResourceId) -> str:
    return "metadata.namespace: is required" if KINDS[id.kind].namespaced and not id.namespace else ""


def _named(written: Any) -> ResourceId:
    """The id in something that is no resource, as far as there is one."""
    found = written if isinstance(written, dict) else {}
    metadata = found.get("metadata")
    parts = metadata if isinstance(metadata, dict) else {}
    named = (found.get("kind"), parts.get("namespace"), parts.get("name"))
    return ResourceId(*(one[:253] if isinstance(one, str) else "" for one in named))
