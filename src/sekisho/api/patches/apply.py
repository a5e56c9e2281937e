"""Server-side apply: who applies owns the fields; what it stops applying, and nobody else owns, goes.

The rules are those of Kubernetes ("Server-Side Apply" in its docs), on flat sets of paths. The steps are
`merge` → (the caller fills in defaults and validates) → `settle`, because a conflict is a change of an owned
value after defaults: an atomic list applied again without its defaults is no change.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sekisho.api.patches.managers import BEFORE_FIRST_APPLY, Manager
from sekisho.api.patches.ownership import Leaves, Path, leaves, readable
from sekisho.api.patches.structure import Structure

_IDENTITY = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "managedFields",
                "selfLink",
                "generateName",
            )
        ),
    }
)
"""Nobody owns these: they say which object it is, or the server writes them."""


class ApplyConflict(Exception):
    """Other managers own fields that the apply would change."""

    def __init__(self, conflicts: Sequence[tuple[Manager, Path]]) -> None:
        super().__init__(f"{len(conflicts)} conflicts")
        self.conflicts = tuple(conflicts)

    def causes(self) -> list[dict[str, str]]:
        """As metav1.StatusCause values."""
        return [
            {
                "reason": "FieldManagerConflict",
                "message": f'conflict with "{manager.name}" using {manager.api_version}',
                "field": readable(path),
            }
            for manager, path in self.conflicts
        ]


@dataclass(frozen=True, slots=True)
class Applied:
    """An apply in progress."""

    object: dict[str, Any]
    """The merged object."""
    owned: frozenset[Path]
    """What the applier owns from now on."""
    live: Mapping[str, Any] | None
    """The object before; None when there is none."""
    applier: Manager
    managers: Sequence[Manager]
    """Who owned what before."""
    structure: Structure

    @property
    def others(self) -> list[Manager]:
        """The managers that are not the applier."""
        return [manager for manager in self.managers if manager.identity != self.applier.identity]


def owned_paths(object_: Mapping[str, Any], structure: Structure) -> frozenset[Path]:
    """The paths of an object that can have an owner; status is nobody's here."""
    return frozenset(path for path in leaves(object_, structure) if _can_be_owned(path))


def _can_be_owned(path: Path) -> bool:
    return path[0] != "f:status" and path not in _IDENTITY and path[:2] != ("f:metadata", "f:managedFields")


def tracked(
    managers: Sequence[Manager], live: Mapping[str, Any] | None, structure: Structure, now: datetime
) -> list[Manager]:
    """The managers of an object; one that was never tracked belongs to `before-first-apply`."""
    if managers or live is None:
        return list(managers)
    nobody = Manager(BEFORE_FIRST_APPLY, "Update", str(live.get("apiVersion", "")))
    return [nobody.with_paths(owned_paths(live, structure), now)]


def merge(
    live: Mapping[str, Any] | None,
    wanted: Mapping[str, Any],
    applier: Manager,
    managers: Sequence[Manager],
    structure: Structure,
) -> Applied:
    """`wanted` over `live`, less what the applier owned before, wants no more, and nobody else owns."""
    wanted = _without_nulls(wanted)
    owned = owned_paths(wanted, structure)
    merged = _merge(copy.deepcopy(dict(live or {})), wanted, structure)
    applied = Applied(merged, owned, live, applier, managers, structure)
    before = next((m.paths for m in managers if m.identity == applier.identity), frozenset())
    kept = owned.union(*(manager.paths for manager in applied.others))
    prefixes = {path[:length] for path in kept for length in range(1, len(path) + 1)}
    left = before.union(*(_fields_around(path, structure) for path in before)) - prefixes
    for path in sorted(left, key=len):  # an item of a list and a field go whole, their defaults included
        _remove(merged, path, structure, kept)
    return applied


