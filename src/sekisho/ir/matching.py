"""Which filter chain, virtual host and route a call meets, by Envoy's rules."""

from collections.abc import Iterable
from typing import assert_never

from sekisho.ir.calls import Call
from sekisho.ir.http import PathExact, PathMatch, PathPrefix, PathRegex, RouteMatch, StringMatch, VirtualHost
from sekisho.ir.listener import Chain, Listener
from sekisho.ir.texts import covers_segments, regex_matches
from sekisho.kit import hostnames

_JOINED = frozenset({
    "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method",
    "access-control-request-private-network", "authorization", "cache-control", "content-encoding",
    "content-type", "grpc-timeout", "if-match", "if-modified-since", "if-none-match", "if-range", "origin",
    "pragma", "referer", "user-agent", "via", "x-forwarded-host",
})  # fmt: skip
"""Headers that Envoy keeps as one, its inline headers: repeated ones are joined by commas as they arrive.

Seen on Envoy 1.40. Those it writes itself (`x-forwarded-for`, `x-request-id`, `te`) are not modelled.
"""


_GRPC = "application/grpc"


def chain_of(listener: Listener, call: Call) -> Chain | None:
    """The chain of a connection: exact server name, then the longest wildcard, then the one without names."""
    candidates = [
        (hostnames.specificity(name), chain)
        for chain in listener.chains
        if (chain.tls is not None or bool(chain.server_names)) == (call.scheme == "https")
        for name in chain.server_names or (hostnames.EVERY,)
        if hostnames.matches(name, call.sni)
    ]
    return max(candidates, key=lambda found: found[0])[1] if candidates else None


def most_specific(hosts: Iterable[VirtualHost], hostname: str) -> VirtualHost | None:
    """Of the wildcard hosts that cover a hostname, the longest."""
    covering = [host for host in hosts if hostnames.matches(host.hostname, hostname)]
    return max(covering, key=lambda host: hostnames.specificity(host.hostname), default=None)


def matches(match: RouteMatch, call: Call, path: str) -> bool:
    """Whether all parts of a match hold for a call whose path was normalised to `path`."""
    bare, _, query = path.partition("?")
    return (
        _path_matches(match.path, bare)
        and match.method in ("", call.method)
        and (not match.grpc or is_grpc(call))
        and all(_any_matches(one, matched_values(call, one.name)) for one in match.headers)
        and all(_any_matches(one, _parameter(query, one.name)) for one in match.query)
    )


def is_grpc(call: Call) -> bool:
    """Whether a request is a gRPC call: by its content type (gRPC over HTTP/2, Content-Type)."""
    said = header(call, "content-type") or ""
    return said == _GRPC or said.startswith((f"{_GRPC}+", f"{_GRPC};"))


def header(call: Call, name: str) -> str | None:
    """All values of a header, joined by commas as RFC 9110 allows; None when there is none."""
    values = _all(call, name)
    return ",".join(values) if values else None


def matched_values(call: Call, name: str) -> tuple[str, ...]:
    """What a condition on a header looks at, one by one: each line of its own, or all as one where Envoy has
    joined them; none when there is no such header."""
    if name == "host":
        return (call.authority,)
    values = _all(call, name)
    return (",".join(values),) if values and name in _JOINED else values


def _all(call: Call, name: str) -> tuple[str, ...]:
    return tuple(value for key, value in call.headers if key == name)


def _path_matches(match: PathMatch, path: str) -> bool:
    match match:
        case PathExact(value):
            return path == value
        case PathPrefix(value):
            return covers_segments(value, path)
        case PathRegex(value):
            return regex_matches(value, path)
        case _ as never:
            assert_never(never)


def _parameter(query: str, name: str) -> tuple[str, ...]:
    """The first of that name, as it stands in the URL."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name and pair:
            return (value,)
    return ()


def _any_matches(match: StringMatch, values: Iterable[str]) -> bool:
    if match.regex:
        return any(regex_matches(match.value, value) for value in values)
    return match.value in values
