"""Certificates that come to their end: how much of a life is left, told at each step of it."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import structlog

from sekisho.aio.clock import Clock
from sekisho.kit.clocks import rfc3339

log = structlog.get_logger(__name__)

LAST = 0.1
"""Part of a life in which somebody has to see to a certificate now."""
STEPS = {LAST: logging.ERROR, 0.25: logging.WARNING, 0.5: logging.INFO}
"""Parts of a life that are left, and how loud that is said. At a half, who renews itself does."""


class Life(NamedTuple):
    """From when to when a certificate is good."""

    name: str
    """Of the certificate, for people."""
    start: datetime
    end: datetime

    def left(self, now: datetime) -> float:
        """The part that is left: 1 at its start, 0 at its end, less when that has passed."""
        return (self.end - now) / max(self.end - self.start, self.end.resolution)


class Lifetimes:
    """Says of each certificate once, at each of the steps, how much of its life is left."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._told: dict[Life, float] = {}

    def look(self, lives: Iterable[Life]) -> None:
        """At all there are; what is not among them any more is forgotten. A successor is another life."""
        now = self._now()
        reached = {
            life: min((step for step in STEPS if life.left(now) <= step), default=1.0) for life in lives
        }
        for life, step in reached.items():
            if step < self._told.get(life, 1.0):
                left = f"{max(life.left(now), 0.0):.0%}"
                ends = rfc3339(life.end)
                log.log(
                    STEPS[step], "certificate comes to its end", certificate=life.name, left=left, ends=ends
                )
        self._told = reached
