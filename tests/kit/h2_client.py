"""An HTTP/2 client that sends exactly the headers it is told, one request after the other."""

import asyncio
import struct
from collections.abc import Sequence

import hpack

from tests.kit.http import Answer

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
RESET = 0
"""Status of a request whose stream the server has reset."""


class GoneAway(Exception):
    """The server ends the connection because of the request."""


class H2Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder()
        self._stream = -1
        writer.write(_PREFACE + _frame(_SETTINGS))

    async def ask(self, headers: Sequence[tuple[bytes, bytes]]) -> Answer:
        """A request without a body; pseudo-headers first. Names go as they are. Raises GoneAway."""
        self._stream += 2
        block = self._encoder.encode([(name, text) for name, text in headers], huffman=False)
        self.writer.write(_frame(_HEADERS, _END_HEADERS | _END_STREAM, self._stream, block))
        await self.writer.drain()
        answer = Answer(RESET, [], b"")
        while True:
            kind, flags, stream, payload = await self._receive()
            if kind == _GOAWAY:
                raise GoneAway
            if stream != self._stream:
                continue
            if kind == _RST_STREAM:
                return answer
            if kind == _HEADERS:
                raw = self._decoder.decode(payload, raw=True)
                found = [(name.decode(), text.decode("latin-1")) for name, text in raw]
                answer = Answer(int(dict(found)[":status"]), found[1:], b"")
            elif kind == _DATA:
                answer = answer._replace(body=answer.body + payload)
                if payload:
                    self.writer.write(_frame(_WINDOW, 0, 0, struct.pack(">I", len(payload))))
            if flags & _END_STREAM:
                return answer

    async def _receive(self) -> tuple[int, int, int, bytes]:
        head = await self.reader.readexactly(9)
        kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
        payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            self.writer.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        return kind, flags, stream, payload


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload
