"""Feeds one Envoy its configuration: the control plane's while that is reachable, else the last known good.

While the control plane is reachable every message is passed on as it is, so order and acknowledgements are
between it and Envoy. When it is lost, Envoy's stream is ended: Envoy keeps what it has, asks again within
milliseconds, and says what it has, so that whoever answers then sends only the difference.
"""

import asyncio
from collections.abc import Awaitable
from enum import StrEnum

import structlog

from sekisho.agent.link import Connection, Link, Stream, UpstreamBroken
from sekisho.agent.local import Local
from sekisho.agent.snapshot import Snapshot
from sekisho.agent.tracking import Request, Tracker
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import run_until

log = structlog.get_logger()

FIRST_ATTEMPT = 2.0
"""Seconds an Envoy waits for the first connection after the agent's start, if there is a last known good."""
FIRST_ANSWER = 2.0
"""Seconds an Envoy without any configuration waits for a control plane that is connected but says nothing,
before it gets the last known good."""
QUIET = 10.0
"""Seconds without a message after which what the proxy was not given on this stream is forgotten."""


class Mode(StrEnum):
    """Where an Envoy's configuration comes from now."""

    DISCONNECTED = "disconnected"
    """Envoy has no stream: it is starting, or about to ask again."""
    WAITING = "waiting"
    """There is neither a control plane nor a last known good: nothing can be served."""
    RELAY = "relay"
    """From the control plane."""
    LOCAL = "local"
    """From the last known good."""


class Relay:
    """Answers the streams of one Envoy, one at a time."""

    def __init__(self, proxy: str, link: Link, snapshot: Snapshot, *, clock: Clock) -> None:
        self._link = link
        self._snapshot = snapshot
        self._clock = clock
        self._log = log.bind(proxy=proxy)
        self._proxy = proxy
        self._turn = asyncio.Lock()
        self.mode = Mode.DISCONNECTED

    async def serve(self, envoy: Stream) -> None:
        """Serves one stream of delta ADS to its end. Returning ends it, and Envoy comes again."""
        async with self._turn:  # Envoy may come again before the end of its last stream was noticed
            try:
                await self._serve(envoy)
            finally:
                self.mode = Mode.DISCONNECTED

    async def _serve(self, envoy: Stream) -> None:
        first = await envoy.read()
        if first is None:
            return
        if connection := await self._connection():
            self._enter(Mode.RELAY)
            await self._relay(envoy, first, connection)
        else:
            self._enter(Mode.LOCAL)
            local = Local(self._proxy, self._snapshot, clock=self._clock)
            await run_until(self._link.up, {f"{self._proxy}: local": local.serve(envoy, first)})

    def _enter(self, mode: Mode) -> None:
        if mode is not self.mode:
            self._log.info("configuration comes from", source=mode.value)
        self.mode = mode

    async def _connection(self) -> Connection | None:
        """The way to the control plane; None when there is none but a last known good."""
        if not self._snapshot.resources:
            self._enter(Mode.WAITING)
            await self._link.up.wait()
        elif not self._link.tried.is_set():
            try:
                async with asyncio.timeout(FIRST_ATTEMPT):
                    await self._link.tried.wait()
            except TimeoutError:
                return None
        return self._link.connection

    async def _relay(self, envoy: Stream, first: bytes, connection: Connection) -> None:
        tracker = Tracker(self._snapshot)
        patience = FIRST_ANSWER if self._snapshot.resources and not _has_state(first) else None
        over = asyncio.Event()
        try:
            async with connection.open() as upstream:
                await upstream.write(tracker.request(first))
                services = {
                    "requests": _until_end(over, self._requests(envoy, upstream, tracker)),
                    "responses": _until_end(over, self._responses(envoy, upstream, tracker, patience)),
                    "leftovers": self._forget_leftovers(tracker),
                }
                await run_until(over, {f"{self._proxy}: {name}": each for name, each in services.items()})
        except* UpstreamBroken as broken:  # the reader and the writer may both have noticed
            self._link.broke(connection, _first(broken))

    async def _requests(self, envoy: Stream, upstream: Stream, tracker: Tracker) -> None:
        while (message := await envoy.read()) is not None:
            await upstream.write(tracker.request(message))

    async def _responses(
        self, envoy: Stream, upstream: Stream, tracker: Tracker, patience: float | None
    ) -> None:
        try:
            async with asyncio.timeout(patience):
                message = await upstream.read()
        except TimeoutError:
            raise UpstreamBroken(f"it did not answer within {patience} s") from None
        while message is not None:
            self._link.answered()
            tracker.response(message)
            await envoy.write(message)
            message = await upstream.read()
        raise UpstreamBroken("it ended the stream")

    async def _forget_leftovers(self, tracker: Tracker) -> None:
        seen = -1
        while True:
            if seen == tracker.messages:
                self._snapshot.drop(tracker.leftovers())
            seen = tracker.messages
            await self._clock.sleep(QUIET)


def _first(group: BaseExceptionGroup[UpstreamBroken]) -> UpstreamBroken:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _has_state(first: bytes) -> bool:
    return bool(Request.FromString(first).initial_resource_versions)


async def _until_end(over: asyncio.Event, work: Awaitable[None]) -> None:
    try:
        await work
    finally:
        over.set()
