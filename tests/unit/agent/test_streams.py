"""Streams to Envoys and to the control plane: how they end."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from sekisho.agent.link import Stream, UpstreamBroken
from sekisho.agent.streams import WINDOW, GrpcConnection, listening
from sekisho.aio.tasks import background
from sekisho.xds.rpc import METHOD

MEGABYTE = b"x" * 1_000_000
_SETTINGS, _PING = 4, 6
_INITIAL_WINDOW = b"\x00\x04"
_ACK = 1


async def test_a_write_that_fails_after_its_caller_gave_up_troubles_nobody(tmp_path: Path) -> None:
    """It filled the agent's log with tracebacks wherever a busy Envoy was ended."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    gave_up = asyncio.Event()

    async def serve(stream: Stream) -> None:
        await stream.read()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                while True:  # until the peer, who reads nothing, lets no more through
                    await stream.write(MEGABYTE)
        gave_up.set()

    socket = tmp_path / "xds.sock"
    async with listening(socket, serve), grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        call = channel.stream_stream(METHOD)()
        await call.write(b"hello")
        await gave_up.wait()
        call.cancel()
    gc.collect()
    assert complaints == []


@pytest.mark.parametrize("turns", range(6))
async def test_who_uses_a_stream_is_told_whenever_somebody_else_closes_its_connection(
    tmp_path: Path, turns: int
) -> None:
    """Whoever wrote before the call had begun waited for ever: an agent that never heard of changes again."""

    async def serve(stream: Stream) -> None:
        await stream.read()

    socket = tmp_path / "xds.sock"
    async with listening(socket, serve), asyncio.timeout(60):
        connection = GrpcConnection(grpc.aio.insecure_channel(f"unix:{socket}"))
        async with connection.open() as stream:
            writing = asyncio.ensure_future(stream.write(b"hello"))
            for _ in range(turns):
                await asyncio.sleep(0)
            await connection.close()
            with suppress(UpstreamBroken):  # it may have been in time
                await writing
            with pytest.raises(UpstreamBroken):
                await stream.read()


async def test_a_stream_that_breaks_while_messages_wait_gives_its_place_back(tmp_path: Path) -> None:
    """gRPC kept the call: with as many as the server allows at a time, the next one waited for ever."""
    ended = asyncio.Event()

    async def serve(_: bytes, context: Any) -> None:
        await context.read()
        for _ in range(3):
            await context.write(b"answer")
        ended.set()

    async def break_one(connection: GrpcConnection) -> None:
        async with asyncio.timeout(60), connection.open() as stream:
            await stream.write(b"hello")
            assert await stream.read() == b"answer"
            await ended.wait()
            while True:  # until gRPC knows that the other side has ended the stream
                await stream.write(b"hello")
                await asyncio.sleep(0)

    async with one_at_a_time(tmp_path / "xds.sock", serve) as connection:
        for _ in range(3):
            ended.clear()
            with pytest.raises(UpstreamBroken):
                await break_one(connection)


@asynccontextmanager
async def one_at_a_time(socket: Path, serve: Any) -> AsyncIterator[GrpcConnection]:
    """To a server that allows one stream at a time."""
    server = grpc.aio.server(options=[("grpc.max_concurrent_streams", 1)])
    service, method = METHOD.strip("/").split("/")
    handlers = {method: grpc.stream_stream_rpc_method_handler(serve)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    connection = GrpcConnection(grpc.aio.insecure_channel(f"unix:{socket}"))
    try:
        yield connection
    finally:
        await connection.close()
        await server.stop(None)


async def test_messages_bring_no_pings_and_a_whole_response_may_be_under_way(tmp_path: Path) -> None:
    """By PINGs gRPC would find out how much: they cost an agent a fifth of each change, and Envoys some."""

    async def serve(stream: Stream) -> None:
        while await stream.read() is not None:
            await stream.write(b"answer")

    socket, between, said = tmp_path / "xds.sock", tmp_path / "between.sock", bytearray()
    async with (
        asyncio.timeout(60),
        listening(socket, serve),
        overheard(between, socket, said),
        grpc.aio.insecure_channel(f"unix:{between}") as channel,
    ):
        call = channel.stream_stream(METHOD)()
        for _ in range(3):
            await call.write(b"hello")
            assert await call.read() == b"answer"
        call.cancel()
    found = list(frames(bytes(said)))
    assert [kind for kind, flags, _ in found if kind == _PING and not flags & _ACK] == []
    assert _INITIAL_WINDOW + WINDOW.to_bytes(4, "big") in next(
        content for kind, _, content in found if kind == _SETTINGS
    )


@asynccontextmanager
async def overheard(place: Path, socket: Path, said: bytearray) -> AsyncIterator[None]:
    """Passes one connection at `place` on to `socket`, and keeps what is answered."""
    came: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()

    async def pass_on() -> None:
        asking, answering = await came
        answers, onward = await asyncio.open_unix_connection(str(socket))
        async with background(copy(asking, onward, bytearray()), name="questions"):
            await copy(answers, answering, said)

    server = await asyncio.start_unix_server(lambda *both: came.set_result(both), str(place))
    async with background(pass_on(), name="answers"):
        yield
    server.close()


async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, copied: bytearray) -> None:
    with suppress(OSError):
        while part := await source.read(1 << 16):
            copied.extend(part)
            sink.write(part)
    sink.close()


def frames(said: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, flags and content of each frame (RFC 9113 section 4.1)."""
    while len(said) >= 9:
        end = 9 + int.from_bytes(said[:3], "big")
        yield said[3], said[4], said[9:end]
        said = said[end:]
