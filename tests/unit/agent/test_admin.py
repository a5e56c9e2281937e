"""Envoy's admin over its socket, as Envoy answers and as it should not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sekisho.agent.admin import Admin, AdminUnavailable, Traffic

STATS = b"""http.admin.downstream_rq_active: 1
http.8080.downstream_rq_active: 2
http.shop.test.downstream_rq_active: 3
tcp.db.downstream_cx_active: 4
listener.admin.downstream_cx_active: 1
listener.127.0.0.1_80.downstream_cx_active: 5
listener.127.0.0.1_80.worker_0.downstream_cx_active: 5
listener.admin.main_thread.downstream_cx_active: 1
"""


@asynccontextmanager
async def answering(socket: Path, answer: bytes) -> AsyncIterator[list[str]]:
    """Sends these bytes to whoever asks; gives the request lines."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[0])
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, str(socket))
    try:
        yield asked
    finally:
        server.close()
        await server.wait_closed()


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + parts


@pytest.mark.parametrize(("status", "ready"), [(b"200 OK", True), (b"503 Service Unavailable", False)])
async def test_readiness_is_the_status_of_ready(tmp_path: Path, status: bytes, ready: bool) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n"
    async with answering(tmp_path / "s", answer) as asked:
        assert await Admin(tmp_path / "s").is_ready() is ready
    assert asked == ["GET /ready HTTP/1.1"]


@pytest.mark.parametrize("answer", [chunked(STATS), b"HTTP/1.1 200 OK\r\n\r\n" + STATS])
async def test_traffic_is_everybodys_but_the_admins_own(tmp_path: Path, answer: bytes) -> None:
    async with answering(tmp_path / "s", answer):
        assert await Admin(tmp_path / "s").traffic() == Traffic(requests=9, connections=5)


async def test_an_order_that_is_not_allowed_is_an_error(tmp_path: Path) -> None:
    async with answering(tmp_path / "s", b"HTTP/1.1 403 Forbidden\r\n\r\nno"):
        with pytest.raises(AdminUnavailable, match="answered 403: no"):
            await Admin(tmp_path / "s").begin_drain()


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 x\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
async def test_whatever_is_no_answer_is_unavailable(tmp_path: Path, answer: bytes) -> None:
    async with answering(tmp_path / "s", answer):
        with pytest.raises(AdminUnavailable, match="does not answer"):
            await Admin(tmp_path / "s").is_ready()


async def test_no_socket_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(AdminUnavailable, match="does not answer"):
        await Admin(tmp_path / "none").is_ready()


async def test_clients_are_sent_elsewhere_and_welcomed_again(tmp_path: Path) -> None:
    async with answering(tmp_path / "s", b"HTTP/1.1 200 OK\r\n\r\nOK\n") as asked:
        await Admin(tmp_path / "s").send_elsewhere()
        await Admin(tmp_path / "s").welcome()
    assert asked == ["POST /healthcheck/fail HTTP/1.1", "POST /healthcheck/ok HTTP/1.1"]
