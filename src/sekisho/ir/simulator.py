"""What a proxy would do with a call, worked out from the IR: listener, host, route, and what comes of it.

A model of Envoy's matching, for `sekisho explain` and for tests; a property test holds it equal to Envoy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, assert_never

import re2

from sekisho.ir.http import (
    Forward,
    HeaderEdits,
    Mirror,
    PathExact,
    PathMatch,
    PathPrefix,
    PathRegex,
    PathRewrite,
    Redirect,
    ReplaceFullPath,
    ReplacePrefix,
    Respond,
    Route,
    RouteMatch,
    Share,
    StringMatch,
    VirtualHost,
    WildcardTable,
)
from sekisho.ir.listener import Chain, Listener
from sekisho.ir.paths import normalized_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as its sender means it."""

    scheme: str = "http"
    host: str
    """Host header (or :authority), without a port."""
    port: int
    """The port connected to."""
    path: str = "/"
    """With the query, if any."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case; a name may stand more than once."""

    @property
    def server_name(self) -> str:
        """SNI: the host, as a client derives it from the URL."""
        return self.host.lower().rstrip(".")


class Plan(Protocol):
    """The IR of one proxy, looked up piece by piece."""

    def listeners(self) -> Iterable[Listener]:
        """All of them."""
        ...

    def virtual_host(self, table: str, hostname: str) -> VirtualHost | None:
        """The virtual host of an exact hostname."""
        ...

    def wildcard_table(self, table: str) -> WildcardTable | None:
        """The wildcard hosts of a table."""
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """No answer at all: the connection is refused or closed."""

    why: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The proxy answers itself."""

    status: int
    location: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The request goes to one of the shares, by weight."""

    shares: tuple[Share, ...]
    path: str
    host: str
    mirrors: tuple[Mirror, ...] = ()


Outcome: TypeAlias = Refused | Answered | Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome and, in order, what led to it; None from where the call did not get further."""

    listener: Listener | None = None
    chain: Chain | None = None
    host: VirtualHost | None = None
    route: Route | None = None
    outcome: Outcome


def simulate(plan: Plan, call: Call) -> Verdict:
    """What the proxy of this plan does with this call."""
    listener = _listener(plan, call)
    if listener is None:
        return Verdict(outcome=Refused(f"nothing listens on port {call.port}"))
    chain = _chain(listener, call)
    if chain is None:
        speaks = "plain HTTP" if call.scheme == "https" else "TLS"
        return Verdict(
            listener=listener, outcome=Refused(f"port {call.port} speaks {speaks}, or has no such name")
        )
    path, redirected = normalized_path(call.path)
    if redirected:
        return Verdict(
            listener=listener, chain=chain, outcome=Answered(307, location=path, why="the path is unescaped")
        )
    host = _host(plan, chain.table, call.server_name)
    if host is None:
        return Verdict(listener=listener, chain=chain, outcome=Answered(404, why="no such hostname"))
    route = next((route for route in host.routes if matches(route.match, call, path)), None)
    if route is None:
        return Verdict(
            listener=listener, chain=chain, host=host, outcome=Answered(404, why="no route matches")
        )
    return Verdict(
        listener=listener, chain=chain, host=host, route=route, outcome=_outcome(route, call, path, chain)
    )


def _listener(plan: Plan, call: Call) -> Listener | None:
    return next((listener for listener in plan.listeners() if listener.port == call.port), None)


def _chain(listener: Listener, call: Call) -> Chain | None:
    """Envoy prefers an exact server name, then the longest wildcard, then the chain without names."""
    best: tuple[int, Chain] | None = None
    for chain in listener.chains:
        if (chain.tls is not None) != (call.scheme == "https"):
            continue
        rank = max((_name_rank(name, call.server_name) for name in chain.server_names), default=1)
        if rank > 0 and (best is None or rank > best[0]):
            best = (rank, chain)
    return best[1] if best else None


def _name_rank(pattern: str, name: str) -> int:
    """0 for no match; the more specific, the higher."""
    if pattern == name:
        return 1 << 20
    if pattern.startswith("*.") and name.endswith(pattern[1:]) and len(name) > len(pattern) - 1:
        return len(pattern)
    return 1 if pattern == "*" else 0


def _host(plan: Plan, table: str, name: str) -> VirtualHost | None:
    if (exact := plan.virtual_host(table, name)) is not None:
        return exact
    wildcards = plan.wildcard_table(table)
    if wildcards is None:
        return None
    ranked = [(_name_rank(host.hostname, name), host) for host in wildcards.hosts]
    rank, host = max(ranked, key=lambda pair: pair[0], default=(0, None))
    return host if rank > 0 else None


def matches(match: RouteMatch, call: Call, path: str) -> bool:
    """Whether all parts of a match hold for a call whose path was normalised to `path`."""
    bare, _, query = path.partition("?")
    return (
        _path_matches(match.path, bare)
        and match.method in ("", call.method)
        and all(_value_matches(header, _header(call, header.name)) for header in match.headers)
        and all(_value_matches(one, _parameter(query, one.name)) for one in match.query)
    )


def _path_matches(match: PathMatch, path: str) -> bool:
    match match:
        case PathExact(value):
            return path == value
        case PathPrefix("/"):
            return True
        case PathPrefix(value):
            return path == value or path.startswith(value + "/")
        case PathRegex(value):
            return re2.fullmatch(value, path) is not None
        case _ as never:
            assert_never(never)


def _header(call: Call, name: str) -> str | None:
    """Envoy joins repeated headers with commas before it matches."""
    if name == "host":
        return call.host
    values = [value for header, value in call.headers if header == name]
    return ",".join(values) if values else None


def _parameter(query: str, name: str) -> str | None:
    """The first of that name, as it stands in the URL."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name and pair:
            return value
    return None


