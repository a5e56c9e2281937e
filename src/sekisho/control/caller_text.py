"""Conditions on callers in words."""

from collections.abc import Iterator

from sekisho.ir.callers import Caller, Text


def peer_text(caller: Caller) -> str:
    """Who: identity, address, server name."""
    return "; ".join(_peer(caller)) or "everybody"


def request_text(caller: Caller) -> str:
    """What for: method, path, headers, claims; empty where it does not matter."""
    return "; ".join(_request(caller))


def _peer(caller: Caller) -> Iterator[str]:
    if caller.identities:
        yield " or ".join(_identity(one) for one in caller.identities)
    if caller.source_ranges:
        yield f"from {' or '.join(caller.source_ranges)}"
    if caller.server_names:
        yield f"SNI {' or '.join(caller.server_names)}"


def _request(caller: Caller) -> Iterator[str]:
    if caller.methods:
        yield " or ".join(caller.methods)
    if caller.paths:
        yield f"path {' or '.join(_path(one) for one in caller.paths)}"
    yield from (f"header {name} {_text(pattern)}" for name, pattern in caller.headers)
    yield from (f"claim {name} {_text(pattern)}" for name, pattern in caller.claims)


def _identity(pattern: Text) -> str:
    if pattern.kind == "present":
        return "any identity"
    return f"{pattern.value}/*" if pattern.kind == "prefix" else pattern.value


def _path(pattern: Text) -> str:
    if pattern.kind == "prefix":
        return f"{pattern.value.rstrip('/')}/*"
    return f"~{pattern.value}" if pattern.kind == "regex" else pattern.value


def _text(pattern: Text) -> str:
    match pattern.kind:
        case "exact":
            return f"= {pattern.value}"
        case "prefix":
            return f"= {pattern.value}…"
        case "suffix":
            return f"= …{pattern.value}"
        case "regex":
            return f"~ {pattern.value}"
        case "present":
            return "is there"
