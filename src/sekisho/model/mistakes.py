"""Explains everything in an object that does not fit its struct type; the slow path, taken only when one is.

msgspec refuses at the first mistake and fast; this walks on and tells all of them. A property test holds
that both refuse the same objects.
"""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import inspect

from sekisho.kit import text
from sekisho.model import paths
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason

MAX_TOLD = 100
"""Mistakes told at once: nobody reads more, and a hostile document can hold millions."""
_WALKED = 10_000
"""Items of one list or map that are looked at, where the type has no limit of its own."""
_SHOWN = 60
"""Characters of a wrong value that are shown."""


def mistakes(type_: type[msgspec.Struct], value: Any, path: str = "") -> list[Problem]:
    """The places where `value` (parsed JSON) does not fit `type_`, as written; the first MAX_TOLD."""
    return list(islice(_explain(_info(type_), value, path, {}), MAX_TOLD))


def value_mistakes(type_: Any, value: Any, path: str) -> list[Problem]:
    """The same for a single field type, such as `fields.DnsLabel`."""
    return list(_explain(_info(type_), value, path, {}))


@cache
def _info(type_: Any) -> inspect.Type:
    return inspect.type_info(type_)


def _explain(type_: inspect.Type, value: Any, path: str, extra: Mapping[str, Any]) -> Iterator[Problem]:
    match type_:
        case inspect.Metadata():
            yield from _explain(type_.type, value, path, type_.extra or {})
        case inspect.UnionType():
            yield from _union(type_, value, path, extra)
        case inspect.StructType():
            yield from _struct(type_, value, path)
        case inspect.VarTupleType():
            yield from _list(type_, value, path)
        case inspect.DictType():
            yield from _map(type_, value, path)
        case inspect.LiteralType():
            yield from _literal(type_, value, path)
        case inspect.StrType():
            yield from _string(type_, value, path, extra)
        case inspect.IntType():
            yield from _integer(type_, value, path)
        case inspect.BytesType():
            yield from _base64(value, path)
        case _:
            yield from _plain(type_, value, path)


def _union(type_: inspect.UnionType, value: Any, path: str, extra: Mapping[str, Any]) -> Iterator[Problem]:
    """`X | None` and `int | str`: the option of the value's own type, or else the first one, explains."""
    options = [option for option in type_.types if not isinstance(option, inspect.NoneType)]
    if value is None and len(options) < len(type_.types):
        return
    fitting = [option for option in options if _name(option) == _name_of(value)]
    if len(options) > 1 and not fitting:
        yield _wrong_type(" or ".join(_article(_name(option)) for option in options), value, path)
        return
    yield from _explain((fitting or options)[0], value, path, extra)


