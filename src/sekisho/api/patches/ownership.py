"""Sets of field paths: which fields an object has, who owns which, and their written form `fieldsV1`.

A path is a tuple of steps as fieldsV1 spells them: `f:name` for a field, `k:{...}` for an item of a keyed
list, `v:...` for a member of a set. (structured-merge-diff, fieldpath; Kubernetes docs, "Server-Side Apply".)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sekisho.api.patches.structure import Structure

Path = tuple[str, ...]
Leaves = dict[Path, Any]
"""Path: the value there; for an item of a list and for an empty object, a mark that it is there."""

PRESENT = object()


def leaves(object_: Mapping[str, Any], structure: Structure) -> Leaves:
    """Every path of an object that can be owned, with its value."""
    found: Leaves = {}
    _of_object(object_, structure, (), found)
    return found


def _of_object(value: Mapping[str, Any], structure: Structure, path: Path, found: Leaves) -> None:
    for name, each in value.items():
        step = (*path, f"f:{name}")
        below = structure.below(name)
        if isinstance(each, dict) and not below.atomic and each:
            if name not in structure.fields and structure.items is not None:
                found[step] = PRESENT  # a key of a map belongs to somebody even apart from what is in it
            _of_object(each, below, step, found)
        elif isinstance(each, list) and below.merges_items and each:
            _of_list(each, below, step, found)
        else:
            found[step] = each


def _of_list(values: list[Any], structure: Structure, path: Path, found: Leaves) -> None:
    for item in values:
        step = (*path, structure.key_of(item))
        found[step] = PRESENT
        if isinstance(item, dict):
            _of_object(item, structure.of_items, step, found)


def to_fields(paths: Iterable[Path]) -> dict[str, Any]:
    """The `fieldsV1` form of a set of paths."""
    root: dict[str, Any] = {}
    owned = set(paths)
    for path in sorted(owned):
        node = root
        for step in path:
            node = node.setdefault(step, {})
    _mark(root, owned, ())
    return root


def _mark(node: dict[str, Any], owned: set[Path], path: Path) -> None:
    """Writes `.` where a path is owned that has owned paths below it."""
    for step in list(node):
        _mark(node[step], owned, (*path, step))
    if path in owned and node:
        node["."] = {}


def from_fields(fields: Any) -> set[Path]:
    """The inverse of `to_fields`. What is malformed is left out."""
    found: set[Path] = set()
    _read(fields, (), found)
    return found


def _read(node: Any, path: Path, found: set[Path]) -> None:
    if not isinstance(node, dict):
        return
    if path and (not node or "." in node):
        found.add(path)
    for step, below in node.items():
        if step != ".":
            _read(below, (*path, step), found)


def readable(path: Path) -> str:
    """A path as conflicts show it: `.spec.ports[port=80].name`."""
    text = ""
    for step in path:
        kind, _, rest = step.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + rest.strip("{}").replace('":', "=").replace('"', "", 1).replace(',"', ",") + "]"
        else:
            text += f"[={rest}]"
    return text
