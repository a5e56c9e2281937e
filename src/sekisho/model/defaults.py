"""Fills in what was left out, as the CRDs' defaults say: struct types → JSON objects with nothing missing.

A default is filled when it says something: not None, not an empty list or map, and not marked
`extra={"filled": False}`. Nulls mean "left out", as in Kubernetes, and go.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

Filler = Callable[[Any], Any]


def filled(type_: type[msgspec.Struct], value: Any) -> Any:
    """A copy of `value` with defaults and without nulls; what does not fit the type is left as it is."""
    filler = _compiled(type_)
    return filler(value) if filler else value


@cache
def _compiled(type_: type[msgspec.Struct]) -> Filler | None:
    return _filler(inspect.type_info(type_))


def _filler(type_: inspect.Type) -> Filler | None:
    match type_:
        case inspect.Metadata():
            return _filler(type_.type)
        case inspect.UnionType():
            fillers = [filler for option in type_.types if (filler := _filler(option))]
            return fillers[0] if fillers else None
        case inspect.StructType():
            return _struct_filler(type_)
        case inspect.VarTupleType():
            return _list_filler(_filler(type_.item_type), type_.max_length)
        case inspect.DictType() if not isinstance(type_.value_type, inspect.AnyType):
            return _without_nulls
        case _:
            return None


def _list_filler(fill: Filler | None, longest: int | None) -> Filler | None:
    """A list too long will be refused and is left alone: a million `{}` must not become a gigabyte."""
    if fill is None:
        return None

    def fill_items(value: Any) -> Any:
        if not isinstance(value, list | tuple) or (longest is not None and len(value) > longest):
            return value
        return [fill(item) for item in value]

    return fill_items


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: item for key, item in value.items() if item is not None}


def _struct_filler(type_: inspect.StructType) -> Filler:
    fillers = {field.encode_name: _filler(field.type) for field in type_.fields}
    defaults = [
        (field.encode_name, default) for field in type_.fields if (default := _default(field)) is not None
    ]

    def fill(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        result: dict[str, Any] = {}
        for key, item in value.items():
            if item is not None:
                filler = fillers.get(key)
                result[key] = filler(item) if filler else item
        for key, default in defaults:
            if key not in result:
                result[key] = _copied(default)
        return result

    return fill


def _copied(value: Any) -> Any:
    """A copy nobody else holds; several times faster than deepcopy on JSON."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _default(field: inspect.Field) -> Any:
    """What the field is when left out, as JSON; None when nothing is filled in."""
    if field.required or field.default in (None, (), msgspec.NODEFAULT):
        return None
    if isinstance(field.type, inspect.Metadata) and (field.type.extra or {}).get("filled") is False:
        return None
    return _said(msgspec.to_builtins(field.default))


def _said(value: Any) -> Any:
    """Without what says nothing."""
    if isinstance(value, dict):
        return {
            key: _said(item) for key, item in value.items() if item is not None and item not in ([], (), {})
        }
    if isinstance(value, list | tuple):
        return [_said(item) for item in value]
    return value
