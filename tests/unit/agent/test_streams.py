"""Streams to Envoys: how they end."""

import asyncio
import gc
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc

from sekisho.agent.link import Stream
from sekisho.agent.streams import listening
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
