"""`rules[]` of several policies at one port: who gets which values."""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from msgspec import Struct

from sekisho import ir
from sekisho.policies.callers import implies, specificity
from sekisho.policies.merging import Merged, Part, in_order, stacked, typed

T = TypeVar("T", bound=Struct)

EVERYBODY = ir.Caller()


class Rule(NamedTuple):
    """One match of one rule; a rule with several matches is there several times."""

    caller: ir.Caller
    part: Part


class Choice(NamedTuple):
    """What holds for some callers."""

    caller: ir.Caller | None
    """None for everybody who fits none before."""
    merged: Merged
    parts: tuple[Part, ...]
    """Those it was made of, the one that decides most last."""


def choices(rules: Iterable[Rule]) -> tuple[Choice, ...]:
    """The most specific callers first, the rest of the world last, where something is said for it.

    What is said for everybody lies under what is said for some.
    """
    by_caller = _by_caller(rules)
    base = by_caller.pop(EVERYBODY, [])
    found = [_choice(one, [*base, *by_caller[one]]) for one in _specific_first(by_caller)]
    return (*found, *([_choice(None, base)] if base else []))


def chosen(rules: Iterable[Rule], type_: type[T]) -> tuple[ir.Conditional[T], ...]:
    """The same, typed, each with the place that decided most of it."""
    return tuple(
        ir.Conditional(caller=one.caller, value=typed(one.merged, type_), origin=one.parts[-1].origin)
        for one in choices(rules)
    )


def together(rules: Iterable[Rule]) -> tuple[tuple[Choice, ...], ...]:
    """Where all rules that fit hold beside each other: for each kind of caller, most specific first, the
    results of all matches that this caller surely fits."""
    by_caller = _by_caller(rules)
    order = _specific_first(by_caller)
    found = []
    for one in order:
        fitting = [other for other in order if implies(one, other)]
        shown = None if one == EVERYBODY else one
        found.append(tuple(_choice(shown, by_caller[other]) for other in fitting))
    return tuple(found)


def _by_caller(rules: Iterable[Rule]) -> dict[ir.Caller, list[Part]]:
    found: dict[ir.Caller, list[Part]] = {}
    for rule in rules:
        found.setdefault(rule.caller, []).append(rule.part)
    return {one: in_order(parts) for one, parts in found.items()}


def _specific_first(callers: Iterable[ir.Caller]) -> list[ir.Caller]:
    return sorted(callers, key=specificity, reverse=True)


def _choice(one: ir.Caller | None, parts: list[Part]) -> Choice:
    return Choice(one, stacked(parts), tuple(parts))
