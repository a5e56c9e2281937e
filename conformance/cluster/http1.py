"""HTTP/1.1 and WebSocket connections to a pod."""

import asyncio
import base64
import hashlib
import socket
import struct
from collections import defaultdict
from dataclasses import replace
from http import HTTPStatus

from conformance.cluster.echo import Answer, Pod, Request, Reset, canonical
from conformance.cluster.server_names import certificates, server_name

_WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3."""
_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA
_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends a RST."""


async def serve(pod: Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers until the peer leaves."""
    client = ":".join(map(str, writer.get_extra_info("peername")))
    asked, shown = server_name(writer), certificates(writer)
    while True:
        request = replace(await _read(reader), server_name=asked, client_certificates=shown)
        if request.target.partition("?")[0] == "/ws":
            await _websocket(request, reader, writer)
            return
        answer = pod.answer(request, client)
        await asyncio.sleep(answer.delay)
        if isinstance(answer, Reset):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            writer.transport.abort()
            return
        writer.write(_written(answer, with_body=request.method != "HEAD"))
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request:
    """The next request, its body read and dropped. Raises IncompleteReadError at the end."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, protocol = lines[0].split(" ")
    headers: dict[str, list[str]] = defaultdict(list)
    for line in filter(None, lines[1:]):
        name, _, value = line.partition(":")
        headers[canonical(name)].append(value.strip())
    if length := headers.get("Content-Length"):
        await reader.readexactly(int(length[0]))
    elif "chunked" in headers.get("Transfer-Encoding", []):
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + len("\r\n"))
        await reader.readline()
    host = headers.pop("Host", [""])[0]
    return Request(method=method, target=target, protocol=protocol, host=host, headers=dict(headers))


def _written(answer: Answer, *, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Content-Length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + answer.body if with_body else head


async def _websocket(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the upgrade and sends every frame's payload back."""
    key = request.headers["Sec-Websocket-Key"][0] + _WEBSOCKET_KEY
    accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
    )
    while True:
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length > 125:  # noqa: PLR2004 - RFC 6455, 5.2: longer lengths are in 2 or 8 bytes more
            length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))  # noqa: PLR2004
        mask = await reader.readexactly(4)
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(await reader.readexactly(length)))
        opcode = first & 0xF
        if opcode == _CLOSE:
            return
        if opcode == _PING:
            first = first & 0xF0 | _PONG
        writer.write(_frame(first, payload))
        await writer.drain()


def _frame(first: int, payload: bytes) -> bytes:
    if len(payload) <= 125:  # noqa: PLR2004 - as above
        return bytes([first, len(payload)]) + payload
    return bytes([first, 126]) + struct.pack(">H", len(payload)) + payload
