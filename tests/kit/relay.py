"""A TCP relay that counts what passes, and can be cut: for what is said about bytes on the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Between clients and one port of this host."""

    port: int = 0
    """Where it listens."""
    bytes: int = 0
    """In both directions, TLS included."""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while what comes is passed on."""

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


@asynccontextmanager
async def relay(target: int) -> AsyncIterator[Relay]:
    """Passes connections on to `target`, until the end of the block."""
    counted = Relay()
    counted.go_on()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", target)
        counted.writers |= {writer, onward}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(reader, onward))
                group.create_task(pump(there, writer))
        except* OSError:
            pass  # cut
        finally:
            for one in (writer, onward):
                counted.writers.discard(one)
                one.close()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await counted.flows.wait()
            counted.bytes += len(data)
            sink.write(data)
            await sink.drain()
        sink.close()

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    counted.port = server.sockets[0].getsockname()[1]
    try:
        yield counted
    finally:
        server.close()
        counted.cut()
        await server.wait_closed()
