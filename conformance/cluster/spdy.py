"""SPDY/3.1 as far as `kubectl exec` and the suite use it: a client opens streams, we write to them.

Frames are those of draft-mbelshe-httpbis-spdy-00, 2.2 and 2.6. Nothing here waits for WINDOW_UPDATE: neither
does the library of Kubernetes.
"""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from typing import NamedTuple

_VERSION = 3
_CONTROL = 0x8000
_SYN_STREAM, _SYN_REPLY, _PING = 1, 2, 6
_FIN = 0x01
_NUMBER = 0x7FFFFFFF
_HEAD = struct.Struct(">HHI")
"""Version and type, or the upper half of a stream's number; then flags and length in one."""

_WORDS = """options head post put delete trace accept accept-charset accept-encoding accept-language
accept-ranges age allow authorization cache-control connection content-base content-encoding content-language
content-length content-location content-md5 content-range content-type date etag expect expires from host
if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards
pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding
upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public
set-cookie keep-alive origin"""
_REST = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


DICTIONARY = b"".join(_counted(word.replace("_", " ").encode()) for word in _WORDS.split()) + _REST.encode()
"""What both sides know before the first header (2.6.10.1)."""


class Opened(NamedTuple):
    """A stream the client has opened."""

    number: int
    headers: dict[str, str]


class Session:
    """Our side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    async def opened(self) -> AsyncIterator[Opened]:
        """Streams as they are opened, until the client leaves; pings are answered meanwhile."""
        while True:
            try:
                first, kind, rest = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
                payload = await self._reader.readexactly(rest & 0xFFFFFF)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if not first & _CONTROL:
                continue  # what is written to a stream: nothing here reads it
            if kind == _PING:
                self._control(_PING, payload)
            elif kind == _SYN_STREAM:
                stream = _opened(payload[:4], self._inflate.decompress(payload[10:]))
                self._reply(stream.number)
                yield stream
            await self._writer.drain()

    async def write_last(self, stream: int, octets: bytes) -> None:
        """All that is ever written to a stream."""
        self._writer.write(struct.pack(">II", stream, _FIN << 24 | len(octets)) + octets)
        await self._writer.drain()

    def _reply(self, stream: int) -> None:
        """Accepts a stream, with no headers."""
        none = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._control(_SYN_REPLY, struct.pack(">I", stream) + none)

    def _control(self, kind: int, payload: bytes) -> None:
        self._writer.write(_HEAD.pack(_CONTROL | _VERSION, kind, len(payload)) + payload)


def _opened(number: bytes, block: bytes) -> Opened:
    """Names and values, each after its length; how many there are comes first."""
    (pairs,) = struct.unpack_from(">I", block)
    texts, place = [], 4
    for _ in range(2 * pairs):
        (length,) = struct.unpack_from(">I", block, place)
        texts.append(block[place + 4 : place + 4 + length].decode())
        place += 4 + length
    stream = int.from_bytes(number) & _NUMBER
    return Opened(stream, dict(zip(texts[::2], texts[1::2], strict=True)))
