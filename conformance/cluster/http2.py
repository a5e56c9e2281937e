"""HTTP/2 connections with prior knowledge to a pod: as much of RFC 9113 as Envoy uses towards a backend."""

import asyncio
import struct
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import NamedTuple

import hpack

from conformance.cluster.echo import Answer, Pod, Request, canonical

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _WINDOW_UPDATE = 0x0, 0x1, 0x3, 0x4, 0x6, 0x8
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_INTERNAL_ERROR = struct.pack(">I", 0x2)


Responder = Callable[
    [Pod, Request, str, int, hpack.Encoder, asyncio.StreamWriter], Coroutine[None, None, None]
]
"""Writes the frames of an answer: (pod, request, client, stream, encoder, writer)."""


async def serve(
    pod: Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Responder | None = None
) -> None:
    """Answers until the peer leaves; who speaks no HTTP/2 is hung up on."""
    if await reader.readexactly(len(PREFACE)) != PREFACE:
        return
    client = ":".join(map(str, writer.get_extra_info("peername")))
    decoder, encoder = hpack.Decoder(), hpack.Encoder()
    writer.write(settings())
    async with asyncio.TaskGroup() as group:
        while True:
            length, kind, flags, stream = _head(await reader.readexactly(9))
            payload = await reader.readexactly(length)
            if kind in (_SETTINGS, _PING) and not flags & _ACK:
                writer.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
            elif kind == _DATA and length:
                writer.write(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", length)))
            elif kind == _HEADERS:
                request = _request([(str(name), str(value)) for name, value in decoder.decode(payload)])
                group.create_task((answer or _answer)(pod, request, client, stream, encoder, writer))
            await writer.drain()


async def _answer(
    pod: Pod, request: Request, client: str, stream: int, encoder: hpack.Encoder, writer: asyncio.StreamWriter
) -> None:
    answer = pod.answer(request, client)
    await asyncio.sleep(answer.delay)
    if not isinstance(answer, Answer):
        writer.write(_frame(_RESET, 0, stream, _INTERNAL_ERROR))
        return
    fields = [(":status", str(answer.status)), *((name.lower(), value) for name, value in answer.headers)]
    writer.write(headers(encoder, stream, fields))
    writer.write(data(stream, answer.body, end=True))
    await writer.drain()


def headers(
    encoder: hpack.Encoder, stream: int, fields: list[tuple[str, str]], *, end: bool = False
) -> bytes:
    """A HEADERS frame; `end`: the last of its stream."""
    flags = _END_HEADERS | (_END_STREAM if end else 0)
    return _frame(_HEADERS, flags, stream, encoder.encode(fields))


def data(stream: int, body: bytes, *, end: bool = False) -> bytes:
    """A DATA frame."""
    return _frame(_DATA, _END_STREAM if end else 0, stream, body)


def settings() -> bytes:
    """A SETTINGS frame that asks for nothing: the first of each side."""
    return _frame(_SETTINGS)


class Received(NamedTuple):
    """An answer as a client gets it."""

    fields: dict[str, str]
    """Of headers and trailers."""
    body: bytes


def answer(
    read: Callable[[int], bytes], write: Callable[[bytes], object], decoder: hpack.Decoder, stream: int
) -> Received:
    """Reads until this stream has ended; there is no other. Raises ConnectionError when it breaks off."""
    fields: dict[str, str] = {}
    body = b""
    while True:
        head = read(9)
        if not head:
            raise ConnectionResetError("the connection was closed")
        length, kind, flags, of_stream = _head(head)
        payload = read(length)
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _DATA:
            body += payload
            write(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", length)) if length else b"")
        elif kind == _HEADERS:
            fields |= {str(name): str(value) for name, value in decoder.decode(payload)}
        elif kind == _RESET:
            raise ConnectionResetError("the stream was reset")
        if of_stream == stream and kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            return Received(fields, body)


def _request(fields: list[tuple[str, str]]) -> Request:
    found: dict[str, list[str]] = defaultdict(list)
    pseudo = {name: value for name, value in fields if name.startswith(":")}
    for name, value in fields:
        if not name.startswith(":"):
            found[canonical(name)].append(value)
    return Request(
        method=pseudo[":method"],
        target=pseudo[":path"],
        protocol="HTTP/2.0",
        host=pseudo[":authority"],
        headers=dict(found),
    )


def _head(octets: bytes) -> tuple[int, int, int, int]:
    """Length, type, flags and stream of a frame (RFC 9113, 4.1)."""
    high, low, kind, flags, stream = struct.unpack(">BHBBI", octets)
    return high << 16 | low, kind, flags, stream & 0x7FFFFFFF


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload
