"""Small rules that the values of several policies share."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from sekisho.kit import durations
from sekisho.model import paths
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason

_PERCENT = Decimal(100)


def percentage(path: str, value: int | str) -> Iterator[Problem]:
    """0 to 100, as a number or, with decimals, in quotes."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(-1)
    if not (number.is_finite() and 0 <= number <= _PERCENT):
        yield Problem(path, f'expected a percentage such as 10 or "0.5", found "{str(value)[:60]}"')


def positive(path: str, value: str | None) -> Iterator[Problem]:
    """That a duration is above zero."""
    if value is not None and durations.parse(value) == 0:
        yield Problem(path, "expected a duration above 0s")


def one_of(path: str, value: Any, fields: dict[str, str]) -> Iterator[Problem]:
    """That the field of its `type` is there and no other one. `fields` are names in Python by type."""
    for type_, name in fields.items():
        given = getattr(value, name) is not None
        shown = paths.field(path, _camel(name))
        if type_ == value.type and not given:
            yield Problem(shown, f"is required for type {type_}", reason=Reason.REQUIRED)
        elif type_ != value.type and given:
            yield Problem(shown, f"is not for type {value.type}", reason=Reason.FORBIDDEN)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
