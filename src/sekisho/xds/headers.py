"""Which HTTP/2 request headers are well formed (RFC 9113 sections 8.2 and 8.3)."""

from collections.abc import Mapping, Sequence

Field = tuple[bytes, bytes]

_PSEUDO = frozenset({b":method", b":scheme", b":path", b":authority"})
_REQUIRED = frozenset({b":method", b":scheme", b":path"})
_CONNECTION_SPECIFIC = frozenset(
    {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
)
_NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_NOT_IN_VALUE = b"\0\r\n"


def problem(fields: Sequence[Field], *, trailers: bool = False) -> str:
    """What makes the request (or its trailers) malformed; empty when nothing does."""
    seen: dict[bytes, bytes] = {}
    regular = False
    for name, value in fields:
        if name[:1] == b":":
            if trailers or regular or name not in _PSEUDO or name in seen:
                return "misplaced, unknown or repeated pseudo-header"
            seen[name] = value
            continue
        regular = True
        if found := _regular_problem(name, value):
            return found
    return "" if trailers else _pseudo_problem(seen)


def _regular_problem(name: bytes, value: bytes) -> str:
    if not name or not _NAME.issuperset(name):
        return "header name with characters that are not allowed"
    if any(octet in value for octet in _NOT_IN_VALUE) or value != value.strip(b" \t"):
        return "header value with characters that are not allowed"
    if name in _CONNECTION_SPECIFIC or (name == b"te" and value != b"trailers"):
        return "connection-specific header"
    return ""


def _pseudo_problem(seen: Mapping[bytes, bytes]) -> str:
    if seen.get(b":method") == b"CONNECT":
        return (
            "" if b":authority" in seen and seen.keys().isdisjoint({b":scheme", b":path"}) else "bad CONNECT"
        )
    if not _REQUIRED.issubset(seen) or not seen[b":path"]:
        return "missing pseudo-header"
    return ""
