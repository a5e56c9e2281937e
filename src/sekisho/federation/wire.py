"""Messages as bytes: JSON, one a line, compressed (RFC 1952) and readable as soon as each is sent."""

import zlib
from collections.abc import Iterator

import msgspec

from sekisho.federation.messages import Message

PATH = "/federation/v1"
DOWN_PATH = f"{PATH}/down"
"""GET with `?since=`: what global tells a zone, for as long as it listens."""
UP_PATH = f"{PATH}/up"
"""POST: what a zone tells global. GET: the token of what global holds of it."""
MEDIA_TYPE = "application/x-ndjson"
LARGEST_MESSAGE = 8 << 20
"""Bytes of a line after it is inflated: several times the largest resource the API takes."""

_GZIP = 31
"""zlib's number for the gzip format with its largest window."""

_encoder = msgspec.json.Encoder()


class Malformed(Exception):
    """What came is not what was agreed on."""


class Deflater:
    """Compresses one stream. What was said before makes what is like it small."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(wbits=_GZIP)

    def line(self, message: Message) -> bytes:
        """A message that can be read at once."""
        return self._zlib.compress(encode(message) + b"\n") + self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """The end of the stream."""
        return self._zlib.flush()


class Lines:
    """Finds the lines in an inflated stream."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that end in `chunk`. Raises Malformed for one that is too long."""
        self._rest += chunk
        if b"\n" in chunk:
            *whole, tail = self._rest.split(b"\n")
            self._rest = tail
            yield from (bytes(line) for line in whole if line)
        if len(self._rest) > LARGEST_MESSAGE:
            raise Malformed("a message is too long")


def encode(message: Message) -> bytes:
    """As JSON."""
    return _encoder.encode(message)


def compressed(message: Message) -> bytes:
    """A whole body."""
    return zlib.compress(encode(message), wbits=_GZIP)


def inflated(body: bytes) -> bytes:
    """The inverse of `compressed`, before it is decoded. Raises Malformed, also for what grows too large."""
    inflater = zlib.decompressobj(wbits=_GZIP)
    try:
        found = inflater.decompress(body, LARGEST_MESSAGE + 1)
    except zlib.error as error:
        raise Malformed(f"not compressed as gzip: {error}") from error
    if len(found) > LARGEST_MESSAGE:
        raise Malformed("the message is too long")
    if not inflater.eof:
        raise Malformed("the body ends early")
    return found
