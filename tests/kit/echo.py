"""A backend that tells what it received, as JSON, in the form of the Gateway API's echo-basic image.

`X-Echo-Set-Header: name:value,…` sets headers of the response, `?delay=1s` waits, `/status/503` answers so,
`/ws` takes an upgrade and returns every byte, `/retry/…?uuid=a&succeedAfter=2[&responseCode=503]` fails first
(without a code, by closing the connection).
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Echo:
    """One backend; `pod` is its name in answers."""

    def __init__(self, pod: str) -> None:
        self.pod = pod
        self.port = 0
        self.received: list[dict[str, Any]] = []
        """Every request, oldest first."""
        self.callers: list[str] = []
        """Addresses that connections came from, oldest first."""
        self.is_ending = False
        """Whether it asks its clients to leave, as a program does that ends well."""
        self._failures: Counter[str] = Counter()
        self._connections: set[asyncio.StreamWriter] = set()

    async def serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        self.callers.append(writer.get_extra_info("peername")[0])
        try:
            while await self._serve_request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the peer has left, which is its right
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _serve_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; False when the connection is at its end."""
        request = await _read_request(reader)
        self.received.append(request | {"pod": self.pod})
        target = urlsplit(request["path"])
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        await asyncio.sleep(float(query.get("delay", "0s").removesuffix("s")))
        if target.path == "/ws":
            await _echo_bytes(reader, writer)
            return False
        status = self._status(target.path, query)
        if status is None:
            return False
        more = ["connection: close"] if self.is_ending else []
        writer.write(_response(status, request | {"pod": self.pod}, more))
        await writer.drain()
        return not self.is_ending

    def _status(self, path: str, query: dict[str, str]) -> int | None:
        """The status to answer with; None to close the connection instead."""
        if path.startswith("/status/"):
            return int(path.removeprefix("/status/"))
        if not path.startswith("/retry"):
            return 200
        self._failures[query["uuid"]] += 1
        if self._failures[query["uuid"]] > int(query["succeedAfter"]):
            return 200
        return int(query["responseCode"]) if "responseCode" in query else None

    def close_connections(self) -> None:
        for writer in self._connections:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> dict[str, Any]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, proto = lines[0].split(" ")
    headers: dict[str, list[str]] = defaultdict(list)
    for line in filter(None, lines[1:]):
        name, _, text = line.partition(":")
        headers[name.title()].append(text.strip())
    if length := headers.get("Content-Length"):
        await reader.readexactly(int(length[0]))
    elif headers.get("Transfer-Encoding") == ["chunked"]:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + len("\r\n"))
        await reader.readline()
    host = headers.pop("Host", [""])[0]
    return {"path": path, "host": host, "method": method, "proto": proto, "headers": dict(headers)}


def _response(status: int, content: dict[str, Any], more: Sequence[str] = ()) -> bytes:
    body = json.dumps(content).encode()
    extra = [text.partition(":") for text in content["headers"].get("X-Echo-Set-Header", []) if text]
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *more,
        *(f"{name.strip()}: {text.strip()}" for name, _, text in extra),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if content["method"] == "HEAD" else body)


async def _echo_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n")
    while data := await reader.read(1024):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def serving_echo(pod: str, port: int = 0) -> AsyncIterator[Echo]:
    """Serves on 127.0.0.1; port 0 takes a free one, found in `Echo.port`."""
    echo = Echo(pod)
    server = await asyncio.start_server(echo.serve_connection, "127.0.0.1", port)
    echo.port = server.sockets[0].getsockname()[1]
    try:
        yield echo
    finally:
        server.close()
        echo.close_connections()
        await server.wait_closed()
