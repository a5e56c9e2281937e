"""Which policy wins, field by field: one order for all kinds, then JSON merge patch (RFC 7396).

Parts are sorted from the least to the most specific, and each is merged over those before it: objects field
by field, everything else whole. A list whose name begins with `append` goes on where the former one ended.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from sekisho.model.meta import Resource
from sekisho.model.names import Origin, ResourceId
from sekisho.model.origin import GLOBAL, ORIGIN_LABEL, display_name
from sekisho.model.policies.roles import Role, role
from sekisho.model.targets import TargetRef, ToTargetRef

_TARGETS = {
    "Mesh": 0,
    "Service": 1,
    "ExternalService": 1,
    "ZoneService": 1,
    "Workload": 2,
    "Gateway": 2,
    "HTTPRoute": 3,
}
"""One instance is more than the service it is of, and the route of a request more than the proxy it is at."""
_ORIGINS = {GLOBAL: 0}
"""What is written in a zone wins, here or in another one."""
_OF_A_ZONE = 1
_ROLES = {Role.SYSTEM: 0, Role.PRODUCER: 1, Role.CONSUMER: 2, Role.WORKLOAD_OWNER: 3}
_DESTINATIONS = {
    "": 0,
    "Mesh": 0,
    "Service": 1,
    "ZoneService": 1,
    "ExternalService": 2,
    "MultiZoneService": 3,
    "HTTPRoute": 4,
}

T = TypeVar("T")
Document = Mapping[str, Any]


class Order(NamedTuple):
    """Sorts parts from those that give way to those that win."""

    target: int
    has_section: bool
    origin: int
    role: int
    destination: int
    has_destination_section: bool
    name: tuple[int, ...]
    """Turned around: the alphabetically smaller name wins."""
    namespace: tuple[int, ...]
    """Turned around; no two policies of a kind have one place."""
    entry: int
    """In one policy the later entry wins."""


class Part(NamedTuple):
    """What one entry of one policy says."""

    order: Order
    origin: Origin
    """The policy and the path of the entry's `default`."""
    document: Document
    """The `default` as it was written, without what was left out."""


class Merged(NamedTuple):
    """What all of them say together."""

    document: Document
    origins: tuple[tuple[str, Origin], ...]
    """Field path → the field that decided it, sorted; of an `append…` list, each item apart."""


_NOWHERE = Origin(ResourceId("", "", ""))
NOTHING = Merged({}, ())


def order(policy: Resource, target: TargetRef | None, destination: ToTargetRef | None, entry: int) -> Order:
    """The place of an entry, counted from 0, of a policy among all entries of all policies of its kind."""
    return Order(
        target=_TARGETS[target.kind if target else "Mesh"],
        has_section=bool(target and target.section_name),
        origin=_ORIGINS.get(policy.metadata.labels.get(ORIGIN_LABEL, ""), _OF_A_ZONE),
        role=_ROLES[role(policy)],
        destination=_DESTINATIONS[destination.kind if destination else ""],
        has_destination_section=bool(destination and destination.section_name),
        name=_reversed(display_name(policy.metadata)),
        namespace=_reversed(policy.metadata.namespace),
        entry=entry,
    )


def _reversed(text: str) -> tuple[int, ...]:
    """Sorts the other way round; the 1 at the end puts `a` after `ab`."""
    return (*(-ord(character) for character in text), 1)


def merged(parts: Iterable[Part]) -> Merged:
    """All parts, the least specific first, one over the other."""
    return stacked(in_order(parts))


def stacked(parts: Iterable[Part]) -> Merged:
    """All parts in the order given, one over the other."""
    document: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for part in parts:
        _patch(document, part.document, "", part.origin, origins)
    return Merged(document, tuple(sorted(origins.items())))


def in_order(parts: Iterable[Part]) -> list[Part]:
    """The least specific first."""
    return sorted(parts, key=_place)


def _place(part: Part) -> Order:
    return part.order


def typed(found: Merged, type_: type[T]) -> T:
    """The merged document as the struct of its policy. The parts were checked, so it fits."""
    return msgspec.convert(found.document, type_)


def written(default: msgspec.Struct) -> dict[str, Any]:
    """A `default` as JSON, with what its author wrote and nothing else."""
    said: dict[str, Any] = _said(msgspec.to_builtins(default))
    return said


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items() if item is not None}
    return [_said(item) for item in value] if isinstance(value, list | tuple) else value


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, with `append…` lists concatenated; neither argument is changed."""
    if not isinstance(patch, Mapping):
        return patch
    document = dict(target) if isinstance(target, Mapping) else {}
    _patch(document, patch, "", _NOWHERE, {})
    return document


def _appends(name: str, value: Any) -> bool:
    return name.startswith("append") and isinstance(value, Sequence) and not isinstance(value, str)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _patch(
    document: dict[str, Any], patch: Document, path: str, origin: Origin, origins: dict[str, Origin]
) -> None:
    """`_join` in place, noting who decided each field; what is replaced loses its notes."""
    for name, value in patch.items():
        where = f"{path}.{name}" if path else name
        place = Origin(origin.resource, f"{origin.path}.{where}")
        if value is None:
            document.pop(name, None)
            _forget(origins, where)
        elif _appends(name, value):
            before = _items(document.get(name))
            document[name] = [*before, *value]
            for index in range(len(value)):
                source = Origin(origin.resource, f"{place.path}[{index}]")
                origins[f"{where}[{len(before) + index}]"] = source
        elif isinstance(value, Mapping):
            below = document.get(name)
            fresh = dict(below) if isinstance(below, Mapping) else {}
            if not isinstance(below, Mapping):
                _forget(origins, where)
            document[name] = fresh
            _patch(fresh, value, where, origin, origins)
        else:
            document[name] = value
            _forget(origins, where)
            origins[where] = place


def _forget(origins: dict[str, Origin], path: str) -> None:
    """The notes on a field and everything in it."""
    for known in [one for one in origins if one == path or one.startswith((f"{path}.", f"{path}["))]:
        del origins[known]
