"""Serving over TLS: what is refused before anybody is known, and how it ends."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.kit.pki import self_signed

from sekisho.aio.tasks import background
from sekisho.api import ServerSettings, serve

from .harness import Api

HEAD = b"GET /api HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin-token\r\n"


class Endpoint:
    """The server under test."""

    def __init__(self, port: int, certificate: Path) -> None:
        self.port = port
        self.context = ssl.create_default_context(cafile=str(certificate))

    async def connect(self, **more: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, **more)

    async def answer(self, request: bytes) -> bytes:
        """Everything the server says until it closes or has said a whole response."""
        reader, writer = await self.connect()
        try:
            async with asyncio.timeout(60):
                writer.write(request)
                return await reader.read(4096)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def serving(api: Api, folder: Path, **settings: Any) -> AsyncIterator[Endpoint]:
    certificate, key = self_signed("127.0.0.1").write(folder, "server")
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    service = serve(api.app, ServerSettings(certificate, key, **settings), started=started.set_result)
    async with background(service, name="server under test"), asyncio.timeout(60):
        yield Endpoint(await started, certificate)


async def test_requests_are_answered_over_tls(api: Api, tmp_path: Path) -> None:
    async with serving(api, tmp_path) as endpoint:
        answer = await endpoint.answer(HEAD + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["kind"] == "APIVersions"
        assert b"server:" not in answer.lower()


async def test_plaintext_and_old_tls_get_no_answer(api: Api, tmp_path: Path) -> None:
    async with serving(api, tmp_path) as endpoint:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(HEAD + b"\r\n")
        assert b"HTTP" not in await reader.read()
        writer.close()
        endpoint.context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert (await endpoint.answer(HEAD + b"\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"".join(b"x-%d: y\r\n" % index for index in range(150)), id="150 headers"),
        pytest.param(b"x: " + b"y" * (80 << 10) + b"\r\n", id="one of 80 KiB"),
        pytest.param(b"x: " + b"y" * (1 << 20), id="one that does not end"),
    ],
)
async def test_a_head_over_the_limit_is_431(api: Api, tmp_path: Path, head: bytes) -> None:
    async with serving(api, tmp_path) as endpoint:
        assert (await endpoint.answer(HEAD + head + b"\r\n")).startswith(b"HTTP/1.1 431")


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes) -> bytes:
    """Sends 4 MiB after `start`; what the server said before it cut."""
    writer.write(start)
    for _ in range(64):
        writer.write(b"y" * (64 << 10))
        await writer.drain()
    return await reader.read()


async def test_trailers_over_the_limit_are_cut(api: Api, tmp_path: Path) -> None:
    async with serving(api, tmp_path) as endpoint:
        start = HEAD.replace(b"GET", b"POST") + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx: "
        reader, writer = await endpoint.connect()
        try:
            said = await flood(reader, writer, start)
        except (ConnectionError, ssl.SSLError):
            said = b"cut"
        assert said == b"cut" or b"431" in said
        writer.transport.abort()


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"\x16\x03\x01"]
)
async def test_what_is_no_http_is_400(api: Api, tmp_path: Path, request_: bytes) -> None:
    async with serving(api, tmp_path) as endpoint:
        assert (await endpoint.answer(request_)).startswith(b"HTTP/1.1 400")


async def test_a_head_that_comes_too_slowly_is_cut(api: Api, tmp_path: Path) -> None:
    async with serving(api, tmp_path, head_seconds=0.05) as endpoint:
        assert await endpoint.answer(b"GET / HT") == b""
        reader, writer = await endpoint.connect()
        assert await reader.read() == b"", "a connection that says nothing is cut, too"
        writer.close()


async def test_a_handshake_that_does_not_come_is_cut(api: Api, tmp_path: Path) -> None:
    async with serving(api, tmp_path, handshake_seconds=0.05) as endpoint:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_a_kept_connection_serves_again_and_slow_requests_on_it_are_cut(
    api: Api, tmp_path: Path
) -> None:
    async with serving(api, tmp_path, head_seconds=0.3) as endpoint:
        reader, writer = await endpoint.connect()
        for _ in range(2):
            writer.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"]}")).startswith(b"HTTP/1.1 200")
        writer.write(HEAD)
        assert await reader.read() == b""
        writer.close()


async def test_a_watch_is_ended_when_the_server_stops(api: Api, tmp_path: Path) -> None:
    async with serving(api, tmp_path) as endpoint:
        reader, writer = await endpoint.connect()
        writer.write(HEAD.replace(b"/api", b"/api/v1/namespaces?watch=1") + b"\r\n")
        assert b'"ADDED"' in await reader.readuntil(b"}\n")
    assert (await reader.read()).endswith(b"0\r\n\r\n")
    writer.close()


async def test_a_taken_port_is_said(api: Api, tmp_path: Path) -> None:
    async with serving(api, tmp_path) as endpoint:
        certificate, key = self_signed("127.0.0.1").write(tmp_path, "server")
        with pytest.raises(OSError, match="in use"):
            await serve(api.app, ServerSettings(certificate, key, port=endpoint.port))
