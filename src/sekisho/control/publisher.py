"""A view per Gateway, per World and per Workload, equal to the engine's outputs; and how far proxies are."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sekisho.aio.clock import Clock
from sekisho.control import metrics
from sekisho.control.worlds import Worlds
from sekisho.engine import Changes
from sekisho.envoy.outputs import changed_resources
from sekisho.envoy.resource import Resource
from sekisho.translate.facts import ViewKey
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import MEMBERS
from sekisho.xds.resource import Shelf
from sekisho.xds.types import TYPES, Blob, Name
from sekisho.xds.view import View

FLIGHTS_KEPT = 128
"""Unanswered commits remembered per view; a proxy that is further behind is not waited for."""


@dataclass(slots=True)
class _Flight:
    """A commit on its way to the proxies of a view."""

    seq: int
    since: float
    """When the oldest change in it became known (monotonic)."""
    waiting: int
    """Proxies that have not answered yet."""


class Publisher:
    """Owns the views. Called by the loop with each commit, and by the observer with each proxy in sync."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._views: dict[ViewKey, View] = {}
        self._fetched: dict[World, View] = {}
        """Of Worlds on demand: what their proxies get when they ask for it."""
        self._keys: dict[View, ViewKey] = {}
        self._own = 0
        """Views of one Workload each."""
        self._shelf = Shelf()
        """Of all views: Worlds show the same resources, and much is alike for all workloads."""
        self.worlds = Worlds()
        """What is in every World."""
        self._flights: dict[View, list[_Flight]] = {}
        """Commits some proxy has not answered, oldest first."""
        self._lags: dict[View, float] = {}
        self.published = 0
        """Resources in all views together."""
        self._landed = asyncio.Event()
        self._landed.set()

    def view(self, key: ViewKey) -> View:
        """The view of a Gateway, World or Workload; empty until something is published for it."""
        view = self._views.get(key)
        if view is None:
            view = View(str(key), self._shelf)
            self._views[key] = view
            self._keys[view] = key
            self._own += key.kind == "Workload"
            self._tell_views()
        return view

    def fetched(self, world: World) -> View:
        """What proxies of a World on demand ask for by name, at first use."""
        view = self._fetched.get(world)
        if view is None:
            view = self._fetched[world] = View(f"{world}, fetched", self._shelf, by_name=True)
            self._keys[view] = world
            self._tell_views()
        return view

    @property
    def shared_views(self) -> int:
        """How many views of Gateways and Worlds there are."""
        return len(self._views) + len(self._fetched) - self._own

    def key(self, view: View) -> ViewKey | None:
        """Whose view it is; None for one that was forgotten while proxies followed it."""
        return self._keys.get(view)

    def forget(self, key: ViewKey) -> None:
        """The owner is gone; a view stays only while proxies follow it, as they may be let go on.

        That of a World does not: its workloads see another one now, and are sent there.
        """
        view = self._views.get(key)
        if view is not None and (isinstance(key, World) or not view.members):
            del self._views[key]
            self._drop(view)
            if isinstance(key, World) and (fetched := self._fetched.pop(key, None)) is not None:
                self._drop(fetched)
            self._own -= key.kind == "Workload"
            self._tell_views()

    def _drop(self, view: View) -> None:
        del self._keys[view]
        self.published -= sum(len(log.current) for type_url in TYPES if (log := view.log(type_url)))
        self._flights.pop(view, None)
        self._land(view)
        self._lags.pop(view, None)

    def _tell_views(self) -> None:
        metrics.VIEWS.set(self.shared_views)
        metrics.OWN_VIEWS.set(self._own)

    def publish(self, changes: Changes, since: float) -> int:
        """Commit what changed to the views; returns the number of changed resources."""
        by_view: defaultdict[ViewKey, dict[Name, Blob | None]] = defaultdict(dict)
        for key, type_url, name, resource in changed_resources(changes.outputs):
            by_view[key][Name(type_url, name)] = _blob(resource)
        for world, difference in self.worlds.changes(changes.outputs).items():
            by_view[world].update((name, _blob(resource)) for name, resource in difference.items())
        for world, members in changes.outputs.get(MEMBERS, {}).items():
            if members is None:
                by_view.pop(world, None)  # nobody is to lose anything on the way to another World
                self.forget(world)
        for key, changed in by_view.items():
            for view, part in self._parted(key, changed):
                self._count(view, part)
                self._commit(view, part, since)
        return sum(map(len, by_view.values()))

    def _parted(
        self, key: ViewKey, changed: Mapping[Name, Blob | None]
    ) -> Iterator[tuple[View, Mapping[Name, Blob | None]]]:
        """Which changes go into which view of a key.

        What once was told without asking stays so, and what could be fetched still can: to a proxy, leaving
        one view would mean that it is gone.
        """
        common = self.view(key)
        if not isinstance(key, World) or not key.on_demand:
            yield common, changed
            return
        fetched = self.fetched(key)
        only_asked = {
            name
            for name, blob in changed.items()
            if blob is not None and common.get(name) is None and self.worlds.is_fetched(key, name)
        }
        yield (
            fetched,
            {
                name: blob
                for name, blob in changed.items()
                if blob is None or name in only_asked or fetched.get(name) is not None
            },
        )
        yield common, {name: blob for name, blob in changed.items() if name not in only_asked}

    def _count(self, view: View, changed: Mapping[Name, Blob | None]) -> None:
        for name, blob in changed.items():
            self.published += (blob is not None) - (view.get(name) is not None)

    def _commit(self, view: View, changed: Mapping[Name, Blob | None], since: float) -> None:
        before = view.seq
        seq = view.commit(changed)
        if seq != before and view.members:
            flights = self._flights.setdefault(view, [])
            flights.append(_Flight(seq, since, len(view.members)))
            del flights[:-FLIGHTS_KEPT]
            self._landed.clear()

    def synced(self, view: View, before: int, seq: int) -> None:
        """A proxy that had answered everything up to `before` now has up to `seq`."""
        flights = self._flights.get(view)
        if not flights:
            return
        for flight in reversed(flights):
            if flight.seq <= before:
                break  # a proxy that never answers keeps old flights here: only new ones are looked at
            if flight.seq <= seq:
                flight.waiting -= 1
        if flights[0].waiting <= 0:  # older ones land with or before newer ones
            self._land(view)

    def answered(self, view: View) -> int:
        """The newest commit of the view that every proxy has answered, as far back as is remembered."""
        flights = self._flights.get(view)
        return flights[0].seq - 1 if flights else view.seq

    def left(self, view: View, acknowledged: int) -> None:
        """A proxy of this view is gone: nobody waits for its answers to what came after `acknowledged`."""
        for flight in self._flights.get(view, ()):
            if flight.seq > acknowledged:
                flight.waiting -= 1
        self._land(view)

    def lag(self, view: View) -> float:
        """Seconds the last commit took from being known to its last acknowledgement; 0 before the first."""
        return self._lags.get(view, 0.0)

    def _land(self, view: View) -> None:
        """Take note of the commits that everybody has answered: older ones land with or before newer ones."""
        flights = self._flights.get(view, [])
        while flights and flights[0].waiting <= 0:
            lag = self._lags[view] = self._clock.monotonic() - flights.pop(0).since
            metrics.CONVERGENCE_SECONDS.observe(lag)
        if not flights and self._flights.pop(view, None) is not None:
            view.forget_built()  # whoever comes back later is the exception
        if not self._flights:
            self._landed.set()

    def forget_built(self) -> None:
        """Drops the responses that views keep for whoever is to be told the same."""
        for view in self._keys:
            view.forget_built()

    async def idle(self, patience: float) -> None:
        """Returns when every proxy has answered the last commit, or after `patience` seconds.

        Telling thousands takes longer than that. The next commit then goes on from who is told now, once
        round, so that nobody is told again before the others; gathering a little bounds what commits cost.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._landed.wait()


def _blob(resource: Resource | None) -> Blob | None:
    return None if resource is None else Blob(resource.version, resource.body)
