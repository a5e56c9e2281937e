"""Carries lines of access logs to log servers over TCP, as far as those take them."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from google.protobuf.message import DecodeError

from sekisho.agent.sending import send
from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.envoy.carried_logs import LogServer, lines
from sekisho.model.validation.shared import no_backend

log = structlog.get_logger()

MOST_BYTES = 4 * 1024 * 1024
"""Of lines that wait for one server; further ones are dropped."""
MOST_SERVERS = 16
"""Of one proxy; lines for further ones are dropped."""
PATIENCE = 5.0
"""Seconds for a connection to come about, and after which a server that takes nothing is left."""
IDLE = 60.0
"""Seconds without a line after which a connection is given up."""
GIVE_UP = 600.0
"""Seconds without a connection after which what waits for it is dropped: perhaps nobody means it any more."""
TELL_EVERY = 10.0
"""Seconds between two words on lines that were dropped."""
_BATCH = 64 * 1024


class LogCarrier:
    """The lines of one proxy. None is written anywhere on the way, and none waits without bound."""

    def __init__(self, proxy: str, *, clock: Clock, random: Callable[[], float]) -> None:
        self._clock = clock
        self._random = random
        self._log = log.bind(proxy=proxy)
        self._ways: dict[LogServer, _Way] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._untold = 0
        self.dropped = 0
        """Lines that were lost on the way, since the start."""

    def take(self, request: bytes) -> None:
        """Lines as Envoy hands them over (`envoy.carried_logs`)."""
        try:
            found = list(lines(request))
        except (DecodeError, KeyError, ValueError) as error:
            self._log.warning("an access log is not understood", reason=type(error).__name__)
            return
        for server, line in found:
            way = self._way(server)
            if way is None or not way.take(line):
                self.dropped += 1

    async def run(self) -> None:
        """Carries until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                while True:
                    await self._clock.sleep(TELL_EVERY)
                    self._tell()
            finally:
                self._tasks = None
                self._ways.clear()

    def _way(self, server: LogServer) -> "_Way | None":
        way = self._ways.get(server)
        if way is None and self._tasks and len(self._ways) < MOST_SERVERS:
            way = self._ways[server] = _Way(server, self._clock, Backoff(self._random, first=0.1, limit=15.0))
            self._tasks.create_task(self._carry(server, way))
        return way

    async def _carry(self, server: LogServer, way: "_Way") -> None:
        try:
            self.dropped += await way.run()
        finally:
            self._ways.pop(server, None)

    def _tell(self) -> None:
        if self.dropped != self._untold:
            self._log.warning("lines of access logs were dropped", lines=self.dropped - self._untold)
            self._untold = self.dropped


class _Way:
    """To one server."""

    def __init__(self, server: LogServer, clock: Clock, backoff: Backoff) -> None:
        self._server = server
        self._clock = clock
        self._backoff = backoff
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._come = asyncio.Event()
        self._log = log.bind(server=f"{server.address}:{server.port}")

    def take(self, line: bytes) -> bool:
        """False when there is no room for it."""
        if self._size + len(line) > MOST_BYTES:
            return False
        self._waiting.append(line)
        self._size += len(line)
        self._come.set()
        return True

    async def run(self) -> int:
        """Until no line comes for a while, or the server is not there for long. Returns how many are lost."""
        told, since = "", self._clock.monotonic()
        while self._waiting or await self._comes():
            if self._clock.monotonic() - since > GIVE_UP:
                return len(self._waiting)
            try:
                await self._connected()
                told, since = "", self._clock.monotonic()
            except (OSError, TimeoutError) as error:
                reason = str(error) or "it takes nothing"
                if reason != told:
                    self._log.warning("lines of access logs wait for their server", reason=reason)
                told = reason
                await self._clock.sleep(self._backoff.next())
        return 0

    async def _comes(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE):
                await self._come.wait()
        return bool(self._waiting)

    async def _connected(self) -> None:
        """Returns when nothing more comes. Raises OSError or TimeoutError when the connection is over."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(*self._server)
        try:
            if not (peer := writer.get_extra_info("peername")):
                raise ConnectionResetError("the server closed the connection")
            if why := no_backend(peer[0]):
                raise OSError(f"{peer[0]} {why}")
            self._backoff.reset()
            writer.transport.set_write_buffer_limits(high=0)  # what was drained, the kernel has
            self._log.info("lines of access logs are carried")
            leaving = asyncio.ensure_future(reader.read())
            try:
                while self._waiting or await self._comes_before(leaving):
                    await self._send(writer, leaving)
            finally:
                leaving.cancel()
        finally:
            writer.close()

    async def _comes_before(self, leaving: "asyncio.Future[bytes]") -> bool:
        coming = asyncio.ensure_future(self._come.wait())
        try:
            either: set[asyncio.Future[Any]] = {coming, leaving}
            await asyncio.wait(either, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            coming.cancel()
        return not leaving.done() and bool(self._waiting)

    async def _send(self, writer: asyncio.StreamWriter, leaving: "asyncio.Future[bytes]") -> None:
        """What is not taken whole is sent again on the next connection: better twice than not at all."""
        if leaving.done():
            raise OSError("the server closed the connection")
        batch = self._batch()
        send(writer, b"".join(batch))
        async with asyncio.timeout(PATIENCE):
            await writer.drain()
        for line in batch:
            self._waiting.popleft()
            self._size -= len(line)
        if not self._waiting:
            self._come.clear()

    def _batch(self) -> list[bytes]:
        size, batch = 0, []
        for line in self._waiting:
            batch.append(line)
            size += len(line)
            if size >= _BATCH:
                break
        return batch
