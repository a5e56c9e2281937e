"""Joins what is made once for many Worlds with who is in each: what changes in the view of every World."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sekisho.engine import Output
from sekisho.envoy.outputs import ASSIGNMENT, CLUSTER, EMISSIONS
from sekisho.envoy.resource import Resource
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.content import Membership
from sekisho.translate.mesh.names import DIRECT, Destination, Part, cluster_name, destination_of
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import MEMBERS
from sekisho.xds.types import Name

_NOBODY = Membership(services=frozenset(), backends=frozenset())
_OF_BACKENDS = (CLUSTER, ASSIGNMENT)
"""What a World gets of a port that it does not call itself, only by way of a route."""

_Held = ResourceId | Destination
"""A service that a World calls, or a port that it only sends to by way of a route."""

Changed = Mapping[Output[Any], Mapping[Any, Any]]
Difference = dict[Name, Resource | None]


class _Entry(NamedTuple):
    """A resource that was made for a part of Worlds."""

    part: World
    item: Destination | Part
    name: Name


class Worlds:
    """What is in every World. An endpoint's change costs a look at each World, a new World what is in it."""

    def __init__(self) -> None:
        self._members: dict[World, Membership] = {}
        self._whole: defaultdict[World, dict[World, None]] = defaultdict(dict)
        """Part of Worlds → the Worlds."""
        self._holders: defaultdict[_Held, dict[World, None]] = defaultdict(dict)
        """Which Worlds have it."""
        self._content: defaultdict[World, dict[ResourceId, tuple[Resource, ...]]] = defaultdict(dict)
        """Part of Worlds → service → what was made of it: in tuples, as these are services times parts."""

    def changes(self, outputs: Changed) -> Mapping[World, Difference]:
        """What a commit changed, by World. One that is gone is not here: nobody is to lose anything by it."""
        entries = self._take(outputs)
        moved: Mapping[World, Membership | None] = outputs.get(MEMBERS, {})
        before = {world: self._members.get(world, _NOBODY) for world in moved}
        for world, now in moved.items():
            self._enrol(world, now)
        found: defaultdict[World, Difference] = defaultdict(dict)
        # A name may pass from one service to another: what comes has the last word.
        self._spread(found, {entry: made for entry, made in entries.items() if made is None})
        for world, now in moved.items():
            if now is not None:
                found[world].update(self._moved(world, before[world], now, entries))
        self._spread(found, {entry: made for entry, made in entries.items() if made is not None})
        return found

    def _spread(
        self, found: defaultdict[World, Difference], entries: Mapping[_Entry, Resource | None]
    ) -> None:
        """Gives each entry to the Worlds that have it."""
        for entry, made in entries.items():
            whole = self._whole.get(entry.part, ())
            for world in self._having(entry):
                if world in whole:
                    found[world][entry.name] = made

    def _having(self, entry: _Entry) -> Iterator[World]:
        """The Worlds whose members an entry is for, of whichever parts; some twice."""
        yield from self._holders.get(entry.item.resource, ())
        if entry.name.type_url in _OF_BACKENDS and isinstance(entry.item, Destination):
            yield from self._holders.get(entry.item, ())

    def is_fetched(self, world: World, name: Name) -> bool:
        """Whether those who see a World get it only when they ask for it by name."""
        at_once = self._members.get(world, _NOBODY).at_once
        return at_once is not None and name.type_url in _OF_BACKENDS and name.name not in at_once

    def resources(self, world: World) -> Iterator[tuple[Name, Resource]]:
        """Everything in a World that is not its alone."""
        members = self._members.get(world, _NOBODY)
        for service in members.services:
            yield from self._of(world, service).items()
        for backend in members.backends:
            yield from self._of_backend(world, backend).items()

    def _take(self, outputs: Changed) -> dict[_Entry, Resource | None]:
        """Notes what was made, and tells it."""
        entries: dict[_Entry, Resource | None] = {}
        for emission in EMISSIONS:
            if not emission.is_shared:
                continue
            for key, made in outputs.get(emission.output, {}).items():
                part, item = key
                name = Name(emission.type_url, emission.name(key)) if made is None else _name(made)
                entries[_Entry(part, item, name)] = made
                self._note(part, item.resource, name, made)
        return entries

    def _note(self, part: World, service: ResourceId, name: Name, made: Resource | None) -> None:
        services = self._content[part]
        kept = tuple(one for one in services.get(service, ()) if _name(one) != name)
        if made is not None:
            services[service] = (*kept, made)
        elif kept:
            services[service] = kept
        else:
            services.pop(service, None)
            if not services:
                del self._content[part]

    def _enrol(self, world: World, now: Membership | None) -> None:
        parts = world.parts
        self._hold(world, self._members.get(world, _NOBODY), now or _NOBODY)
        if now is not None:
            self._members[world] = now
            for part in parts:
                self._whole[part][world] = None
            return
        self._members.pop(world, None)
        for part in parts:
            self._whole[part].pop(world, None)
            if not self._whole[part]:
                del self._whole[part]

    def _hold(self, world: World, before: Membership, now: Membership) -> None:
        old: frozenset[_Held] = frozenset(before.services | before.backends)
        new: frozenset[_Held] = frozenset(now.services | now.backends)
        for one in new - old:
            self._holders[one][world] = None
        for one in old - new:
            self._holders[one].pop(world, None)
            if not self._holders[one]:
                del self._holders[one]

    def _moved(
        self, world: World, before: Membership, now: Membership, entries: Mapping[_Entry, Resource | None]
    ) -> Difference:
        """What comes and goes with the services that do."""
        found: Difference = {}
        gone, lost = before.services - now.services, before.backends - now.backends
        if gone or lost:
            left = Membership(services=gone, backends=lost)
            found.update((entry.name, None) for entry in entries if _has(left, entry))
        for service in gone:
            found.update(dict.fromkeys(self._of(world, service)))
        for backend in lost:
            found.update(dict.fromkeys(self._of_backend(world, backend)))
        for service in now.services - before.services:
            found.update(self._of(world, service))
        for backend in now.backends - before.backends:
            found.update(self._of_backend(world, backend))
        for name in (now.at_once or frozenset()) - (before.at_once or frozenset()):
            found.update(self._of_backend(world, destination_of(name.removeprefix(DIRECT)), name))
        return found

    def _of(self, world: World, service: ResourceId) -> dict[Name, Resource]:
        return {
            _name(made): made for part in world.parts for made in self._content.get(part, {}).get(service, ())
        }

    def _of_backend(self, world: World, backend: Destination, name: str = "") -> dict[Name, Resource]:
        name = name or cluster_name(backend)
        everything = self._of(world, backend.resource).items()
        return {one: made for one, made in everything if one.type_url in _OF_BACKENDS and one.name == name}


def _name(made: Resource) -> Name:
    return Name(made.type_url, made.name)


def _has(members: Membership, entry: _Entry) -> bool:
    return entry.item.resource in members.services or (
        entry.name.type_url in _OF_BACKENDS and entry.item in members.backends
    )
