"""A TCP relay that counts what passes, and can be cut or slow: for what is said about bytes on the wire."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

LOST = 0.25
"""Seconds more that a chunk takes which is lost at first: TCP sends it again after about that time."""
_UNDER_WAY = 1024
"""Chunks on the way in each direction, at most."""


@dataclass
class Relay:
    """Between clients and one port of this host."""

    target: int
    port: int = 0
    """Where it listens."""
    bytes: int = 0
    """In both directions, TLS included."""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while what comes is passed on."""
    is_cut: bool = False
    """Whether nobody gets through, as with a line that is broken."""
    delay: float = 0.0
    """Seconds that each chunk is on its way."""
    loss: float = 0.0
    """Part of the chunks that is lost at first; what follows waits for it, as TCP's does."""
    random: Random = field(default_factory=lambda: Random(1))

    def hold(self) -> None:
        """Passes nothing on any more, and keeps the connections."""
        self.flows.clear()

    def go_on(self) -> None:
        """Passes on what was held, and what comes."""
        self.flows.set()

    def cut(self) -> None:
        """Ends all connections at once, as a broken line does."""
        for writer in tuple(self.writers):
            writer.transport.abort()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody came."""
        try:
            there, onward = await self.dial()
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, onward}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, onward))
                group.create_task(self._pump(there, writer))
        except* OSError:
            pass  # cut
        finally:
            for one in (writer, onward):
                self.writers.discard(one)
                one.close()

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection onward. OSError when there is none."""
        if self.is_cut:
            raise ConnectionRefusedError
        return await asyncio.open_connection("127.0.0.1", self.target)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)
        async with asyncio.TaskGroup() as group:
            group.create_task(_arrive(on_the_way, sink))
            data = b"-"
            while data:
                data = await source.read(65536)
                await self.flows.wait()
                self.bytes += len(data)
                await on_the_way.put((time.monotonic() + self._seconds(), data))

    def _seconds(self) -> float:
        """How long the next chunk is on its way."""
        return self.delay + (LOST if self.loss and self.random.random() < self.loss else 0.0)


async def _arrive(on_the_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
    """Gives out what came, in its order, each when it is due; nothing is the end."""
    while True:
        due, data = await on_the_way.get()
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if not data:
            sink.close()
            return
        sink.write(data)
        await sink.drain()


@asynccontextmanager
async def relay(target: int) -> AsyncIterator[Relay]:
    """Passes connections on to `target`, until the end of the block."""
    counted = Relay(target)
    counted.go_on()
    server = await asyncio.start_server(counted.connect, "127.0.0.1", 0)
    counted.port = server.sockets[0].getsockname()[1]
    try:
        yield counted
    finally:
        server.close()
        counted.cut()
        await server.wait_closed()
