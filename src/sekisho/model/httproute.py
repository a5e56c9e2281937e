"""HTTPRoute (`gateway.networking.k8s.io/v1`): which requests go where."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import (
    DnsSubdomain,
    Duration,
    HeaderName,
    HeaderValue,
    Hostname,
    Model,
    PathText,
)
from sekisho.model.httpfilters import HttpRouteFilter, Method
from sekisho.model.meta import Resource
from sekisho.model.routes import BackendRef, ParentReference

StringMatchType = Literal["Exact", "RegularExpression"]


class HttpPathMatch(Model, frozen=True, kw_only=True):
    """A condition on the path."""

    type: Annotated[
        Literal["Exact", "PathPrefix", "RegularExpression"],
        Meta(description="The whole path, whole leading segments, or RE2 on the whole path."),
    ] = "PathPrefix"
    value: Annotated[PathText, Meta(description="What the path is compared with.")] = "/"


class HttpHeaderMatch(Model, frozen=True, kw_only=True):
    """A condition on a header."""

    name: Annotated[HeaderName, Meta(description="Header name; upper and lower case are the same.")]
    value: Annotated[HeaderValue, Meta(description="What the value is compared with.")]
    type: Annotated[StringMatchType, Meta(description="Equal, or RE2 on the whole value.")] = "Exact"


class HttpQueryParamMatch(Model, frozen=True, kw_only=True):
    """A condition on a query parameter."""

    name: Annotated[HeaderName, Meta(description="Parameter name.")]
    value: Annotated[
        Annotated[str, Meta(min_length=1, max_length=1024)],
        Meta(description="What the value is compared with."),
    ]
    type: Annotated[StringMatchType, Meta(description="Equal, or RE2 on the whole value.")] = "Exact"


class HttpRouteMatch(Model, frozen=True, kw_only=True):
    """Conditions on a request; all must hold."""

    path: Annotated[HttpPathMatch, Meta(description="Condition on the path.")] = HttpPathMatch()
    headers: Annotated[
        Annotated[tuple[HttpHeaderMatch, ...], Meta(max_length=16)],
        Meta(description="Conditions on headers."),
    ] = ()
    query_params: Annotated[
        Annotated[tuple[HttpQueryParamMatch, ...], Meta(max_length=16)],
        Meta(description="Conditions on query parameters."),
    ] = ()
    method: Annotated[Method | None, Meta(description="Method; left out for any.")] = None


class HttpBackendRef(BackendRef, frozen=True, kw_only=True):
    """One of the backends of a rule, with filters."""

    filters: Annotated[
        Annotated[tuple[HttpRouteFilter, ...], Meta(max_length=16)],
        Meta(description="Filters for requests that go to this backend."),
    ] = ()


class HttpRouteTimeouts(Model, frozen=True, kw_only=True):
    """How long to wait. `0s` waits forever."""

    request: Annotated[Duration | None, Meta(description="For the whole answer, retries included.")] = None
    backend_request: Annotated[Duration | None, Meta(description="For each try.")] = None


class HttpRouteRetry(Model, frozen=True, kw_only=True):
    """When to try again."""

    attempts: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="How often to try again at most.")
    ] = None
    codes: Annotated[
        tuple[Annotated[int, Meta(ge=400, le=599)], ...],
        Meta(description="Status codes that are tried again."),
    ] = ()
    backoff: Annotated[Duration | None, Meta(description="Least wait before trying again.")] = None


class CookieConfig(Model, frozen=True, kw_only=True):
    """Details of a session cookie."""

    lifetime_type: Annotated[
        Literal["Permanent", "Session"], Meta(description="Whether it outlives the browser's session.")
    ] = "Session"


class SessionPersistence(Model, frozen=True, kw_only=True):
    """Keeps a caller with one instance."""

    session_name: Annotated[
        Annotated[str, Meta(max_length=128)] | None, Meta(description="Name of the cookie or header.")
    ] = None
    type: Annotated[Literal["Cookie", "Header"], Meta(description="What carries the session.")] = "Cookie"
    absolute_timeout: Annotated[Duration | None, Meta(description="Longest life of a session.")] = None
    cookie_config: Annotated[CookieConfig | None, Meta(description="Details of the cookie.")] = None


class HttpRouteRule(Model, frozen=True, kw_only=True):
    """Requests that match go through the filters to the backends."""

    name: Annotated[DnsSubdomain | None, Meta(description="Name, unique in the route.")] = None
    matches: Annotated[
        Annotated[tuple[HttpRouteMatch, ...], Meta(max_length=64)],
        Meta(description="Conditions, any of which is enough; left out for every request."),
    ] = (HttpRouteMatch(),)
    filters: Annotated[
        Annotated[tuple[HttpRouteFilter, ...], Meta(max_length=16)],
        Meta(description="What happens on the way."),
    ] = ()
    backend_refs: Annotated[
        Annotated[tuple[HttpBackendRef, ...], Meta(max_length=16)], Meta(description="Who answers.")
    ] = ()
    timeouts: Annotated[HttpRouteTimeouts | None, Meta(description="How long to wait.")] = None
    retry: Annotated[HttpRouteRetry | None, Meta(description="When to try again.")] = None
    session_persistence: Annotated[
        SessionPersistence | None, Meta(description="Keeps a caller with one instance. At Gateways only.")
    ] = None


class HttpRouteSpec(Model, frozen=True, kw_only=True):
    """Where a route is attached and what it does."""

    parent_refs: Annotated[
        Annotated[tuple[ParentReference, ...], Meta(max_length=32)], Meta(description="What it attaches to.")
    ] = ()
    hostnames: Annotated[
        Annotated[tuple[Hostname, ...], Meta(max_length=16)],
        Meta(description="Host names it is for; left out for all of the listener."),
    ] = ()
    rules: Annotated[
        Annotated[tuple[HttpRouteRule, ...], Meta(min_length=1, max_length=16)],
        Meta(description="Its rules; the most specific match wins."),
    ] = (HttpRouteRule(),)
    use_default_gateways: Annotated[
        Literal["All", "None"] | None,
        Meta(description="Whether it attaches to default Gateways as well."),
    ] = None


class HTTPRoute(Resource, frozen=True, kw_only=True):
    """Sends HTTP requests that match to backends."""

    spec: Annotated[HttpRouteSpec, Meta(description="Where it is attached and what it does.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None
