"""Calls of the service GrpcEcho, one at a time over one connection of HTTP/2 with prior knowledge."""

import socket
from collections.abc import Iterator, Mapping

import hpack

from conformance.cluster import http2
from conformance.cluster.grpc import SERVICE

_LENGTH_DELIMITED = 2
_MORE = 0x80
_EMPTY = bytes(5)
"""A message without any field: not compressed, of no length."""


class Refused(Exception):
    """The call ended with something else than OK."""


def echo(connection: socket.socket, authority: str, metadata: Mapping[str, str], count: int) -> Iterator[str]:
    """The names of the pods that answered. Raises Refused and OSError."""
    encoder, decoder = hpack.Encoder(), hpack.Decoder()
    connection.sendall(http2.PREFACE + http2.settings())
    fields = [
        (":method", "POST"), (":scheme", "http"), (":path", f"/{SERVICE}/Echo"), (":authority", authority),
        ("content-type", "application/grpc"), ("te", "trailers"),
        *((name.lower(), value) for name, value in metadata.items()),
    ]  # fmt: skip
    with connection.makefile("rb") as received:
        for stream in range(1, 2 * count, 2):
            connection.sendall(http2.headers(encoder, stream, fields) + http2.data(stream, _EMPTY, end=True))
            answer = http2.answer(received.read, connection.sendall, decoder, stream)
            if answer.fields.get("grpc-status") != "0":
                raise Refused(f"{answer.fields}")
            yield _pod(answer.body[len(_EMPTY) :])


def _pod(response: bytes) -> str:
    """EchoResponse.assertions.context.pod."""
    for number in (1, 4, 4):
        response = _fields(response)[number]
    return response.decode()


def _fields(message: bytes) -> dict[int, bytes]:
    """Those that hold text or messages, which all of them do here; of several the last."""
    found, place = {}, 0
    while place < len(message):
        key, place = _varint(message, place)
        length, place = _varint(message, place)
        found[key >> 3] = message[place : place + length]
        place += length
    return found


def _varint(octets: bytes, place: int) -> tuple[int, int]:
    """The number there, and the place behind it."""
    value = shift = 0
    while True:
        octet = octets[place]
        value |= (octet & ~_MORE) << shift
        place, shift = place + 1, shift + 7
        if octet < _MORE:
            return value, place
