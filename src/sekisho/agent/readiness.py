"""Whether a workload's application is ready, looked at again and again, and told when it changes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple, Protocol

import structlog

from sekisho.agent.probes import Unhealthy, look
from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.identity.rotation import Unavailable
from sekisho.ir.agent import Probe

log = structlog.get_logger()

FIRST_RETRY, LONGEST_RETRY = 0.1, 5.0
"""Seconds between attempts to report, doubling, while the control plane is away."""
DRAINING = "Draining"


class Readiness(NamedTuple):
    """The condition `Ready` of a Workload."""

    ready: bool
    reason: str
    """`ProbeSucceeded`, `ProbeFailed`, `ProbePending` before enough successes, `Draining`."""
    message: str = ""


class Reporter(Protocol):
    """Whoever tells the control plane about the workloads of this host."""

    async def report(self, proxy: str, readiness: Readiness) -> None:
        """Writes it into the Workload's status.

        Raises `identity.rotation.Unavailable` when it cannot be written now.
        """
        ...


async def verdicts(probe: Probe, address: str, clock: Clock) -> AsyncGenerator[Readiness]:
    """The application's readiness whenever it changes; the first one with the first decision.

    Not ready until it has passed `successes` times, as with a kubelet; which is said at once, for an earlier
    run may have said something else.
    """
    await clock.sleep(probe.initial_delay)
    said: Readiness | None = None
    passed = failed = 0
    while True:
        try:
            await look(probe, address)
            passed, failed, message = passed + 1, 0, ""
        except Unhealthy as error:
            passed, failed, message = 0, failed + 1, str(error)
        found = said
        if passed >= probe.successes:
            found = Readiness(ready=True, reason="ProbeSucceeded")
        elif failed >= probe.failures or said is None:
            found = Readiness(
                ready=False, reason="ProbeFailed" if failed else "ProbePending", message=message
            )
        if found is not None and (said is None or found.ready != said.ready):
            said = found
            yield found
        await clock.sleep(probe.period)


class Reporting:
    """Tells the newest readiness of one proxy, however long that takes; what is outdated is never told."""

    def __init__(self, proxy: str, reporter: Reporter, *, clock: Clock, random: Callable[[], float]) -> None:
        self._proxy = proxy
        self._reporter = reporter
        self._clock = clock
        self._backoff = Backoff(random, first=FIRST_RETRY, limit=LONGEST_RETRY)
        self._newest: Readiness | None = None
        self._told: Readiness | None = None
        self._changed = asyncio.Event()
        self._over = False

    def tell(self, readiness: Readiness) -> None:
        """From now on this holds; once it is said that the workload drains, nothing else."""
        if not self._over:
            self._newest = readiness
            self._over = readiness.reason == DRAINING
            self._changed.set()

    async def run(self) -> None:
        """Reports until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._newest != self._told:
                newest = self._newest
                assert newest  # noqa: S101  it never becomes None again
                await self._try(newest)

    async def _try(self, newest: Readiness) -> None:
        try:
            await self._reporter.report(self._proxy, newest)
        except Unavailable as error:
            log.warning("readiness is not reported", proxy=self._proxy, reason=str(error))
            await self._clock.sleep(self._backoff.next())
            return
        self._told = newest
        self._backoff.reset()
        log.info("readiness", proxy=self._proxy, ready=newest.ready, reason=newest.message or newest.reason)

    async def last(self, readiness: Readiness, within: float) -> bool:
        """Tells this as the last word; whether the control plane heard it within so many seconds."""
        self.tell(readiness)
        work: Awaitable[None] = self._reporter.report(self._proxy, readiness)
        try:
            async with asyncio.timeout(within):
                await work
        except (Unavailable, TimeoutError) as error:
            log.warning("the control plane was not told of the drain", proxy=self._proxy, reason=str(error))
            return False
        self._told = readiness
        return True
