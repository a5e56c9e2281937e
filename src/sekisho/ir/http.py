"""Virtual hosts, routes, and what is done with a request."""

from typing import TypeAlias

from msgspec import Struct

from sekisho.ir.authorizers import Authorizer
from sekisho.ir.callers import Permissions
from sekisho.ir.listener import PolicyFilters
from sekisho.ir.sessions import Session
from sekisho.ir.traffic import Fault, HashPolicy, RateLimit
from sekisho.model.names import Origin


class PathExact(Struct, frozen=True, gc=False):
    value: str


class PathPrefix(Struct, frozen=True, gc=False):
    """Whole segments: `/a` matches `/a` and `/a/b`, and leaves `/ab` alone. Never ends in `/` but for `/`."""

    value: str


class PathRegex(Struct, frozen=True, gc=False):
    """RE2, on the whole path without the query."""

    value: str


PathMatch: TypeAlias = PathExact | PathPrefix | PathRegex


class StringMatch(Struct, frozen=True, gc=False):
    """A header (lower-case name) or query parameter that must have this value, exactly or by RE2."""

    name: str
    value: str
    regex: bool = False


class RouteMatch(Struct, frozen=True, kw_only=True, gc=False):
    """All parts must hold."""

    path: PathMatch = PathPrefix("/")
    method: str = ""
    """`GET`…; empty for any."""
    headers: tuple[StringMatch, ...] = ()
    query: tuple[StringMatch, ...] = ()
    grpc: bool = False
    """Only gRPC calls: requests whose content type says so."""


class HeaderEdits(Struct, frozen=True, kw_only=True, gc=False):
    """Changes to headers; names in lower case. Removal first, then set, then add."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


class ReplaceFullPath(Struct, frozen=True, gc=False):
    value: str


class ReplacePrefix(Struct, frozen=True, gc=False):
    """The matched prefix becomes this; joining never makes `//`."""

    value: str


PathRewrite: TypeAlias = ReplaceFullPath | ReplacePrefix


class HostRewrite(Struct, frozen=True, gc=False):
    value: str


class OriginMatch(Struct, frozen=True, kw_only=True, gc=False):
    """One allowed CORS origin: `https://a.b:1`, or with `*` for any run of characters; `*` alone for all."""

    value: str


class Cors(Struct, frozen=True, kw_only=True, gc=False):
    """Answered by the proxy (preflight) and added to responses."""

    origins: tuple[OriginMatch, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 5
    """Seconds."""


class Retry(Struct, frozen=True, kw_only=True, gc=False):
    attempts: int
    """Retries after the first try, ≥ 1."""
    codes: tuple[int, ...] = ()
    """Status codes that are retried."""
    connection_errors: bool = True
    """Whether requests are retried whose connection failed or was reset, whatever `on` says."""
    backoff_ms: int = 25
    """Least wait before the first retry."""
    backoff_max_ms: int | None = None
    """Longest wait; None for ten times the least."""
    on: tuple[str, ...] = ()
    """Further conditions by Envoy's names (`x-envoy-retry-on`, `x-envoy-retry-grpc-on`)."""
    reset_headers: tuple[tuple[str, str], ...] = ()
    """Response header and format (`SECONDS`, `UNIX_TIMESTAMP`) that say when to try again."""
    reset_max_ms: int = 300_000
    response_headers: tuple[StringMatch, ...] = ()
    """Answers with one of these headers are retried."""
    request_headers: tuple[StringMatch, ...] = ()
    """Only requests with one of these headers are retried; empty for all."""
    omit_previous_hosts: bool = True
    """A retry goes to an endpoint that was not tried, while there is one."""
    omit_previous_priorities: int = 0
    """After how many tries the priorities tried are left out; 0 for never."""
    host_attempts: int = 16
    """How often an endpoint is picked anew, at most, because the one picked was tried before.

    One that is dead has the fewest requests of all: of two, it is picked three times out of four."""


class Mirror(Struct, frozen=True, kw_only=True, gc=False):
    """A copy of some requests goes to this cluster; its answer is thrown away."""

    cluster: str
    numerator: int = 100
    denominator: int = 100


