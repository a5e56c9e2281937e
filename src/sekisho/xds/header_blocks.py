"""Header blocks of one connection: put together, within limits, and decoded (RFC 9113 section 4.3)."""

from functools import lru_cache

from hpack import Decoder, HPACKError, OversizedHeaderListError

from sekisho.xds.events import ConnectionFailed
from sekisho.xds.frames import ErrorCode
from sekisho.xds.headers import Field
from sekisho.xds.limits import Limits

_FIRST_BLOCKS = 64
"""Clients' first header blocks that are remembered decoded: equal clients begin with equal octets."""


def _fields(decoder: Decoder, block: bytes) -> list[Field]:
    return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]


@lru_cache(_FIRST_BLOCKS)
def _first(block: bytes, most: int) -> tuple[bytes, tuple[Field, ...]]:
    """A connection's first block means the same on every connection, so one copy of it is enough."""
    return block, tuple(_fields(Decoder(most), block))


class HeaderBlocks:
    """One block at a time; every block changes the table that the next one is decoded with."""

    __slots__ = ("_block", "_decoder", "_first", "_limits", "_pieces", "ended", "stream_id")

    def __init__(self, limits: Limits) -> None:
        self.stream_id = 0
        """Of the block that has begun and is not whole; 0 for none."""
        self.ended = False
        """Whether the stream ends with it."""
        self._limits = limits
        self._block = b""
        self._pieces = 0
        self._first: bytes | None = None
        self._decoder: Decoder | None = None
        """Made for a second block: mostly there is none."""

    def begin(self, stream_id: int, *, ended: bool) -> None:
        """A HEADERS frame came."""
        self.stream_id, self.ended = stream_id, ended
        self._block, self._pieces = b"", 0

    def take(self, piece: bytes, *, last: bool) -> list[Field] | None:
        """The content of HEADERS or CONTINUATION. Returns the fields when it was the last piece.

        Raises ConnectionFailed.
        """
        self._pieces += 1
        if self._pieces > 1 + self._limits.continuations:
            raise ConnectionFailed(ErrorCode.ENHANCE_YOUR_CALM, "header block in too many pieces")
        self._block += piece
        if len(self._block) > self._limits.header_list:
            raise ConnectionFailed(ErrorCode.ENHANCE_YOUR_CALM, "header block too large")
        if not last:
            return None
        block, self._block, self.stream_id = self._block, b"", 0
        return self._decode(block)

    def _decode(self, block: bytes) -> list[Field]:
        try:
            if self._first is None:
                self._first, fields = _first(block, self._limits.header_list)
                return list(fields)
            if self._decoder is None:
                self._decoder = Decoder(self._limits.header_list)
                _fields(self._decoder, self._first)  # for the table it leaves
            return _fields(self._decoder, block)
        except OversizedHeaderListError:
            raise ConnectionFailed(ErrorCode.ENHANCE_YOUR_CALM, "header list too large") from None
        except (HPACKError, IndexError, ValueError, OverflowError):
            raise ConnectionFailed(ErrorCode.COMPRESSION_ERROR, "header block does not decode") from None
