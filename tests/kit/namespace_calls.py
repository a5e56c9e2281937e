"""HTTP calls and load by programs in a network namespace: their connections are made there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.kit.echo import Echo
from tests.kit.http import Answer, read_answer, request_bytes
from tests.kit.load import Load, keeping_on
from tests.kit.netns import Namespace

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(inside: Namespace, address: str, port: int) -> Connection:
    """By a program in there. OSError when nobody takes it."""
    made = inside.caller(address)
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return await asyncio.open_connection(sock=made)


async def fetch_inside(inside: Namespace, address: str, port: int, host: str, path: str = "/") -> Answer:
    """One GET on a connection of its own. OSError, EOFError or TimeoutError without a whole answer."""
    async with asyncio.timeout(10):
        reader, writer = await connect(inside, address, port)
        try:
            writer.write(request_bytes("GET", path, [("host", host)]))
            return await read_answer(reader)
        finally:
            writer.close()


@dataclass
class LoadInside(Load):
    """Of programs in a namespace."""

    inside: Namespace | None = None

    async def open(self) -> Connection:
        """See `Load.open`."""
        assert self.inside is not None
        return await connect(self.inside, self.address, self.port)


@asynccontextmanager
async def load_inside(
    inside: Namespace, address: str, port: int, host: str, *, clients: int, pause: float
) -> AsyncIterator[Load]:
    """As `tests.kit.load.under_load`, from in there."""
    load = LoadInside(port, host, address=address, pause=pause, inside=inside)
    async with keeping_on(load, clients):
        yield load


@asynccontextmanager
async def echo_inside(inside: Namespace, pod: str) -> AsyncIterator[Echo]:
    """Serves on the loopback of the namespace, at a port found in `Echo.port`."""
    echo, listener = Echo(pod), inside.listener(0, "127.0.0.1")
    echo.port = listener.getsockname()[1]
    server = await asyncio.start_server(echo.serve_connection, sock=listener)
    try:
        yield echo
    finally:
        server.close()
        echo.close_connections()
        await server.wait_closed()
