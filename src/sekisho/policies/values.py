"""Values as users write them → values of the plan."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from sekisho.kit import durations

_MILLION = 1_000_000


class Named(Protocol):
    """A header in a policy."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...


def milliseconds(text: str | None) -> int | None:
    """A duration; None where nothing is said."""
    return None if text is None else durations.parse(text)


def milliseconds_or(text: str | None, otherwise: int) -> int:
    """A duration, with what holds where nothing is said."""
    return otherwise if text is None else durations.parse(text)


def percent(value: int | str | None, otherwise: float) -> float:
    """A percentage; decimals come as text."""
    return otherwise if value is None else float(Decimal(value))


def millionths(value: int | str) -> int:
    """A percentage in millionths: `"0.5"` is 5000."""
    return int(Decimal(value) * _MILLION / 100)


def first(*values: int | None) -> int | None:
    """The first that is said."""
    return next((value for value in values if value is not None), None)


def pairs(headers: Iterable[Named] | None) -> tuple[tuple[str, str], ...]:
    """Headers by their names in lower case."""
    return tuple((header.name.lower(), header.value) for header in headers or ())


def items(values: Sequence[str] | None) -> tuple[str, ...]:
    """A list that may be left out."""
    return tuple(values or ())
