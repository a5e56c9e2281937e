"""gRPC over HTTP/2 as far as one bidirectional method needs it: request checks, statuses, message framing.

Source: grpc/doc/PROTOCOL-HTTP2.md.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import quote

from sekisho.xds.headers import Field

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_PREFIX = 5


class Status(IntEnum):
    """The gRPC status codes used here."""

    OK = 0
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14


class Failed(Exception):
    """The call ends with this status."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Refused(NamedTuple):
    """A header block that ends a call before it began."""

    block: bytes


def refusal(fields: list[Field]) -> Refused | None:
    """Why a request never reaches a handler; None when it asks for the one method there is."""
    headers = dict(fields)
    content_type = headers.get(b"content-type", b"")
    if headers[b":method"] != b"POST" or not content_type.startswith(b"application/grpc"):
        return Refused(_literal(b":status", b"415"))
    if headers[b":path"] != METHOD.encode():
        return Refused(RESPONSE_HEADERS + trailers(Status.UNIMPLEMENTED, "only delta ADS is served here"))
    if content_type not in (b"application/grpc", b"application/grpc+proto"):
        return Refused(RESPONSE_HEADERS + trailers(Status.UNIMPLEMENTED, "only the proto codec is served"))
    return None


def trailers(status: Status, message: str = "") -> bytes:
    """The header block that ends a call."""
    block = _literal(b"grpc-status", str(int(status)).encode())
    if message:
        text = quote(message[:512], safe=" !\"#$&'()*+,/:;<=>?@[]^`{|}~-._")
        block += _literal(b"grpc-message", text.encode())
    return block


def _literal(name: bytes, value: bytes) -> bytes:
    """A field not indexed, with a new name (RFC 7541 section 6.2.2): the same bytes on any connection."""
    return b"\0" + _string(name) + _string(value)


def _string(text: bytes) -> bytes:
    """A string without Huffman coding (RFC 7541 section 5.2); its length is an integer of prefix 7."""
    length = len(text)
    if length < 127:  # noqa: PLR2004 - RFC 7541 section 5.1
        return bytes((length,)) + text
    rest, octets = length - 127, bytearray((127,))
    while rest >= 128:  # noqa: PLR2004 - RFC 7541 section 5.1
        octets.append(rest & 127 | 128)
        rest >>= 7
    octets.append(rest)
    return bytes(octets) + text


_STATUS_200 = b"\x88"  # entry 8 of the static table
RESPONSE_HEADERS = _STATUS_200 + _literal(b"content-type", b"application/grpc")


class Deframer:
    """Takes length-prefixed messages apart. Holds at most one unfinished message of `limit` octets."""

    __slots__ = ("_limit", "unfinished")

    def __init__(self, limit: int) -> None:
        self.unfinished = bytearray()
        """What has come of a message."""
        self._limit = limit

    def messages(self, octets: bytes) -> Iterable[bytes]:
        """The messages that `octets` complete. Raises Failed."""
        size = len(octets)
        if not self.unfinished and size >= _PREFIX and _PREFIX + _length(octets, self._limit) == size:
            return (octets[_PREFIX:],)  # nearly every request: one message, one frame
        return self._assembled(octets)

    def _assembled(self, octets: bytes) -> Iterator[bytes]:
        self.unfinished += octets
        while len(self.unfinished) >= _PREFIX:
            end = _PREFIX + _length(self.unfinished, self._limit)
            if len(self.unfinished) < end:
                return
            with memoryview(self.unfinished) as whole:  # else it is copied twice
                message = bytes(whole[_PREFIX:end])
            del self.unfinished[:end]
            yield message


def _length(octets: bytes | bytearray, limit: int) -> int:
    if octets[0]:
        raise Failed(Status.UNIMPLEMENTED, "compressed messages are not served")
    length = int.from_bytes(octets[1:_PREFIX], "big")
    if length > limit:
        raise Failed(Status.RESOURCE_EXHAUSTED, f"message of {length} octets, at most {limit} are taken")
    return length
