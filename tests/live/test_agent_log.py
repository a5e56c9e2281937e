"""What an agent writes where other people's programs make gRPC speak: JSON lines, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from tests.kit.mesh import running_mesh
from tests.kit.system import log_lines

pytestmark = pytest.mark.live

_SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
_GOAWAY = b"\0\0\x08\x07\0\0\0\0\0" + bytes(4) + b"\0\0\0\x0b"
"""ENHANCE_YOUR_CALM (RFC 9113, 6.8 and 7), of which gRPC writes a line."""


@asynccontextmanager
async def sending_away() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """An application that answers gRPC by GOAWAY: its port, and whether it did so several times."""
    often, calls = asyncio.Event(), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        writer.write(_SETTINGS + _GOAWAY)
        await reader.read()  # to its end: it took the answer
        writer.close()
        calls += 1
        if calls >= 3:
            often.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], often


@pytest.mark.parametrize(
    ("environment", "writes_more"), [({}, False), ({"GRPC_VERBOSITY": "info"}, True)], ids=["silent", "asked"]
)
async def test_grpc_writes_into_the_log_only_where_the_user_asks_it_to(
    environment: Mapping[str, str], writes_more: bool
) -> None:
    async with running_mesh(environment=environment) as mesh, sending_away() as (port, often):
        probe = {"grpc": {"port": port}, "periodSeconds": 1}
        await mesh.join("server", readinessProbe=probe)
        async with asyncio.timeout(60):
            await often.wait()
        log = mesh.system.log("agent")
        assert ("Got goaway" in log.read_text()) is writes_more
        if not writes_more:
            assert log_lines(log)
