"""Streams to Envoys and to the control plane: how they end."""

import asyncio
import gc
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from sekisho.agent.link import Stream, UpstreamBroken
from sekisho.agent.streams import GrpcConnection, listening
from sekisho.xds.rpc import METHOD

MEGABYTE = b"x" * 1_000_000


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
