"""What one proxy asked for of one type, how far it was told, and what it refused."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sekisho.xds.delta import Chunk
from sekisho.xds.log import NOTHING, Log
from sekisho.xds.names import Names
from sekisho.xds.order import Part, steps_of
from sekisho.xds.rejection import Group, Rejection, alone, rejection, suspects
from sekisho.xds.resource import Resource
from sekisho.xds.types import CLUSTER, LISTENER, SCOPED_ROUTES

WILDCARD = "*"
_LEGACY_WILDCARD = frozenset({CLUSTER, LISTENER, SCOPED_ROUTES})
"""Types where a first request without names asks for everything (xDS protocol, "How the client specifies what
resources to return"); Envoy asks so for scopes too, which have no names to ask by."""
_NO_NAMES = Names.of(())


class Flight(NamedTuple):
    """A step in progress: its responses go out one by one, each after the answer to the one before."""

    chunks: Sequence[Chunk]
    view: int
    """Which of the stream's views it brings up to date."""
    part: Part | None = None
    """What it brings up to date; None for an answer to a subscription, which moves no position."""
    upto: int = 0
    whole: bool = False
    """Whether it leaves nothing out: all that changed up to `upto`, and nothing of that changed since."""


class Subscription:
    """At most one response is unanswered (`waiting`); whatever happens meanwhile is in the next."""

    __slots__ = (
        "_attempts", "_flight", "_index", "complete", "gone", "gone_at", "logs", "names", "owed", "positions",
        "rejected", "sent_at", "type_url", "view", "waiting", "wildcard",
    )  # fmt: skip

    def __init__(
        self,
        type_url: str,
        logs: Sequence[Log],
        at: Sequence[int] | None = None,
        *,
        wildcard: bool = False,
        names: Names = _NO_NAMES,
    ) -> None:
        """`at`: of each view, the commit up to which the proxy has everything; by default it has nothing."""
        at = at or [NOTHING] * len(logs)
        self.type_url = type_url
        self.logs = logs
        """One per view of the stream."""
        self.wildcard = wildcard
        self.names = names
        self.positions = {step.part: list(at) for step in steps_of(type_url)}
        """Per part and view: the commit up to which everything was sent and answered."""
        self.complete = list(at)
        """Per view: the last commit whose state the proxy had as a whole. A position may be past it: what
        changed again later is left out of a step that may not go so far."""
        self.owed: dict[str, bool] = {}
        """Names just subscribed to; each is answered, with the resource or with its absence.

        True for what is sent again unasked (`repeat`): that is dropped when it has gone meanwhile.
        """
        self.gone: dict[str, None] = {}
        """Names the proxy brought along from an earlier stream which do not exist any more."""
        self.gone_at = 0
        """The commit they were compared with; they go when what used them was told that much."""
        self.waiting: Chunk | None = None
        """The response that was sent and not answered yet."""
        self.view = 0
        """Which view it was, or the last one was, made from."""
        self.sent_at = 0.0
        self.rejected: dict[str, Rejection] = {}
        self._flight: Flight | None = None
        self._index = 0
        self._attempts: deque[tuple[int, Group]] | None = None

    def filter(self, log: Log) -> Names | None:
        """The names to follow of a view's; None for all."""
        return None if self.wildcard and not log.by_name else self.names

    def follows(self, name: str) -> bool:
        """Whether it exists and is among what the proxy asked for."""
        return any(name in log.current and (not log.by_name or name in self.names) for log in self.logs)

    @property
    def questions(self) -> bool:
        """Whether something is open besides the way through the log: answers, attempts after a refusal."""
        flight = self._flight
        return bool(self.owed or self._attempts) or (
            self.waiting is not None and (flight is None or flight.part is None)
        )

    @property
    def open(self) -> bool:
        """Whether anything but the way through the log is to be answered, by either side."""
        return bool(self.waiting is not None or self._flight or self._attempts or self.owed or self.gone)

    def behind(self, part: Part) -> bool:
        """Whether some of `part` was not sent, or not answered yet."""
        return any(log.seqs[part] > at for log, at in zip(self.logs, self.positions[part], strict=True))

    # --- what the proxy asks for

    def begin(self, request: Any, seq: int) -> None:
        """The first request for this type on the stream, at commit `seq` of its first view."""
        self.gone_at = seq
        self.wildcard, self.names = self.logs[0].once(request, self._first)
        if Part.BREAK in self.positions:  # it holds nothing that could have been removed before
            self.positions[Part.BREAK] = [log.seqs[Part.BREAK] for log in self.logs]
        if len(request.initial_resource_versions):
            self._resume(request)
        elif not self.wildcard and len(self.logs) > 1:
            self._skip_to_present()  # the names may be in any view, so ask all of them as one
            self.owed = dict.fromkeys(self.names.values, False)
        elif any(log.by_name for log in self.logs):
            self._skip_to_present(only_by_name=True)
            self.owed = dict.fromkeys(self.names.values, False)

    def _first(self, request: Any) -> tuple[bool, Names]:
        """Whether everything is asked for, and which names."""
        subscribed = tuple(request.resource_names_subscribe)
        wildcard = WILDCARD in subscribed or (not subscribed and self.type_url in _LEGACY_WILDCARD)
        return wildcard, _NO_NAMES.step(_without_wildcard(subscribed), ())

    def _skip_to_present(self, *, only_by_name: bool = False) -> None:
        for part, positions in self.positions.items():
            for view, log in enumerate(self.logs):
                if log.by_name or not only_by_name:
                    positions[view] = log.seqs[part]

    def _resume(self, request: Any) -> None:
        """The proxy had a stream before and says what it holds: it gets the difference."""
        self._skip_to_present()
        held = request.initial_resource_versions
        if len(self.logs) == 1 and self._holds_everything(request):
            return
        versions = dict(held)
        self._follow_on(versions)
        expected = [log.expected(self.filter(log)).versions for log in self.logs]
        for each in expected:
            if not each.items() <= versions.items():  # mostly they are, and this is found out in C
                self.owed.update((name, False) for name, at in each.items() if versions.get(name) != at)
        if not self.owed and self._are_all(versions, expected):
            return
        existing = {name for log in self.logs for name in log.current}
        wanted = versions.keys() | self.names.values if self.wildcard else self.names.values
        for name in sorted(wanted - existing):
            if name in versions:
                self.gone[name] = None
            else:
                self.owed[name] = False

    def _are_all(self, versions: dict[str, str], expected: Sequence[dict[str, str]]) -> bool:
        """Whether the proxy, which holds all that is expected, holds and asks for nothing else."""
        if any(log.by_name for log in self.logs):
            return False  # what is there may be in another view as well, and so counted twice
        return sum(map(len, expected)) == len(versions) and self.names.values <= versions.keys()

    def _follow_on(self, held: Iterable[str]) -> None:
        """What the proxy once asked for by name it may hold without asking again: when it was started anew
        from a last known good, that was simply there."""
        if self.wildcard:
            found = {name for log in self.logs if log.by_name for name in held if name in log.current}
            if found:
                self.names = self.names.step(tuple(sorted(found)), ())

    def _holds_everything(self, request: Any) -> bool:
        """The common case."""
        names = self.filter(self.logs[0])
        expected = self.logs[0].expected(names)
        if names is not None and len(self.names) != len(expected.versions):
            return False
        return expected.held_by(request)

    def change(self, subscribe: Iterable[str], unsubscribe: Iterable[str]) -> None:
        """A later request changed the subscription."""
        added, dropped = tuple(subscribe), tuple(unsubscribe)
        if WILDCARD in added and not self.wildcard:
            self._follow_everything()
        if WILDCARD in dropped:
            self.wildcard = False
        added, dropped = _without_wildcard(added), _without_wildcard(dropped)
        self.names = self.names.step(added, dropped)
        # What is asked for again is sent again, changed or not; what is dropped under a wildcard is told too.
        self.owed.update(dict.fromkeys(added, False))
        for name in dropped:
            self.owed.pop(name, None)
            if self.wildcard and not self._is_only_by_name(name):
                self.owed[name] = False

    def _is_only_by_name(self, name: str) -> bool:
        having = [log.by_name for log in self.logs if name in log.current]
        return bool(having) and all(having)

    def _follow_everything(self) -> None:
        self.wildcard = True
        for part, positions in self.positions.items():
            if part != Part.BREAK:
                positions[:] = [
                    at if log.by_name else NOTHING for at, log in zip(positions, self.logs, strict=True)
                ]
        if self._flight is not None:
            self._flight = self._flight._replace(part=None)  # only a part of everything: moves no position

    def repeat(self, clusters: Chunk) -> None:
        """Owes what is known by the names in `clusters`, unless it is about to go out because it changed.

        Who follows everything is left out: that is nobody who uses clusters, Envoy asks name by name.
        """
        nothing_sent = self.waiting is None and max(self.positions[Part.MAKE]) == NOTHING
        if self.wildcard or nothing_sent:
            return
        for resource in clusters.resources:
            name = resource.name
            if name not in self.owed and name in self.names and self._was_sent(name):
                self.owed[name] = True

    def _was_sent(self, name: str) -> bool:
        """Whether the present version went out, or may have: of what is unanswered nothing is certain."""
        positions = self.positions[Part.MAKE]
        return any(
            name in log.current and (self.waiting is not None or log.changed_at(name) <= position)
            for log, position in zip(self.logs, positions, strict=True)
        )

    # --- what is sent, and what comes back

    def start(self, flight: Flight, now: float) -> Chunk:
        """Begins a step; nothing may be waiting."""
        self._flight, self._index = flight, 0
        if self.owed and flight.part is not None:
            for chunk in flight.chunks:
                for resource in chunk.resources:
                    self.owed.pop(resource.name, None)
            self._shrink()
        return self._sent(flight.chunks[0], flight.view, now)

    def ride(self, flight: Flight, began: float) -> None:
        """A step of a single response has begun."""
        self._flight, self._index = flight, 0
        self._sent(flight.chunks[0], flight.view, began)

    def _sent(self, chunk: Chunk, view: int, now: float) -> Chunk:
        self.waiting, self.view, self.sent_at = chunk, view, now
        return chunk

    def proceed(self, now: float) -> Chunk | None:
        """The next response of what is in progress; None when nothing is, and then a position has moved."""
        while self._attempts:
            view, group = self._attempts.popleft()
            names = self._still_valid(self.logs[view], group)
            if names:
                first, *others = self.logs[view].answer(names, again=True)
                self._attempts.extendleft(
                    (view, (*each.resources, *each.removed)) for each in reversed(others)
                )
                return self._sent(first, view, now)
        flight = self._flight
        if flight is None:
            return None
        self._index += 1
        if self._index < len(flight.chunks):
            return self._sent(flight.chunks[self._index], flight.view, now)
        if flight.part is not None:
            self.moved(flight.part, flight.view, flight.upto, whole=flight.whole)
        self._flight = None
        return None

    def moved(self, part: Part, view: int, upto: int, *, whole: bool) -> None:
        """The proxy has everything of `part` up to `upto`, but for what changed again if not `whole`."""
        self.positions[part][view] = upto
        if whole and part != Part.BREAK:
            self.complete[view] = upto

    def _still_valid(self, log: Log, group: Group) -> tuple[str, ...]:
        """Of what is to be tried again, what was neither replaced nor dropped meanwhile."""
        wanted, found = self.filter(log), []
        for item in group:
            name = item.name if isinstance(item, Resource) else item
            if wanted is not None and name not in wanted:
                continue
            if isinstance(item, Resource):
                current = log.current.get(name) is item and not (item.condemned and len(group) > 1)
            else:
                current = name not in log.current
            if current:
                found.append(name)
        return tuple(found)

    def refused(self, chunk: Chunk, message: str, proxy: str, now: float) -> list[Resource]:
        """Notes a NACK. Returns what is thereby proven bad; the rest is tried again in smaller groups."""
        single = alone(chunk)
        if single is not None:
            self._reject(single, message, proxy, now)
            return [single]
        known = [resource for resource in chunk.resources if self._known_bad(resource)]
        for resource in known:
            self._reject(resource, resource.message, proxy, now)
        rest = [resource for resource in chunk.resources if resource not in known]
        removed = list(chunk.removed)
        groups: list[Group] = [(*rest, *removed)] if known else suspects(rest, removed, message)
        self._try(self.view, groups)
        return known

    def _try(self, view: int, groups: Iterable[Group]) -> None:
        if self._attempts is None:  # rare, and an empty queue has its size
            self._attempts = deque()
        self._attempts.extend((view, group) for group in groups if group)

    def _known_bad(self, resource: Resource) -> bool:
        rejected = self.rejected.get(resource.name)
        return resource.condemned or (rejected is not None and rejected.resource is resource)

    def _reject(self, resource: Resource, message: str, proxy: str, now: float) -> None:
        earlier = self.rejected.get(resource.name)
        self.rejected[resource.name] = rejection(self.type_url, resource, earlier, now)
        if self.type_url == LISTENER:
            resource.message = message  # a fact about this host (a port taken), not about the resource
            return
        was_condemned = resource.condemned
        resource.refuse(proxy, message)
        if resource.condemned != was_condemned:
            self.logs[self.view].forget_built()

    def cleared(self, chunk: Chunk) -> list[str]:
        """Names in an accepted response that had been rejected and now are good."""
        if not self.rejected:
            return []
        names = [resource.name for resource in chunk.resources] + list(chunk.removed)
        return [name for name in names if self.rejected.pop(name, None) is not None]

    def retry_due(self, now: float) -> float | None:
        """Queues rejected versions whose time has come. Returns when the next one is due."""
        times = []
        for name, rejected in list(self.rejected.items()):
            if rejected.retry is None:
                continue
            if rejected.retry > now:
                times.append(rejected.retry)
                continue
            rejected.retry = None
            view = next((i for i, log in enumerate(self.logs) if name in log.current), 0)
            self._try(view, [(rejected.resource,)])
        return min(times, default=None)

    def owed_now(self, limits: Sequence[int], now: float) -> tuple[int, tuple[str, ...]]:
        """The names to answer next, all of one view and none newer than its limit; they are owed no more."""
        by_view: dict[int, list[str]] = {}
        for name, unasked in list(self.owed.items()):
            if unasked and not any(name in log.current for log in self.logs):
                del self.owed[name]
                continue
            view = next((i for i, log in enumerate(self.logs) if name in log.current), 0)
            if self.logs[view].changed_at(name) <= limits[view]:
                by_view.setdefault(view, []).append(name)
        for view, names in sorted(by_view.items()):
            for name in names:
                del self.owed[name]
            self._shrink()
            ready = sorted(name for name in names if not self._put_off(name, view, now))
            if ready:
                return view, tuple(ready)
        return 0, ()

    def _shrink(self) -> None:
        if not self.owed:  # emptied, a dictionary keeps its size: 70 KB of 1,000 names; cleared, it does not
            self.owed.clear()

    def _put_off(self, name: str, view: int, now: float) -> bool:
        """A rejected version asked for again waits: else a proxy that retries would make a hot loop."""
        rejected = self.rejected.get(name)
        if rejected is None or self.logs[view].current.get(name) is not rejected.resource:
            return False
        again = rejected.at + rejected.delay
        if now >= again:
            return False
        rejected.retry = again
        return True


def _without_wildcard(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name != WILDCARD) if WILDCARD in names else names
