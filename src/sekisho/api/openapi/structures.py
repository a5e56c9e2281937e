"""The merge rules of each kind, for strategic merge patches and server-side apply."""

from functools import cache

import msgspec
from msgspec import inspect

from sekisho.api.openapi.lists import ATOMIC_TYPES, RULES, ListRule
from sekisho.api.patches.structure import PLAIN, Structure

_ATOMIC = Structure(atomic=True)
_CONDITIONS = Structure(keys=("type",), merge_key="type")
_STATUS = Structure(
    fields={"conditions": _CONDITIONS, "listeners": Structure(keys=("name",), merge_key="name")}
)
"""Status is free-form in our types; these are its keyed lists in every kind upstream."""


@cache
def structure_of(type_: type[msgspec.Struct]) -> Structure:
    """The rules of a kind's objects."""
    built = _of(inspect.type_info(type_))
    return Structure(fields={**built.fields, "status": _STATUS})


def _of(type_: inspect.Type, rule: ListRule | None = None) -> Structure:
    match type_:
        case inspect.Metadata():
            return _of(type_.type, rule)
        case inspect.UnionType():
            return next((_of(option, rule) for option in type_.types if not _is_none(option)), PLAIN)
        case inspect.StructType():
            return _of_struct(type_)
        case inspect.VarTupleType():
            return _of_list(type_.item_type, rule)
        case inspect.DictType():
            return _ATOMIC if rule else Structure(items=_of(type_.value_type))
        case _:
            return PLAIN


def _is_none(type_: inspect.Type) -> bool:
    return isinstance(type_, inspect.NoneType)


def _of_struct(type_: inspect.StructType) -> Structure:
    name = type_.cls.__name__
    if name in ATOMIC_TYPES:
        return _ATOMIC
    return Structure(
        fields={
            field.encode_name: _of(field.type, RULES.get((name, field.encode_name))) for field in type_.fields
        }
    )


def _of_list(item_type: inspect.Type, rule: ListRule | None) -> Structure:
    if rule is None or rule.type == "atomic":
        return _ATOMIC
    if rule.type == "set":
        return Structure(is_set=True)
    items = _of(item_type)
    return Structure(
        items=items,
        keys=rule.keys,
        key_defaults=_defaults(item_type, rule.keys),
        merge_key=rule.strategic_key,
    )


def _defaults(item_type: inspect.Type, keys: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(item_type, inspect.StructType):
        return {}
    return {
        field.encode_name: field.default
        for field in item_type.fields
        if field.encode_name in keys and isinstance(field.default, (str, int))
    }
