"""A zone tells the global control plane how it is: every few seconds, and at once when something changed."""

import asyncio
import random
from collections.abc import Callable

import msgspec
import structlog

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.client import Client, ClientError, Forbidden, Unauthorized
from sekisho.client.reviews import ask
from sekisho.client.zones import ZoneReport, ZoneReportAnswer

log = structlog.get_logger(__name__)

LOOK = 1.0
"""Seconds between two looks at what nobody tells of, such as how many proxies are in sync."""
GAP = 0.2
"""Seconds between two reports at least."""


class Reports:
    """Keeps the global control plane informed, and knows by that whether there is a link."""

    def __init__(
        self,
        client: Callable[[], Client],
        look: Callable[[], ZoneReport],
        refused: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`client` calls global as this zone; `refused` is told when our certificate is not taken."""
        self.connected = False
        self.since = ""
        """RFC 3339. When the link was made, or lost."""
        self.fault = "the zone has not joined yet"
        """Why there is none."""
        self._client = client
        self._look = look
        self._refused = refused
        self._clock = clock
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something may have changed: look at once."""
        self._changed.set()

    async def run(self) -> None:
        """Reports until cancelled."""
        backoff = Backoff(random.random, first=0.2, limit=3.0)
        while True:
            report = self._look()
            try:
                answer = await ask(self._client(), "ZoneReport", report, ZoneReportAnswer)
            except ClientError as error:
                self._lost(error)
                await self._clock.sleep(backoff.next())
                continue
            backoff.reset()
            self._reached()
            await self._clock.sleep(GAP)
            await self._until_due(report, self._clock.monotonic() + answer.seconds)

    async def _until_due(self, told: ZoneReport, due: float) -> None:
        while (left := due - self._clock.monotonic()) > 0 and _essence(self._look()) == _essence(told):
            self._changed.clear()
            try:
                async with asyncio.timeout(min(left, LOOK)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _reached(self) -> None:
        if not self.connected:
            self.connected, self.since, self.fault = True, self._moment(), ""
            log.info("global control plane reached")

    def _lost(self, error: ClientError) -> None:
        if isinstance(error, Unauthorized):
            self._refused()
        reason = "the zone is disabled there" if isinstance(error, Forbidden) else str(error)
        if self.connected or reason != self.fault:
            self.since = self._moment() if self.connected else self.since
            log.warning("no link to the global control plane", reason=reason)
        self.connected, self.fault = False, reason

    def _moment(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")


def _essence(report: ZoneReport) -> ZoneReport:
    """What is worth a report of its own."""
    return msgspec.structs.replace(report, last_sync="")
