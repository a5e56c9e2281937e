"""Splices serialised resources into delta responses, so that a resource is framed once for all proxies.

Field numbers are those of `envoy.service.discovery.v3.DeltaDiscoveryResponse`, its `Resource`, and
`google.protobuf.Any`. A test holds the result equal to what the protobuf library writes.
"""

from collections.abc import Iterable
from functools import lru_cache

_LENGTH_DELIMITED = 2
_LOW, _MORE = 0x7F, 0x80


def varint(number: int) -> bytes:
    """Base-128, least significant group first (Protocol Buffers encoding guide)."""
    if number <= _LOW:
        return bytes((number,))
    groups = bytearray()
    while number > _LOW:
        groups.append(number & _LOW | _MORE)
        number >>= 7
    groups.append(number)
    return bytes(groups)


@lru_cache(maxsize=4_096)
def _opening(number: int, size: int) -> bytes:
    """Tag and length of a length-delimited field: remembered, as a head has four, of few sizes."""
    return varint(number << 3 | _LENGTH_DELIMITED) + varint(size)


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field: string, bytes or sub-message."""
    return _opening(number, len(payload)) + payload


@lru_cache(maxsize=64)
def _type_url(type_url: str) -> bytes:
    return field(1, type_url.encode())


def resource_head(type_url: str, name: str, version: str, size: int) -> bytes:
    """What comes before a body of `size` octets in its entry of `DeltaDiscoveryResponse.resources`.

    The name comes before the resource, though its number is higher: so nothing comes after the body, which
    need not be copied then.
    """
    packed = _type_url(type_url) + _opening(2, size)
    inner = field(1, version.encode()) + field(3, name.encode()) + _opening(2, len(packed) + size) + packed
    return _opening(2, len(inner) + size) + inner


def delta_response(
    type_url: str, nonce: str, system_version: str, entries: Iterable[bytes], removed: Iterable[str]
) -> bytes:
    """A whole `DeltaDiscoveryResponse` around entries: what `resource_head` makes, and bodies."""
    parts = [field(1, system_version.encode()), *entries]
    parts += (field(4, type_url.encode()), field(5, nonce.encode()))
    parts += (field(6, name.encode()) for name in removed)
    return b"".join(parts)


def acknowledgement(type_url: str, nonce: str) -> bytes:
    """The `DeltaDiscoveryRequest` that accepts a response and asks for nothing."""
    return field(2, type_url.encode()) + field(6, nonce.encode())


def length_prefixed(message: bytes) -> bytes:
    """A gRPC Length-Prefixed-Message without compression (gRPC over HTTP/2, "Requests")."""
    return b"\0" + len(message).to_bytes(4, "big") + message