def _struct(type_: inspect.StructType, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield _wrong_type("an object", value, path)
        return
    fields = {field.encode_name: field for field in type_.fields}
    for key, item in value.items():
        if key in fields:
            yield from _explain(fields[key].type, item, paths.field(path, key), {})
        else:
            unused = [name for name in fields if name not in value]
            name = _quoted(key)
            where = paths.field(path, key) if _is_plain(key) else paths.entry(path, key)
            hint = text.did_you_mean(key, unused) or text.did_you_mean(key, fields)  # defaults count as used
            yield Problem(where, f"unknown field {name}", hint, Reason.UNKNOWN)
    for name, field in fields.items():
        if field.required and name not in value:
            yield Problem(paths.field(path, name), "is required", reason=Reason.REQUIRED)


def _list(type_: inspect.VarTupleType, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        yield _wrong_type("a list", value, path)
        return
    yield from _size(type_, len(value), "item", path)
    for index, item in enumerate(value[: type_.max_length or _WALKED]):
        yield from _explain(type_.item_type, item, paths.item(path, index), {})


def _map(type_: inspect.DictType, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield _wrong_type("an object", value, path)
        return
    yield from _size(type_, len(value), "entry", path)
    for key, item in islice(value.items(), type_.max_length or _WALKED):
        yield from _explain(type_.value_type, item, paths.entry(path, key), {})


def _size(
    type_: inspect.VarTupleType | inspect.DictType, size: int, noun: str, path: str
) -> Iterator[Problem]:
    if type_.max_length is not None and size > type_.max_length:
        expected = f"expected at most {_counted(type_.max_length, noun)}"
        yield Problem(path, f"{expected}, found {size}", reason=Reason.TOO_MANY)
    if type_.min_length is not None and size < type_.min_length:
        expected = f"expected at least {_counted(type_.min_length, noun)}"
        yield Problem(path, f"{expected}, found {size}", reason=Reason.REQUIRED)


def _counted(number: int, noun: str) -> str:
    plural = {"item": "items", "entry": "entries"}
    return f"{number} {noun if number == 1 else plural[noun]}"


def _literal(type_: inspect.LiteralType, value: Any, path: str) -> Iterator[Problem]:
    if type(value) is type(type_.values[0]) and value in type_.values:
        return
    allowed = ", ".join(_quoted(option) for option in type_.values)
    hint = text.did_you_mean(value, map(str, type_.values)) if isinstance(value, str) else ""
    found = _shown(value) if isinstance(value, str | int) else _article(_name_of(value))
    yield Problem(path, f"expected one of {allowed}, found {found}", hint, Reason.NOT_SUPPORTED)


def _string(type_: inspect.StrType, value: Any, path: str, extra: Mapping[str, Any]) -> Iterator[Problem]:
    if not isinstance(value, str):
        hint = "put it in quotes" if isinstance(value, bool | int | float) else ""
        yield _wrong_type("a string", value, path, hint)
    elif type_.max_length is not None and len(value) > type_.max_length:
        message = f"expected at most {type_.max_length} characters, found {len(value)}"
        yield Problem(path, message, reason=Reason.TOO_LONG)
    elif type_.min_length is not None and len(value) < type_.min_length:
        yield Problem(path, "must not be empty")
    elif type_.pattern is not None and not re.search(type_.pattern, value):
        expected = extra.get("expected", f"text that matches {type_.pattern}")
        yield Problem(path, f"expected {expected}, found {_shown(value)}")


def _integer(type_: inspect.IntType, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, int) or isinstance(value, bool):
        digits = isinstance(value, str) and value.isascii() and value.isdigit()
        yield _wrong_type("an integer", value, path, "remove the quotes" if digits else "")
    elif type_.ge is not None and type_.le is not None and not type_.ge <= value <= type_.le:
        yield Problem(path, f"expected {type_.ge} to {type_.le}, found {_shown(value)}")
    elif type_.ge is not None and value < type_.ge:
        yield Problem(path, f"expected at least {type_.ge}, found {_shown(value)}")


def _base64(value: Any, path: str) -> Iterator[Problem]:
    """Never shows the value: it may be a key."""
    if not isinstance(value, str):
        yield _wrong_type("a string in base64", value, path)
        return
    try:
        msgspec.convert(value, bytes)
    except (msgspec.ValidationError, binascii.Error):
        yield Problem(path, "expected base64", "plain text goes into stringData")


def _plain(type_: inspect.Type, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(type_, inspect.AnyType) and _name(type_) != _name_of(value):
        quoted = type_ == inspect.BoolType() and value in ("true", "false")
        yield _wrong_type(_article(_name(type_)), value, path, "remove the quotes" if quoted else "")


def _wrong_type(expected: str, value: Any, path: str, hint: str = "") -> Problem:
    return Problem(path, f"expected {expected}, found {_article(_name_of(value))}", hint, Reason.TYPE)


_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (Mapping, "object"),
    (Sequence, "list"),
)


def _name_of(value: Any) -> str:
    return next((name for type_, name in _NAMES if isinstance(value, type_)), "null")


def _name(type_: inspect.Type) -> str:
    match type_:
        case inspect.Metadata():
            return _name(type_.type)
        case inspect.StructType() | inspect.DictType():
            return "object"
        case inspect.VarTupleType():
            return "list"
        case inspect.LiteralType():
            return _name_of(type_.values[0])
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "number"
        case _:
            return "string"


def _article(name: str) -> str:
    if name == "null":
        return name
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _is_plain(key: str) -> bool:
    return bool(re.fullmatch(r"[\w$-]{1,60}", key))


def _quoted(value: object) -> str:
    return _shown(value) if isinstance(value, str) else str(value)


def _shown(value: object) -> str:
    try:
        whole = str(value)
    except ValueError:  # integers of thousands of digits
        return "a very large number"
    short = whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}…"
    return f'"{short}"' if isinstance(value, str) else short
