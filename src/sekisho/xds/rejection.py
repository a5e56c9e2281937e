"""Finding out which resource of a refused response is the bad one.

Envoy refuses some responses whole (scoped routes) and others in part (clusters, listeners), and its text may
or may not name the culprit. So nothing is condemned on a text: a resource is bad when it was refused *alone*.
The text only says where to look first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sekisho.xds.delta import Chunk
from sekisho.xds.resource import Resource
from sekisho.xds.types import LISTENER

Item = Resource | str
"""A resource to be tried again, or a removed name to be told again."""
Group = tuple[Item, ...]
"""What is tried together, in one response."""

RETRY = 5.0
"""Seconds before a rejected version may be sent to the same proxy again."""
LONGEST_RETRY = 60.0
_MOST_SINGLES = 16
"""When a text names more than this, halving is cheaper than one response each."""
_PART_OF_NAME = r"[\w.|~*/:-]"


@dataclass(slots=True)
class Rejection:
    """A version this proxy refused."""

    resource: Resource
    at: float
    delay: float = RETRY
    retry: float | None = None
    """When to try the same version again; None for never: only a new version can help."""


def rejection(type_url: str, resource: Resource, earlier: Rejection | None, now: float) -> Rejection:
    """The record of a refusal.

    A listener is tried again, ever more slowly: its port may be taken now and free later. What else Envoy
    refuses, it refuses for its content.
    """
    if type_url != LISTENER:
        return Rejection(resource, now)
    again = earlier is not None and earlier.resource is resource
    delay = min(earlier.delay * 2, LONGEST_RETRY) if again and earlier else RETRY
    return Rejection(resource, now, delay, now + delay)


def suspects(resources: Sequence[Resource], removed: Sequence[str], message: str) -> list[Group]:
    """How to go on after a response with more than one item was refused: smaller groups, tried one by one."""
    named = [resource for resource in resources if _mentions(message, resource.name)]
    if named and len(named) <= _MOST_SINGLES:
        others = tuple(resource for resource in resources if resource not in named)
        groups: list[Group] = [(*others, *removed), *((resource,) for resource in named)]
    elif len(resources) > 1:
        middle = len(resources) // 2
        groups = [(*resources[:middle], *removed), tuple(resources[middle:])]
    else:
        groups = [tuple(removed), tuple(resources)]
    return [group for group in groups if group]


def alone(chunk: Chunk) -> Resource | None:
    """The one resource in a response, when it came alone."""
    return chunk.resources[0] if len(chunk.resources) == 1 and not chunk.removed else None


def _mentions(message: str, name: str) -> bool:
    """Whether `name` stands in the text as a word of its own: `b` is not in `debug`."""
    if name not in message:
        return False
    # A colon or full stop that ends the name in Envoy's sentence is no part of it.
    pattern = rf"(?<!{_PART_OF_NAME}){re.escape(name)}(?![\w|~*/-]|[.:]\S)"
    return re.search(pattern, message) is not None
