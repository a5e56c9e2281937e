"""What comes again and again is told now and then, with how often it came: a log that nobody can flood."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from sekisho.aio.clock import Clock

EVERY = 300.0
"""Seconds between two lines about the same thing."""
_KEPT = 1_000
"""Things whose last line is remembered; who was told of longest ago is forgotten first."""


@dataclass(slots=True)
class _Told:
    at: float
    since: int = 0
    """How often it came after that."""


class Repeats:
    """Remembers what was told when."""

    def __init__(self, clock: Clock, every: float = EVERY) -> None:
        """`every`: seconds."""
        self._clock = clock
        self._every = every
        self._told: OrderedDict[Hashable, _Told] = OrderedDict()

    def news(self, thing: Hashable) -> dict[str, int] | None:
        """It came. None when there was a line about it not long ago; else what the next one adds:
        `not_written_before`, how often it came since, unless never."""
        now = self._clock.monotonic()
        before = self._told.get(thing)
        if before is not None and now - before.at < self._every:
            before.since += 1
            return None
        if before is None and len(self._told) >= _KEPT:
            self._told.popitem(last=False)
        self._told[thing] = _Told(now)
        self._told.move_to_end(thing)
        return {"not_written_before": before.since} if before is not None and before.since else {}
