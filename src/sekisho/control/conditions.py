"""Merging what we want to say into a status that others may write to as well."""

from collections.abc import Mapping, Sequence
from typing import Any

_REFERENCES = {"parents": "parentRef", "ancestors": "ancestorRef"}
"""Lists in which each controller has entries of its own, and what tells these apart."""
_OF_AGENTS = "Ready"
"""What the agent beside a Workload says of its readiness probe."""


def merged_status(
    current: Mapping[str, Any] | None, desired: Mapping[str, Any], now: str, controller: str
) -> dict[str, Any]:
    """The status to write: ours replaced, others' kept, transition times only where a status flipped.

    `desired` is what translation says, without lastTransitionTime. Conditions are merged by type; entries of
    `parents` and `ancestors` by reference and controllerName, where only entries of `controller` are ours;
    `listeners` by name, all ours. Conditions whose type has a domain (`example.com/Checked`) are others', and
    so is `Ready` where we do not say it; other plain ones are ours. Equal to `current` when nothing is to be
    said.
    """
    current = current or {}
    merged = dict(current)
    for field, value in desired.items():
        if field == "conditions":
            merged[field] = _conditions(current.get(field) or (), value, now)
        elif field in _REFERENCES:
            merged[field] = _parents(current.get(field) or (), value, now, controller, _REFERENCES[field])
        elif field == "listeners":
            merged[field] = _listeners(current.get(field) or (), value, now)
        else:
            merged[field] = value
    return merged


def _conditions(current: Sequence[Any], desired: Sequence[Any], now: str) -> list[dict[str, Any]]:
    wanted = {condition["type"]: condition for condition in desired}
    before = {condition["type"]: condition for condition in current}
    ours = [_condition(before.get(name), condition, now) for name, condition in wanted.items()]
    foreign = [condition for name, condition in before.items() if name not in wanted and _is_of_others(name)]
    order = {condition["type"]: place for place, condition in enumerate(current)}
    return sorted([*ours, *foreign], key=lambda condition: order.get(condition["type"], len(order)))


def _is_of_others(name: str) -> bool:
    return "/" in name or name == _OF_AGENTS


def _condition(before: Mapping[str, Any] | None, desired: Mapping[str, Any], now: str) -> dict[str, Any]:
    same = before is not None and before.get("status") == desired["status"]
    time = before["lastTransitionTime"] if same and before and "lastTransitionTime" in before else now
    return {**desired, "lastTransitionTime": time}


def _listeners(current: Sequence[Any], desired: Sequence[Any], now: str) -> list[dict[str, Any]]:
    before = {listener["name"]: listener for listener in current}
    return [
        {
            **listener,
            "conditions": _conditions(
                before.get(listener["name"], {}).get("conditions") or (), listener["conditions"], now
            ),
        }
        for listener in desired
    ]


def _parents(
    current: Sequence[Any], desired: Sequence[Any], now: str, controller: str, reference: str
) -> list[dict[str, Any]]:
    foreign = [parent for parent in current if parent.get("controllerName") != controller]
    before = {
        _key(parent, reference): parent for parent in current if parent.get("controllerName") == controller
    }
    ours = [
        {
            **parent,
            "conditions": _conditions(
                before.get(_key(parent, reference), {}).get("conditions") or (), parent["conditions"], now
            ),
        }
        for parent in desired
    ]
    return [*foreign, *ours]


def _key(parent: Mapping[str, Any], reference: str) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(parent[reference].items()))
