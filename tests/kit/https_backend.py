"""A backend that speaks TLS, and tells what its callers asked for and showed."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.pki import Leaf, TestAuthority


@dataclass
class HttpsBackend:
    """What it has seen, the oldest first."""

    port: int = 0
    names: list[str] = field(default_factory=list)
    """Server names of handshakes, also of those that failed."""
    hosts: list[str] = field(default_factory=list)
    """Hosts of requests."""
    protocols: list[str | None] = field(default_factory=list)
    """What ALPN agreed on for each request."""
    shown: list[bool] = field(default_factory=list)
    """Whether the caller of each request showed a certificate."""


@asynccontextmanager
async def https_backend(
    leaf: Leaf, folder: Path, *, callers: TestAuthority | None = None, alpn: tuple[str, ...] = ("http/1.1",)
) -> AsyncIterator[HttpsBackend]:
    """Answers 200 over TLS; where `callers` is given, only to who shows a certificate of that authority."""
    found = HttpsBackend()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*leaf.write(folder, "backend"))
    context.set_alpn_protocols(list(alpn))
    context.sni_callback = lambda _connection, name, _context: found.names.append(name or "")
    if callers is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=callers.certificate.decode())

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
        found.hosts += [line.removeprefix("host: ") for line in lines if line.startswith("host: ")]
        found.protocols.append(connection.selected_alpn_protocol())
        found.shown.append(bool(connection.getpeercert()))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        found.port = int(server.sockets[0].getsockname()[1])
        yield found
