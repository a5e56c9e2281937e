"""Telling the translators, which have no clock, that a certificate's time has run out."""

import asyncio
import heapq
from datetime import datetime

import structlog

from sekisho.aio.clock import Clock
from sekisho.control.inbox import Inbox
from sekisho.kit.clocks import rfc3339
from sekisho.model.names import ResourceId
from sekisho.translate.facts import ExpiredCertificate

log = structlog.get_logger(__name__)

LONGEST_NAP = 3600.0
"""Seconds; the wall clock may be set while we sleep."""


class Expiry:
    """Knows when each certificate in use ends, and puts a leaf into the inbox when one has."""

    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._ends: dict[ResourceId, datetime] = {}
        self._queue: list[tuple[datetime, ResourceId]] = []
        self._expired: set[ResourceId] = set()
        self._changed = asyncio.Event()

    def note(self, secret: ResourceId, not_after: datetime | None) -> None:
        """This Secret's certificate ends then; None when it is not in use any more."""
        if secret in self._expired:
            self._expired.discard(secret)
            self._inbox.put({ExpiredCertificate.of(secret): None}, self._clock.monotonic())
        if not_after is None:
            self._ends.pop(secret, None)
            return
        self._ends[secret] = not_after
        heapq.heappush(self._queue, (not_after, secret))
        self._changed.set()

    def soonest(self) -> list[tuple[datetime, ResourceId]]:
        """All certificates in use by the time they end, the earliest first."""
        return sorted((end, secret) for secret, end in self._ends.items())

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            self._changed.clear()
            self._expire_due()
            nap = LONGEST_NAP
            if self._queue:
                nap = min(nap, (self._queue[0][0] - self._clock.now()).total_seconds())
            try:
                async with asyncio.timeout(max(nap, 0.0)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _expire_due(self) -> None:
        now = self._clock.now()
        while self._queue and self._queue[0][0] <= now:
            end, secret = heapq.heappop(self._queue)
            if self._ends.get(secret) == end and secret not in self._expired:
                self._expired.add(secret)
                log.warning("certificate expired", secret=str(secret), not_after=rfc3339(end))
                self._inbox.put({ExpiredCertificate.of(secret): end}, self._clock.monotonic())
