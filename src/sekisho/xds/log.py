"""The resources of one type in a view, and the way from any earlier commit to the present."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import takewhile
from typing import Any, TypeVar, cast

from sekisho.protos import message
from sekisho.xds.delta import CHUNKING, Chunk, Chunking, Delta, split
from sekisho.xds.names import Names
from sekisho.xds.order import Part
from sekisho.xds.resource import Resource, Shelf
from sekisho.xds.types import Blob

NOTHING = -1
"""The position of a proxy that was sent nothing yet: its delta is everything, even when that is empty."""
_ANSWERS_KEPT = 1_024
_CHUNKING = Chunking()
_EMPTY: dict[str, Any] = {}
"""Stands for each book of a log in which there is nothing: most of them, as each workload has its own logs.
Never written to; see `_entered`."""

T = TypeVar("T")

Key = tuple[int, int, Part, Names | None]
Seqs = tuple[int, int, int]


class Log:
    """What exists now, and which commit touched each name last.

    `_changed` is in order of the last change, so the way from commit x is read off its end: the cost is what
    changed, and a proxy may be any number of commits behind. What every member is past is forgotten
    (`forget`): removed names, which stay as tombstones until then, and when the others came and changed.
    """

    __slots__ = (
        "_added", "_asked", "_base", "_built", "_changed", "_chunking", "_nonces", "_previous", "_removed",
        "_shelf", "by_name", "current", "seqs", "type_url",
    )  # fmt: skip

    def __init__(self, type_url: str, shelf: Shelf, *, by_name: bool = False) -> None:
        self.type_url = type_url
        self.by_name = by_name
        """Whether who asks for everything gets only what is asked for by name."""
        self.current: dict[str, Resource] = _EMPTY
        self.seqs: Seqs = (0, 0, 0)
        """By Part: the last commit that added or updated, that removed, that did either."""
        self._shelf = shelf
        self._chunking = CHUNKING.get(type_url, _CHUNKING)
        self._base = 0
        """Up to this commit it is not told apart when names came and changed: nobody is on the way there."""
        self._changed: dict[str, int] = _EMPTY
        self._removed: dict[str, int] = _EMPTY
        self._added: dict[str, int] = _EMPTY
        self._previous: dict[str, Resource] = _EMPTY
        self._built: _Built | None = None
        self._asked: tuple[Any, Any] | None = None
        self._nonces = 0
        """How many have been given."""

    def apply(self, seq: int, changes: Mapping[str, Blob | None]) -> bool:
        """Takes commit `seq`; what equals the present is skipped. Returns whether anything changed."""
        for name, blob in changes.items():
            old = self.current.get(name)
            if blob is None:
                if old is not None:
                    self._remove(seq, name)
            elif old is None or old.version != blob.version:
                self._put(seq, name, self._shelf.resource(self.type_url, name, blob), old)
        if self.seqs[Part.MAKE] != seq != self.seqs[Part.BREAK]:
            return False
        self._reach(seq, Part.BOTH)
        self.forget_built()
        return True

    def touch(self, seq: int, name: str) -> None:
        """Sends `name` out again although its version is the same."""
        self._note(seq, name, Part.MAKE)
        self._reach(seq, Part.BOTH)
        self.forget_built()

    def _put(self, seq: int, name: str, resource: Resource, old: Resource | None) -> None:
        self.current = _entered(self.current, name, resource)
        self._removed.pop(name, None)
        if old is None:
            self._added = _entered(self._added, name, seq)
        elif old.accepted and not resource.accepted:
            self._previous = _entered(self._previous, name, old)
        self._note(seq, name, Part.MAKE)

    def _remove(self, seq: int, name: str) -> None:
        del self.current[name]
        self._previous.pop(name, None)
        self._added.pop(name, None)
        self._removed = _entered(self._removed, name, seq)
        self._note(seq, name, Part.BREAK)

    def _note(self, seq: int, name: str, part: Part) -> None:
        self._changed.pop(name, None)  # to move it to the end
        self._changed = _entered(self._changed, name, seq)
        self._reach(seq, part)

    def _reach(self, seq: int, part: Part) -> None:
        if self.seqs[part] != seq:
            self.seqs = _with(self.seqs, part, seq)

    def forget_built(self) -> None:
        """Drops responses made for an earlier state; proxies that are being sent one keep it alive."""
        self._built = self._asked = None

    def _building(self) -> "_Built":
        built = self._built
        if built is None:
            built = self._built = _Built()
        return built

    @property
    def tombstones(self) -> int:
        """How many removed names are remembered."""
        return len(self._removed)

    def forget(self, floor: int) -> None:
        """Drops what is known of commits up to `floor`, which every member has been told about."""
        self._base = max(self._base, floor)
        for book in (self._removed, self._added, self._changed):
            for name in [name for name, _ in takewhile(lambda entry: entry[1] <= floor, book.items())]:
                del book[name]
        # An emptied dictionary keeps its size.
        self._removed, self._added = self._removed or _EMPTY, self._added or _EMPTY
        self._changed = self._changed or _EMPTY

    def visible(self, name: str) -> Resource | None:
        """What a proxy is to hold: the current version, or the last accepted one while that is condemned.

        None when there is nothing, or nothing fit to be sent.
        """
        resource = self.current.get(name)
        if resource is not None and resource.refused_by and resource.condemned:
            return self._previous.get(name)
        return resource

    def accept(self, resource: Resource) -> bool:
        """A first proxy took it. Returns whether others had been spared it and must be sent it after all."""
        spared = resource.condemned
        resource.accepted = True
        if self.current.get(resource.name) is not resource:
            return False
        self._previous.pop(resource.name, None)
        self._previous = self._previous or _EMPTY
        return spared

    @property
    def newest_addition(self) -> int:
        """The commit that last added a name which is still there, or a later one; 0 when none did."""
        if self._added:
            return self._added[next(reversed(self._added))]
        return self._base if self.current else 0

    def added_at(self, name: str) -> int:
        """The commit that added `name`, which exists, or a later one."""
        return self._added.get(name, self._base)

    def changed_at(self, name: str) -> int:
        """The commit that touched `name` last; 0 when none did, as far as remembered."""
        return self._changed.get(name, 0)

    def added_since(self, seq: int) -> Iterator[str]:
        """Names that came into existence after commit `seq`, the newest first, and perhaps earlier ones."""
        yield from _newest(self._added, seq)
        if seq < self._base:
            yield from (name for name in self.current if name not in self._added)

    def delta(self, since: int, upto: int, part: Part, names: Names | None) -> Delta:
        """The way from `since` (or NOTHING) to `upto`, for subscribers of `names` (None: of everything).

        Built once per distinct question and shared.
        """
        key = (since, upto, part, names)
        deltas = self._building().deltas
        found = deltas.get(key)
        if found is None:
            found = deltas[key] = self._build(since, upto, part, names)
        return found

    def _build(self, since: int, upto: int, part: Part, names: Names | None) -> Delta:
        if since == NOTHING and part == Part.BREAK:
            return Delta(upto, ())
        if since == NOTHING:
            wanted: Iterable[str] = self.current if names is None else sorted(names.values)
            resources, removed = self._sorted_out(n for n in wanted if self._changed.get(n, 0) <= upto)
            return Delta(upto, self._chunks(resources, removed, upto, answer=True))
        changed = [n for n in reversed([*_newest(self._changed, since)]) if self._changed[n] <= upto]
        if names is not None:
            changed = [name for name in changed if name in names]
        resources, removed = self._sorted_out(changed)
        if part == Part.MAKE:
            removed = []
        elif part == Part.BREAK:
            resources = []
        return Delta(upto, self._chunks(resources, removed, upto))

    def _sorted_out(self, names: Iterable[str]) -> tuple[list[Resource], list[str]]:
        resources, removed = [], []
        for name in names:
            resource = self.visible(name)
            if resource is not None:
                resources.append(resource)
            elif name not in self.current:
                removed.append(name)
        return resources, removed

    def answer(self, names: tuple[str, ...], *, again: bool = False) -> tuple[Chunk, ...]:
        """Responses with just these names: what exists, and as removed what does not.

        `again`: they were refused together with others, and are tried as they are, condemned or not. Else
        a condemned one without predecessor counts as absent: the proxy asked and must not wait for ever.
        """
        key = (again, names)
        answers = self._building().answers
        found = answers.get(key)
        if found is None:
            if len(answers) >= _ANSWERS_KEPT:
                answers.clear()
            shown = [(self.current.get(name) if again else self.visible(name), name) for name in names]
            resources = [resource for resource, _ in shown if resource is not None]
            removed = [name for resource, name in shown if resource is None]
            found = answers[key] = self._chunks(resources, removed, self.seqs[Part.BOTH], again=again)
        return found

    def _chunks(
        self,
        resources: list[Resource],
        removed: list[str],
        seq: int,
        *,
        answer: bool = False,
        again: bool = False,
    ) -> tuple[Chunk, ...]:
        pieces = list(split(resources, self._chunking.first if answer else self._chunking.later))
        if not pieces and (removed or answer):
            pieces = [()]
        removals = [()] * (len(pieces) - 1) + [tuple(removed)]
        return tuple(
            Chunk(self.type_url, seq, self._nonce(seq), piece, gone, again=again)
            for piece, gone in zip(pieces, removals, strict=False)
        )

    def _nonce(self, seq: int) -> str:
        self._nonces += 1
        return f"{seq}.{self._nonces:x}"

    def covered(self, names: Names) -> bool:
        """Whether `names` has all there are. Looked at once per commit."""
        covered = self._building().covered
        found = covered.get(names)
        if found is None:
            found = covered[names] = self.current.keys() <= names.values
        return found

    def once(self, request: Any, work: Callable[[Any], T]) -> T:
        """`work(request)`, remembered for the next proxies when they share the request (see requests.py)."""
        if self._asked is None or self._asked[0] is not request:
            self._asked = (request, work(request))
        return cast("T", self._asked[1])

    def expected(self, names: Names | None) -> "Expected":
        """What a proxy in sync holds of `names` (None: of everything). Built once per commit."""
        expected = self._building().expected
        found = expected.get(names)
        if found is None:
            shown = ((name, self.visible(name)) for name in self._present(names))
            found = Expected({name: resource.version for name, resource in shown if resource is not None})
            expected[names] = found
        return found

    def _present(self, names: Names | None) -> Iterable[str]:
        """The names there are; of a small view and many names, it is not the names that are gone through."""
        if names is None:
            return self.current
        return names.values.intersection(self.current)


class _Built:
    """What was made for proxies that ask: for the present state only, and for most logs never."""

    __slots__ = ("answers", "covered", "deltas", "expected")

    def __init__(self) -> None:
        self.deltas: dict[Key, Delta] = {}
        self.answers: dict[tuple[bool, tuple[str, ...]], tuple[Chunk, ...]] = {}
        self.expected: dict[Names | None, Expected] = {}
        self.covered: dict[Names, bool] = {}


class Expected:
    """Versions by name, as a dictionary, and as the request of a proxy that holds them."""

    __slots__ = ("_proven", "_request", "versions")

    def __init__(self, versions: dict[str, str]) -> None:
        self.versions = versions
        self._request: Any = None
        """Made when first compared with: of views that many follow."""
        self._proven: Any = None

    def held_by(self, request: Any) -> bool:
        """Whether the request's `initial_resource_versions` are these, in C: 50 µs for 1,000 names, a
        tenth of a dictionary's time. A shared request is compared once. False is no proof of the contrary.
        """
        if request is self._proven:
            return True
        if len(self.versions) != len(request.initial_resource_versions):
            return False
        mine = self._request
        if mine is None:
            mine = self._request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")()
            mine.initial_resource_versions.update(self.versions)
        mine.type_url = request.type_url
        mine.ClearField("resource_names_subscribe")
        mine.resource_names_subscribe.extend(request.resource_names_subscribe)
        if mine != request:
            return False
        self._proven = request
        return True


def _entered(book: dict[str, T], name: str, value: T) -> dict[str, T]:
    """The book with this in it: a new one where nothing was in any."""
    if book is _EMPTY:
        return {name: value}
    book[name] = value
    return book


def _newest(by_seq: dict[str, int], since: int) -> Iterator[str]:
    """Names after `since` of a dictionary that is in order of its values, the newest first."""
    for name in reversed(by_seq):
        if by_seq[name] <= since:
            return
        yield name


@lru_cache
def _with(seqs: Seqs, part: Part, seq: int) -> Seqs:
    """One tuple for all logs that are as far: most of those of workloads."""
    made, broken, both = (seq if each == part else at for each, at in enumerate(seqs))
    return made, broken, both
