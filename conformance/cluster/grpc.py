"""gRPC calls to a pod: the service GrpcEcho of the suite's image, over HTTP/2 without TLS.

Its messages (`grpcecho.proto`) are written by hand: a field that holds text or another message is its number
and type, a length, and the bytes.
"""

import asyncio
import struct

import hpack

from conformance.cluster import http2
from conformance.cluster.echo import Pod, Request

SERVICE = "gateway_api_conformance.echo_basic.grpcecho.GrpcEcho"
_METHODS = {f"/{SERVICE}/Echo", f"/{SERVICE}/EchoTwo"}
_UNIMPLEMENTED = "12"
_LENGTH_DELIMITED = 2
_MORE = 0x80


async def serve(pod: Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers until the peer leaves."""
    await http2.serve(pod, reader, writer, _answer)


async def _answer(
    pod: Pod, request: Request, _: str, stream: int, encoder: hpack.Encoder, writer: asyncio.StreamWriter
) -> None:
    content_type = ("content-type", "application/grpc")
    if request.target not in _METHODS:
        fields = [(":status", "200"), content_type, ("grpc-status", _UNIMPLEMENTED)]
        writer.write(http2.headers(encoder, stream, fields, end=True))
        await writer.drain()
        return
    body = _response(pod, request)
    writer.write(http2.headers(encoder, stream, [(":status", "200"), content_type]))
    writer.write(http2.data(stream, struct.pack(">BI", 0, len(body)) + body))
    writer.write(http2.headers(encoder, stream, [("grpc-status", "0")], end=True))
    await writer.drain()


def _response(pod: Pod, request: Request) -> bytes:
    """EchoResponse."""
    sent = [
        _field(2, _field(1, name.lower().encode()) + _field(2, value.encode()))
        for name, values in request.headers.items()
        for value in values
    ]
    told = (pod.namespace, pod.ingress, pod.service, pod.name)
    context = b"".join(_field(number, text.encode()) for number, text in enumerate(told, start=1))
    assertions = [
        _field(1, request.target.encode()),
        *sent,
        _field(3, request.host.encode()),
        _field(4, context),
    ]
    return _field(1, b"".join(assertions))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number >= _MORE:
        octets.append(number % _MORE | _MORE)
        number //= _MORE
    octets.append(number)
    return bytes(octets)
