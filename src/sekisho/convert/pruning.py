"""A resource without what our own rules refuse of it, so that what is converted can be applied."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.model import paths
from sekisho.model.document import check
from sekisho.model.problems import Invalid, Problem

_MOST = 100
"""Fields left out before we give up; a resource with more faults is no resource of ours."""


def pruned(written: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """The resource, and what was left out of it, one sentence each; None when nothing valid is left.

    A required field that is missing takes with it what requires it.
    """
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(written))  # nothing shared with others
    faults: list[str] = []
    for _ in range(_MOST):
        try:
            check(found["kind"], found)
        except Invalid as cause:
            problem = cause.problems[0]
            if not _removed(found, problem):
                return None, [*faults, str(problem)]
            faults.append(f"left out: {problem}")
        else:
            return found, faults
    return None, faults


def _removed(document: dict[str, Any], problem: Problem) -> bool:
    """Takes the field at fault away, or the nearest thing around it; whether there was one below `spec`."""
    steps = list(paths.parts(problem.path))
    while len(steps) > 1:
        parent = _at(document, steps[:-1])
        if _has(parent, steps[-1]):
            del parent[steps[-1]]
            return True
        steps.pop()
    return False


def _at(value: Any, steps: list[paths.Part]) -> Any:
    for step in steps:
        if not _has(value, step):
            return None
        value = value[step]
    return value


def _has(value: Any, step: paths.Part) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)
