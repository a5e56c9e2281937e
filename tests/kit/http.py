"""An HTTP/1.1 client that sends exactly what it is told, including what proper clients refuse to send."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    """Names in lower case, in the order they came."""
    body: bytes

    def header(self, name: str) -> str | None:
        """The values of this name joined by commas, as RFC 9110 allows; None when there is none."""
        values = [text for key, text in self.headers if key == name]
        return ",".join(values) if values else None

    def json(self) -> Any:
        return json.loads(self.body)


async def fetch(  # noqa: PLR0913 - all there is to say about a request
    port: int,
    host: str,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    address: str = "127.0.0.1",
    within: float = 30,
) -> Answer:
    """One request on a connection of its own."""
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(
            address, port, ssl=tls, server_hostname=(server_name or host) if tls else None
        )
        try:
            writer.write(request_bytes(method, path, [("host", host), *headers], body))
            await writer.drain()
            return await read_answer(reader, with_body=method != "HEAD")
        finally:
            writer.close()


def request_bytes(method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers)]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_answer(reader: asyncio.StreamReader, *, with_body: bool = True) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    answer = Answer(int(head[0].split(" ")[1]), [(k.lower(), v.strip()) for k, _, v in pairs], b"")
    if not with_body or answer.status < 200 or answer.status in {204, 304}:
        return answer
    return answer._replace(body=await _read_body(reader, answer))


async def _read_body(reader: asyncio.StreamReader, answer: Answer) -> bytes:
    if answer.header("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        return body
    length = answer.header("content-length")
    return await (reader.read() if length is None else reader.readexactly(int(length)))
