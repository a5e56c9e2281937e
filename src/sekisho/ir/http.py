"""Virtual hosts, routes, and what is done with a request."""

from dataclasses import dataclass
from typing import TypeAlias

from sekisho.model.names import Origin


@dataclass(frozen=True, slots=True)
class PathExact:
    value: str


@dataclass(frozen=True, slots=True)
class PathPrefix:
    """Whole segments: `/a` matches `/a` and `/a/b`, and leaves `/ab` alone. Never ends in `/` but for `/`."""

    value: str


@dataclass(frozen=True, slots=True)
class PathRegex:
    """RE2, on the whole path without the query."""

    value: str


PathMatch: TypeAlias = PathExact | PathPrefix | PathRegex


@dataclass(frozen=True, slots=True)
class StringMatch:
    """A header (lower-case name) or query parameter that must have this value, exactly or by RE2."""

    name: str
    value: str
    regex: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMatch:
    """All parts must hold."""

    path: PathMatch = PathPrefix("/")
    method: str = ""
    """`GET`…; empty for any."""
    headers: tuple[StringMatch, ...] = ()
    query: tuple[StringMatch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderEdits:
    """Changes to headers; names in lower case. Removal first, then set, then add."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplaceFullPath:
    value: str


@dataclass(frozen=True, slots=True)
class ReplacePrefix:
    """The matched prefix becomes this; joining never makes `//`."""

    value: str


PathRewrite: TypeAlias = ReplaceFullPath | ReplacePrefix


@dataclass(frozen=True, slots=True)
class HostRewrite:
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginMatch:
    """One allowed CORS origin: `https://a.b:1`, or with `*` for any run of characters; `*` alone for all."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Answered by the proxy (preflight) and added to responses."""

    origins: tuple[OriginMatch, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 5
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    attempts: int
    """Retries after the first try, ≥ 1."""
    codes: tuple[int, ...] = ()
    """Status codes that are retried; connection errors always are."""
    backoff_ms: int = 25
    """Least wait before the first retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A copy of some requests goes to this cluster; its answer is thrown away."""

    cluster: str
    numerator: int = 100
    denominator: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of the backends of a route."""

    cluster: str | None
    """A `Cluster.name`; None for a backend that cannot be resolved: its share is answered 500."""
    weight: int
    """> 0: shares of weight 0 are left out."""
    request_headers: HeaderEdits = HeaderEdits()
    response_headers: HeaderEdits = HeaderEdits()
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Send to one of the shares."""

    shares: tuple[Share, ...]
    """At least one."""
    path_rewrite: PathRewrite | None = None
    host_rewrite: HostRewrite | None = None
    request_timeout_ms: int | None = None
    """The whole request, retries included; None for the proxy's default (15 s), 0 for never."""
    backend_timeout_ms: int | None = None
    """Each try; None for no bound of its own."""
    retry: Retry | None = None
    mirrors: tuple[Mirror, ...] = ()
    websocket: bool = True
    """Upgrades are let through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Answer with a redirect; None keeps the request's own."""

    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    """None keeps none: the port is left out of `Location`."""
    path: PathRewrite | None = None
    status: int = 302


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """Answer at once."""

    status: int
    body: str = ""


Action: TypeAlias = Forward | Redirect | Respond


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Match and action. Routes are tried in order; the first match wins."""

    name: str
    """`<namespace>/<route>/<rule index or rule name>/<match index>`: unique in its virtual host."""
    match: RouteMatch
    action: Action
    request_headers: HeaderEdits = HeaderEdits()
    response_headers: HeaderEdits = HeaderEdits()
    cors: Cors | None = None
    origin: Origin
    """The rule (and match) that wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualHost:
    """All routes of one hostname of one route table, in order of precedence."""

    table: str
    """`Chain.table`."""
    hostname: str
    """Lower case: exact `shop.example.com`, wildcard `*.example.com`, or `*`."""
    routes: tuple[Route, ...]
    origins: tuple[Origin, ...] = ()
    """The resources that have a part in it, sorted: who is told when a proxy refuses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WildcardTable:
    """The virtual hosts of one table whose hostnames are wildcards: looked up only when no exact one is."""

    table: str
    hosts: tuple[VirtualHost, ...]
    """Sorted by hostname; the most specific wins."""