class Share(Struct, frozen=True, kw_only=True, gc=False):
    """One of the backends of a route."""

    cluster: str | None
    """A `Cluster.name`; None for a backend that cannot be resolved (`Forward.unresolved_status`)."""
    weight: int
    """> 0: shares of weight 0 are left out."""
    request_headers: HeaderEdits = HeaderEdits()
    response_headers: HeaderEdits = HeaderEdits()
    has_retry_budget: bool = False
    """Callers at a Gateway are answered 503 where only its `RetryBudget` keeps it from being tried again."""
    origin: Origin


class Forward(Struct, frozen=True, kw_only=True, gc=False):
    """Send to one of the shares."""

    shares: tuple[Share, ...]
    """At least one."""
    path_rewrite: PathRewrite | None = None
    host_rewrite: HostRewrite | None = None
    host_of_server: bool = False
    """Without `host_rewrite`: servers that have a host name (`Host.address`) are asked by it."""
    request_timeout_ms: int | None = None
    """The whole request, retries included; None for the proxy's default (15 s), 0 for never."""
    backend_timeout_ms: int | None = None
    """Each try; None for no bound of its own."""
    retry: Retry | None = None
    mirrors: tuple[Mirror, ...] = ()
    stream_idle_ms: int | None = None
    """Longest pause in a stream; None for the proxy's default, 0 for never."""
    max_stream_ms: int | None = None
    hash_policies: tuple[HashPolicy, ...] = ()
    session: Session | None = None
    unresolved_status: int = 500
    """What is answered in the place of shares without cluster."""
    websocket: bool = True
    """Upgrades are let through."""


class Redirect(Struct, frozen=True, kw_only=True, gc=False):
    """Answer with a redirect; None keeps the request's own."""

    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    """None keeps none: the port is left out of `Location`."""
    path: PathRewrite | None = None
    status: int = 302


class Respond(Struct, frozen=True, kw_only=True, gc=False):
    """Answer at once."""

    status: int
    body: str = ""


Action: TypeAlias = Forward | Redirect | Respond


class Treatment(Struct, frozen=True, kw_only=True, gc=False):
    """What becomes of a request at a Gateway before it is sent on."""

    permissions: Permissions | None = None
    """Who may call; None for everybody."""
    faults: tuple[Fault, ...] = ()
    rate_limit: RateLimit | None = None
    """A bucket of its own for each hostname, and for each route that says something else than its host."""


class Route(Struct, frozen=True, kw_only=True, gc=False):
    """Match and action. Routes are tried in order; the first match wins."""

    name: str
    """`<namespace>/<route>/<rule index or rule name>/<match index>`: unique in its virtual host."""
    match: RouteMatch
    action: Action
    request_headers: HeaderEdits = HeaderEdits()
    response_headers: HeaderEdits = HeaderEdits()
    cors: Cors | None = None
    treatment: Treatment | None = None
    """None for that of the host."""
    authorizer: Authorizer | None = None
    """Who is asked after permissions; None for nobody."""
    origin: Origin
    """The rule (and match) that wrote it."""


class VirtualHost(Struct, frozen=True, kw_only=True, gc=False):
    """All routes of one hostname of one route table, in order of precedence."""

    table: str
    """`Chain.table`."""
    hostname: str
    """Lower case: exact `shop.example.com`, wildcard `*.example.com`, or `*`."""
    server_name: str = ""
    """The server name, as its chain has it, by which requests must have come: others are misdirected and
    answered 421 (RFC 9110, 15.5.20). Empty where there is but one chain."""
    routes: tuple[Route, ...]
    origins: tuple[Origin, ...] = ()
    """The resources that have a part in it, sorted: who is told when a proxy refuses it."""
    treatment: Treatment = Treatment()
    filters: PolicyFilters = PolicyFilters()
    """`Listener.filters`: what is there and not needed by this host is left out for it."""


class WildcardTable(Struct, frozen=True, kw_only=True, gc=False):
    """The virtual hosts of one table whose hostnames are wildcards: looked up only when no exact one is."""

    table: str
    hosts: tuple[VirtualHost, ...]
    """Sorted by hostname; the most specific wins."""
