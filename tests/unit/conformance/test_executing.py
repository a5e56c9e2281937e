"""Commands in pods, over SPDY as the library of Kubernetes speaks it."""

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import uvicorn
from conformance.cluster import executing
from conformance.cluster.executing import Done
from conformance.cluster.spdy import DICTIONARY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sekisho.aio.tasks import background

DATA = 0
SYN_STREAM, SYN_REPLY, PING = 0x80030001, 0x80030002, 0x80030006


def test_the_dictionary_is_that_of_the_specification() -> None:
    """Compressed streams name it by its Adler-32."""
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


class Client:
    """What `kubectl exec` does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    async def ask(self, head: str) -> bytes:
        self._writer.write(f"{head}\r\nhost: a\r\n\r\n".encode())
        return await self._reader.readuntil(b"\r\n\r\n")

    def open(self, number: int, name: str) -> None:
        """A stream, with one header."""
        texts = b"".join(struct.pack(">I", len(text)) + text for text in (b"streamtype", name.encode()))
        block = self._deflate.compress(struct.pack(">I", 1) + texts) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        payload = struct.pack(">IIH", number, 0, 0) + block
        self._writer.write(struct.pack(">II", SYN_STREAM, len(payload)) + payload)

    def ping(self, number: int) -> None:
        self._writer.write(struct.pack(">III", PING, 4, number))

    async def frame(self) -> tuple[int, bytes]:
        first, rest = struct.unpack(">II", await self._reader.readexactly(8))
        return first, await self._reader.readexactly(rest & 0xFFFFFF)


@asynccontextmanager
async def client(done: Done, asked: list[tuple[str, ...]]) -> AsyncIterator[Client]:
    async def execute(namespace: str, name: str, command: Sequence[str]) -> Done:
        asked.append((namespace, name, *command))
        return done

    async def other(_: Request) -> Response:
        return PlainTextResponse("uvicorn's")

    application = Starlette(routes=[Route("/{path:path}", other)])
    config = uvicorn.Config(
        application, lifespan="off", log_config=None, http=executing.protocol(execute), ws="none"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # signals are pytest's
        async with background(server._serve([listener]), name="server"):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            try:
                yield Client(reader, writer)
            finally:
                writer.close()
                server.should_exit = True


EXEC = "POST /api/v1/namespaces/shop/pods/cart-1/exec?command=client&command=http%3A%2F%2Fa&tty=no HTTP/1.1"


@pytest.mark.parametrize(
    ("done", "status"), [(Done("out\n"), "Success"), (Done("", "no such name", 1), "Failure")]
)
async def test_a_command_is_run_once_its_three_streams_are_open(done: Done, status: str) -> None:
    asked: list[tuple[str, ...]] = []
    async with client(done, asked) as peer:
        head = await peer.ask(EXEC)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Upgrade: SPDY/3.1" in head
        for number, name in ((1, "error"), (3, "stdout"), (5, "stderr")):
            peer.open(number, name)
        frames = [await peer.frame() for _ in range(6)]
        assert [kind for kind, _ in frames[:3]] == [SYN_REPLY] * 3
        texts = dict(frames[3:])
        assert (texts[3], texts[5]) == (done.output.encode(), done.errors.encode())
        told = json.loads(texts[1])
        assert told["status"] == status
        assert told.get("message", "").endswith(done.errors)
        assert asked == [("shop", "cart-1", "client", "http://a")]


async def test_pings_are_answered() -> None:
    async with client(Done(""), []) as peer:
        await peer.ask(EXEC)
        peer.ping(7)
        assert await peer.frame() == (PING, struct.pack(">I", 7))


async def test_all_other_requests_are_uvicorns() -> None:
    async with client(Done(""), []) as peer:
        head = await peer.ask("GET /api/v1/pods?command=exec HTTP/1.1")
        assert head.startswith(b"HTTP/1.1 200 ")
