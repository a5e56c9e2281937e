"""One zone, as the global control plane knows it while it runs."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from sekisho.federation.epochs import Token
from sekisho.federation.feed import Feed
from sekisho.federation.intake import Intake
from sekisho.federation.messages import Report
from sekisho.federation.quota import Pace

MOST_UNHEARD = 1024
"""Batches remembered that a zone has not said to have heard: how late it is, the oldest of them says."""


@dataclass(slots=True)
class Member:
    """A zone that has spoken since the start."""

    intake: Intake
    heard: float
    """When it last did, by the monotonic clock."""
    written: float
    """When its token was last written."""
    pace: Pace
    """How fast it tells."""
    under_way: int = 0
    """Its requests with a body."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One upload at a time."""
    session: str = ""
    """Whose uploads are taken."""
    report: Report | None = None
    """The last one."""
    listeners: set[Feed] = field(default_factory=set)
    """The streams down to it; one, but for the moments of a reconnect."""
    unheard: deque[tuple[Token, float]] = field(default_factory=deque)
    """What it was told and has not said to have heard: up to where, and when."""

    async def end_listening(self) -> None:
        """Ends the streams down to it."""
        for feed in tuple(self.listeners):
            await feed.close()

    def tell(self, token: str, now: float) -> None:
        """Changes up to there are on their way to it."""
        place = Token.parse(token)
        if place is not None and len(self.unheard) < MOST_UNHEARD:
            self.unheard.append((place, now))

    def has_heard(self, token: str) -> None:
        """Up to there it has taken what it was told."""
        place = Token.parse(token)
        while place and self.unheard:
            told, _ = self.unheard[0]
            if told.epoch == place.epoch and told.revision > place.revision:
                return
            self.unheard.popleft()

    def lag(self, now: float) -> float:
        """Seconds since it was told the oldest change that it has not said to have heard; 0 for none."""
        return now - self.unheard[0][1] if self.unheard else 0.0