def _value_matches(match: StringMatch, value: str | None) -> bool:
    if value is None:
        return False
    return re2.fullmatch(match.value, value) is not None if match.regex else value == match.value


def _outcome(route: Route, call: Call, path: str, chain: Chain) -> Outcome:
    match route.action:
        case Respond(status=status):
            return Answered(status, why="answered by the route")
        case Redirect() as redirect:
            return Answered(redirect.status, location=_location(redirect, route, call, path, chain))
        case Forward() as forward:
            host = forward.host_rewrite.value if forward.host_rewrite else call.host
            rewritten = _rewritten(forward.path_rewrite, route.match.path, path)
            return Sent(forward.shares, rewritten, host, forward.mirrors)
        case _ as never:
            assert_never(never)


def _location(redirect: Redirect, route: Route, call: Call, path: str, chain: Chain) -> str:
    scheme = redirect.scheme or ("https" if chain.tls else "http")
    port = f":{redirect.port}" if redirect.port else ""
    return f"{scheme}://{redirect.host or call.host}{port}{_rewritten(redirect.path, route.match.path, path)}"


def _rewritten(rewrite: PathRewrite | None, match: PathMatch, path: str) -> str:
    bare, mark, query = path.partition("?")
    match rewrite:
        case None:
            return path
        case ReplaceFullPath(value):
            return value + mark + query
        case ReplacePrefix(value):
            prefix = match.value if isinstance(match, PathPrefix) else ""
            rest = bare if prefix == "/" else bare[len(prefix) :]
            return (value.rstrip("/") + rest or "/") + mark + query
        case _ as never:
            assert_never(never)


def edited(headers: Iterable[tuple[str, str]], edits: HeaderEdits) -> list[tuple[str, str]]:
    """Headers after edits: removed, then set, then added."""
    fixed = {*edits.remove, *(name for name, _ in edits.set)}
    return [*(pair for pair in headers if pair[0] not in fixed), *edits.set, *edits.add]
