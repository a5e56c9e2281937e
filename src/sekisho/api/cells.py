"""Columns of tables, and ways to read their cells from an object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `Age` and `Name` are the same everywhere and added by `columns`."""

    name: str
    cell: Callable[[Object], Any]
    description: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    """0 is always shown, 1 with `-o wide`."""


def at(object_: Any, *path: str | int) -> Any:
    """The value at a path, or None where it leads nowhere."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(object_, list) or len(object_) <= step:
                return None
        elif not isinstance(object_, Mapping) or step not in object_:
            return None
        object_ = object_[step]
    return object_


def condition(type_: str) -> Callable[[Object], str]:
    """Reads the status of a condition."""

    def cell(object_: Object) -> str:
        conditions = at(object_, "status", "conditions") or []
        return next((each.get("status", "") for each in conditions if each.get("type") == type_), "")

    return cell


def text(*path: str | int) -> Callable[[Object], str]:
    """Reads a scalar, as text."""

    def cell(object_: Object) -> str:
        value = at(object_, *path)
        return "" if value is None else str(value)

    return cell


def joined(*path: str | int) -> Callable[[Object], str]:
    """Reads a list, as text."""

    def cell(object_: Object) -> str:
        values = at(object_, *path) or []
        return "[" + ",".join(f'"{value}"' for value in values) + "]" if values else ""

    return cell


def count(*paths: str) -> Callable[[Object], int]:
    """How many entries some lists or maps have together."""
    return lambda object_: sum(len(at(object_, path) or ()) for path in paths)


def pairs(*path: str) -> Callable[[Object], str]:
    """Reads a map, as `key=value,…`."""

    def cell(object_: Object) -> str:
        found = at(object_, *path) or {}
        return ",".join(f"{key}={value}" for key, value in sorted(found.items())) or "<none>"

    return cell
