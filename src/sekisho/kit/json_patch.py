"""JSON Patch, RFC 6902, on JSON Pointers, RFC 6901."""

import copy
from typing import Any

MAX_OPERATIONS = 10_000


class PatchFailed(Exception):
    """The patch does not fit the document: a path leads nowhere, a test failed, or it is malformed."""


def json_patch(document: Any, operations: Any) -> Any:
    """The document after all operations; the argument is not changed. Raises PatchFailed."""
    if not isinstance(operations, list) or len(operations) > MAX_OPERATIONS:
        raise PatchFailed(f"a JSON patch is a list of at most {MAX_OPERATIONS} operations")
    root = {"": copy.deepcopy(document)}
    for operation in operations:
        if not isinstance(operation, dict):
            raise PatchFailed("each operation of a JSON patch is an object")
        _apply(root, operation)
    return root[""]


def _apply(root: dict[str, Any], operation: dict[str, Any]) -> None:
    path = _pointer(operation, "path")
    match operation.get("op"):
        case "add":
            _add(root, path, _value(operation))
        case "remove":
            _take(root, path)
        case "replace":
            _take(root, path)
            _add(root, path, _value(operation))
        case "move":
            source = _pointer(operation, "from")
            if path[: len(source)] == source and path != source:
                raise PatchFailed("a value cannot be moved into itself")
            _add(root, path, _take(root, source))
        case "copy":
            _add(root, path, copy.deepcopy(_get(root, _pointer(operation, "from"))))
        case "test":
            if not _same(_get(root, path), _value(operation)):
                raise PatchFailed(f"the test of {operation['path']!r} failed")
        case other:
            raise PatchFailed(f"unknown operation {other!r}")


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchFailed(f"the operation {operation.get('op')!r} needs a value")
    return copy.deepcopy(operation["value"])


def _pointer(operation: dict[str, Any], field: str) -> list[str]:
    """The steps of a JSON Pointer below the root's holder: so the whole document is a place like others."""
    text = operation.get(field)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchFailed(f"{field!r} is not a JSON Pointer: {text!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")]


def _index(container: list[Any], step: str, *, append: bool = False) -> int:
    if append and step == "-":
        return len(container)
    canonical = step.isascii() and step.isdigit() and (step == "0" or not step.startswith("0"))
    if not canonical or len(step) > len(str(MAX_OPERATIONS)) or int(step) >= len(container) + append:
        raise PatchFailed(f"{step!r} is no index of a list of {len(container)}")
    return int(step)


def _descend(container: Any, step: str) -> Any:
    if isinstance(container, dict):
        if step not in container:
            raise PatchFailed(f"there is no field {step!r}")
        return container[step]
    if isinstance(container, list):
        return container[_index(container, step)]
    raise PatchFailed(f"{step!r} leads into a value that is neither object nor list")


def _get(root: dict[str, Any], path: list[str]) -> Any:
    value: Any = root
    for step in path:
        value = _descend(value, step)
    return value


def _add(root: dict[str, Any], path: list[str], value: Any) -> None:
    container = _get(root, path[:-1])
    if isinstance(container, list):
        container.insert(_index(container, path[-1], append=True), value)
    elif isinstance(container, dict):
        container[path[-1]] = value
    else:
        raise PatchFailed(f"{path[-1]!r} leads into a value that is neither object nor list")


def _take(root: dict[str, Any], path: list[str]) -> Any:
    container = _get(root, path[:-1])
    value = _descend(container, path[-1])
    if isinstance(container, list):
        del container[_index(container, path[-1])]
    else:
        del container[path[-1]]
    return value


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: in Python, True == 1."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)
