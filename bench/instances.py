"""Instances of one Service that can be told to fail: to refuse connections, or to answer 500."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

from tests.kit.ports import free_port

from bench.responder import END_OF_HEAD

_OK, _ERROR = "200 OK", "500 Internal Server Error"


class Instance:
    """One address that answers every request with itself."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self.answer = b""
        """To each request."""
        self.connections: set[asyncio.Transport] = set()
        """Open ones."""
        self._server: asyncio.Server
        self._say(_OK)

    async def listen(self) -> None:
        """Returns once it takes connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.address, self.port)

    async def refuse(self) -> None:
        """Like a program that was killed: no connection is left, and a new one is refused."""
        self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        await self._server.wait_closed()

    async def fail(self) -> None:
        """From now on every answer is 500, at once."""
        self._say(_ERROR)

    def _say(self, status: str) -> None:
        body = f"{self.address}:{self.port}".encode()
        self.answer = b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, for requests without a body."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's by class, though they have all that one has.
        self._transport = cast("asyncio.Transport", transport)
        self._instance.connections.add(self._transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._instance.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(END_OF_HEAD)
        self._transport.write(self._instance.answer * len(requests))


@asynccontextmanager
async def running_instances(count: int) -> AsyncIterator[Sequence[Instance]]:
    """Instances on one port of as many addresses, in this process."""
    port = free_port()
    instances = [Instance(f"127.0.1.{number}", port) for number in range(1, count + 1)]
    async with AsyncExitStack() as stack:
        for instance in instances:
            await instance.listen()
            stack.push_async_callback(instance.refuse)
        yield instances