def _fields_around(path: Path, structure: Structure) -> frozenset[Path]:
    """The fields that a path goes through, below `spec` and its like: whoever owns the path owns them too.

    Keys of maps are not fields. (structured-merge-diff: EnsureNamedFieldsAreMembers.)
    """
    found = set()
    for depth, step in enumerate(path[:-1], 1):
        is_field = step.startswith("f:")
        if is_field and step[2:] in structure.fields and depth > 1:
            found.add(path[:depth])
        structure = structure.below(step[2:]) if is_field else structure.of_items
    return frozenset(found)


def settle(applied: Applied, final: Mapping[str, Any], *, force: bool, now: datetime) -> list[Manager]:
    """Who owns what afterwards. `final` is the merged object with its defaults.

    Raises ApplyConflict when, without `force`, a value that somebody else owns changed.
    """
    old, new = leaves(applied.live or {}, applied.structure), leaves(final, applied.structure)
    changed = _changed(old, new) & applied.owned
    conflicts = [(manager, path) for manager in applied.others for path in sorted(manager.paths & changed)]
    if conflicts and not force:
        raise ApplyConflict(conflicts)
    result = [manager.with_paths((manager.paths - changed) & new.keys(), now) for manager in applied.others]
    previous = next((m for m in applied.managers if m.identity == applied.applier.identity), applied.applier)
    return [*result, previous.with_paths(applied.owned, now)]


def after_update(
    managers: Sequence[Manager],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    writer: Manager,
    structure: Structure,
    now: datetime,
) -> list[Manager]:
    """Who owns what after a write that was no apply: the writer takes what it changed."""
    before, after = leaves(old, structure), leaves(new, structure)
    changed = {path for path in _changed(before, after) if _can_be_owned(path)}
    result: list[Manager] = []
    mine = writer
    for manager in managers:
        if manager.identity == writer.identity:
            mine = manager
        else:
            result.append(manager.with_paths((manager.paths - changed) & after.keys(), now))
    return [*result, mine.with_paths((mine.paths | changed) & after.keys(), now)]


def _changed(old: Leaves, new: Leaves) -> set[Path]:
    """Paths that are new or have another value."""
    return {path for path, value in new.items() if path not in old or old[path] != value}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _merge(live: Any, wanted: Any, structure: Structure) -> Any:
    if structure.atomic:
        return wanted
    if isinstance(live, dict) and isinstance(wanted, Mapping):
        merged = dict(live)
        for name, value in wanted.items():
            below = structure.below(name)
            merged[name] = _merge(merged[name], value, below) if name in merged else value
        return merged
    if isinstance(live, list) and isinstance(wanted, list) and structure.merges_items:
        return _merge_items(live, wanted, structure)
    return wanted


def _merge_items(live: list[Any], wanted: list[Any], structure: Structure) -> list[Any]:
    """Items applied come in the applied order; the others keep their places among themselves, after them."""
    existing = {structure.key_of(item): item for item in live}
    applied = {structure.key_of(item): item for item in wanted}
    merged = [
        _merge(existing[key], item, structure.of_items) if key in existing else item
        for key, item in applied.items()
    ]
    return merged + [item for key, item in existing.items() if key not in applied]


def _remove(object_: dict[str, Any], path: Path, structure: Structure, kept: frozenset[Path]) -> None:
    """Takes one path out, and with it the containers that it leaves empty and nobody owns."""
    trail: list[tuple[Any, Any, Path]] = []
    value: Any = object_
    for depth, step in enumerate(path, 1):
        place, below, structure = _place(value, step, structure)
        if place is None:
            return
        trail.append((value, place, path[:depth]))
        value = below
    container, place, _ = trail.pop()
    del container[place]
    while trail and not container:
        container, place, where = trail.pop()
        if where in kept or len(where) == 1:
            return
        del container[place]


def _place(value: Any, step: str, structure: Structure) -> tuple[Any, Any, Structure]:
    """Where a step leads: the key or index, the value there and its structure; (None, ...) when nowhere."""
    if step.startswith("f:"):
        name = step[2:]
        if isinstance(value, dict) and name in value:
            return name, value[name], structure.below(name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if structure.key_of(item) == step:
                return index, item, structure.of_items
    return None, None, structure
