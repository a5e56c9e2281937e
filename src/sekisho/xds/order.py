"""In which order changes reach a proxy: make what is needed, switch over, then break what is left.

A response of a later stage goes out only up to the commit whose earlier stages were answered. An answer is
an ACK or a NACK: what a proxy refuses never holds up the rest. Types that did not change are answered
already, so a lone change waits for nobody.
"""

from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from sekisho.xds.types import CLUSTER, ENDPOINTS, LISTENER, ROUTES, SCOPED_ROUTES, SECRET


class Part(IntEnum):
    """Which of a type's changes a response carries."""

    MAKE = 0
    """Additions and updates."""
    BREAK = 1
    """Removals."""
    BOTH = 2


class Step(NamedTuple):
    """One kind of response, and its place."""

    stage: int
    type_url: str
    part: Part


MAKE_STAGE, SWITCH_STAGE, BREAK_STAGE = 0, 1, 2

STEPS = (
    Step(MAKE_STAGE, CLUSTER, Part.MAKE),
    Step(MAKE_STAGE, ENDPOINTS, Part.MAKE),
    Step(MAKE_STAGE, SECRET, Part.MAKE),
    Step(SWITCH_STAGE, LISTENER, Part.BOTH),
    Step(SWITCH_STAGE, SCOPED_ROUTES, Part.BOTH),
    Step(SWITCH_STAGE, ROUTES, Part.BOTH),
    Step(BREAK_STAGE, CLUSTER, Part.BREAK),
    # Envoy unsubscribes from the endpoints of a removed cluster by itself: mostly nothing is left for these.
    Step(BREAK_STAGE + 1, ENDPOINTS, Part.BREAK),
    Step(BREAK_STAGE + 1, SECRET, Part.BREAK),
)

_PLACES = {step: index for index, step in enumerate(STEPS)}
_STEPS_OF = {step.type_url: tuple(each for each in STEPS if each.type_url == step.type_url) for step in STEPS}


def steps_of(type_url: str) -> tuple[Step, ...]:
    """The steps of one type. Types unknown here go with the routes, in one piece."""
    return _STEPS_OF.get(type_url) or (Step(SWITCH_STAGE, type_url, Part.BOTH),)


@lru_cache
def in_order(types: tuple[str, ...]) -> tuple[Step, ...]:
    """The steps of these types, in sending order."""
    return tuple(sorted((step for type_url in types for step in steps_of(type_url)), key=_place))


def _place(step: Step) -> tuple[int, int]:
    return step.stage, _PLACES.get(step, len(STEPS))
