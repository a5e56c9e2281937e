"""The page of kinds: every field a user may write, what fits it, and what it means."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import inspect

from sekisho.model.kinds import KINDS, Kind

_EVERYWHERE = ("apiVersion", "kind", "metadata", "status")
"""Top-level fields that all kinds have, or that the server writes."""


def kinds() -> str:
    """The page, as Markdown."""
    sorted_kinds = sorted(KINDS.values(), key=lambda one: (one.group, one.kind))
    return "\n".join(["# Kinds\n", *map(_kind, sorted_kinds)])


class _Look(NamedTuple):
    """What a field's type says."""

    inner: inspect.StructType | None
    """The struct it is, or is a list or map of."""
    suffix: str
    """`[]` for lists."""
    fits: str
    """What fits, as Markdown."""
    meaning: str


def _kind(kind: Kind) -> str:
    names = ", ".join(f"`{name}`" for name in (kind.plural, *kind.short_names))
    scope = "namespaced" if kind.namespaced else "cluster-wide"
    info = inspect.type_info(kind.type)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - kinds are struct types
    rows = "\n".join(_rows(info, "", {}))
    table = f"\n| field | fits | meaning |\n|---|---|---|\n{rows}\n" if rows else ""
    meaning = " ".join((kind.type.__doc__ or "").split())
    return f"## {kind.kind}\n\n{meaning}\n\n`{kind.api_version}`, {scope}; {names}\n{table}"


def _rows(struct: inspect.StructType, path: str, shown: dict[type, str]) -> Iterator[str]:
    """Fields in depth; a type whose fields were `shown` already is told by where."""
    for field in struct.fields:
        if not path and field.encode_name in _EVERYWHERE:
            continue
        look = _look(field.type)
        name = f"{path}{field.encode_name}{look.suffix}"
        before = shown.setdefault(look.inner.cls, name) if look.inner else name
        same = f"as `{before}`" if before != name else ""
        fits = ", ".join(filter(None, (look.fits or same, _default(field))))
        yield f"| `{name}` | {_cell(fits)} | {_cell(look.meaning)} |"
        if look.inner is not None and not same:
            yield from _rows(look.inner, f"{name}.", shown)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _look(type_: inspect.Type) -> _Look:
    match type_:
        case inspect.Metadata():
            below = _look(type_.type)
            meaning = (type_.extra_json_schema or {}).get("description", "")
            return below._replace(meaning=meaning or below.meaning)
        case inspect.UnionType():
            looks = [_look(option) for option in type_.types if not isinstance(option, inspect.NoneType)]
            fits = " or ".join(look.fits for look in looks if look.fits)
            return looks[0]._replace(fits=fits)
        case inspect.StructType():
            return _Look(type_, "", "", "")
        case inspect.VarTupleType():
            below = _look(type_.item_type)
            return _Look(below.inner, f"{below.suffix}[]", below.fits, "")
        case inspect.DictType():
            return _Look(None, "", "map", "")
        case _:
            return _Look(None, "", _scalar(type_), "")


def _scalar(type_: inspect.Type) -> str:
    match type_:
        case inspect.LiteralType():
            return " ".join(f"`{value}`" for value in type_.values)
        case inspect.IntType() | inspect.FloatType():
            if type_.ge is not None and type_.le is not None:
                return f"{type_.ge} to {type_.le}"
            return f"number from {type_.ge}" if type_.ge is not None else "number"
        case inspect.BoolType():
            return "`true` `false`"
        case inspect.BytesType():
            return "base64"
        case inspect.StrType():
            return "text"
        case _:
            return "anything"


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    default = field.default
    if default in (None, (), "") or default is msgspec.NODEFAULT or isinstance(default, msgspec.Struct):
        return ""
    return f"default `{str(default).lower() if isinstance(default, bool) else default}`"
