"""A backend that speaks nothing but HTTP/2 with prior knowledge, and tells what it received, as `Echo`."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hpack

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_ACK = _END_STREAM = 1
_END_HEADERS = 4


@asynccontextmanager
async def serving_h2c(pod: str) -> AsyncIterator[int]:
    """Serves on 127.0.0.1; gives the port."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            if await reader.readexactly(len(_PREFACE)) == _PREFACE:
                await _serve_frames(pod, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the peer has left
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


async def _serve_frames(pod: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    decoder, encoder = hpack.Decoder(), hpack.Encoder()
    writer.write(_frame(_SETTINGS))
    while True:
        head = await reader.readexactly(9)
        kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
        payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            writer.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _HEADERS:
            body = _told(pod, {str(name): str(value) for name, value in decoder.decode(payload)})
            writer.write(_frame(_HEADERS, _END_HEADERS, stream, encoder.encode([(":status", "200")])))
            writer.write(_frame(_DATA, _END_STREAM, stream, body))
        await writer.drain()


def _told(pod: str, headers: dict[str, str]) -> bytes:
    plain = {name.title(): [value] for name, value in headers.items() if not name.startswith(":")}
    content = {
        "path": headers[":path"],
        "host": headers[":authority"],
        "method": headers[":method"],
        "proto": "HTTP/2.0",
        "headers": plain,
        "pod": pod,
    }
    return json.dumps(content).encode()


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload
