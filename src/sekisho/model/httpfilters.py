"""Filters of HTTP routes: what is changed, copied or answered on the way."""

from typing import Annotated, Literal

from msgspec import Meta

from sekisho.model.fields import (
    DnsLabel,
    Group,
    HeaderName,
    HeaderValue,
    KindName,
    Model,
    ObjectName,
    PathText,
    Port,
    PreciseHostname,
)

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

CorsOrigin = Annotated[
    str,
    Meta(
        pattern=r"^(?:\*|https?://(?:(?:\*\.)?(?:[a-zA-Z0-9\-]+\.)*[a-zA-Z0-9-]+|\*)(?::[0-9]{1,5})?)\Z",
        min_length=1,
        max_length=253,
        extra={"expected": "`*`, or scheme, host and port such as `https://*.example.com:8443`"},
    ),
]
CorsMethod = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"]
AuthPath = Annotated[
    str,
    Meta(
        pattern=r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+\Z",
        max_length=1024,
        extra={"expected": "a URL path with other characters percent-encoded"},
    ),
]


class HttpHeader(Model, frozen=True, kw_only=True):
    """A header with its value."""

    name: Annotated[HeaderName, Meta(description="Header name; upper and lower case are the same.")]
    value: Annotated[HeaderValue, Meta(description="Header value.")]


class HeaderModifier(Model, frozen=True, kw_only=True):
    """Changes to headers."""

    set: Annotated[
        Annotated[tuple[HttpHeader, ...], Meta(max_length=16)], Meta(description="Headers to overwrite.")
    ] = ()
    add: Annotated[
        Annotated[tuple[HttpHeader, ...], Meta(max_length=16)],
        Meta(description="Values to append to headers."),
    ] = ()
    remove: Annotated[
        Annotated[tuple[str, ...], Meta(max_length=16)], Meta(description="Names of headers to remove.")
    ] = ()


class BackendObjectReference(Model, frozen=True, kw_only=True):
    """Something that answers requests; a Service unless said otherwise."""

    name: Annotated[ObjectName, Meta(description="Name.")]
    group: Annotated[Group, Meta(description="API group; empty for core.")] = ""
    kind: Annotated[KindName, Meta(description="Kind.")] = "Service"
    namespace: Annotated[
        DnsLabel | None, Meta(description="Namespace; another one needs a ReferenceGrant there.")
    ] = None
    port: Annotated[Port | None, Meta(description="Port of the Service.")] = None


class Fraction(Model, frozen=True, kw_only=True):
    """A share as numerator / denominator."""

    numerator: Annotated[Annotated[int, Meta(ge=0, le=2**31 - 1)], Meta(description="Counted requests.")]
    denominator: Annotated[
        Annotated[int, Meta(ge=1, le=2**31 - 1)], Meta(description="Out of this many.")
    ] = 100


class RequestMirror(Model, frozen=True, kw_only=True):
    """Sends a copy of requests to a second backend, whose answers are thrown away."""

    backend_ref: Annotated[BackendObjectReference, Meta(description="Who gets the copies.")]
    percent: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None,
        Meta(description="Share of requests to copy; all when left out."),
    ] = None
    fraction: Annotated[Fraction | None, Meta(description="Share of requests to copy, more finely.")] = None


class PathModifier(Model, frozen=True, kw_only=True):
    """A new path."""

    type: Annotated[
        Literal["ReplaceFullPath", "ReplacePrefixMatch"], Meta(description="What of the path is replaced.")
    ]
    replace_full_path: Annotated[PathText | None, Meta(description="The whole new path.")] = None
    replace_prefix_match: Annotated[
        PathText | None, Meta(description="What stands in for the prefix that matched.")
    ] = None


class RequestRedirect(Model, frozen=True, kw_only=True):
    """Answers with a redirect; what is left out stays as in the request."""

    scheme: Annotated[Literal["http", "https"] | None, Meta(description="New scheme.")] = None
    hostname: Annotated[PreciseHostname | None, Meta(description="New host.")] = None
    path: Annotated[PathModifier | None, Meta(description="New path.")] = None
    port: Annotated[Port | None, Meta(description="New port; by default that of the scheme.")] = None
    status_code: Annotated[Literal[301, 302, 303, 307, 308], Meta(description="Status of the answer.")] = 302


class UrlRewrite(Model, frozen=True, kw_only=True):
    """Changes host and path before the request goes on."""

    hostname: Annotated[PreciseHostname | None, Meta(description="New Host header.")] = None
    path: Annotated[PathModifier | None, Meta(description="New path.")] = None


class LocalObjectReference(Model, frozen=True, kw_only=True):
    """A resource of the same namespace."""

    group: Annotated[Group, Meta(description="API group.")]
    kind: Annotated[KindName, Meta(description="Kind.")]
    name: Annotated[ObjectName, Meta(description="Name.")]


class Cors(Model, frozen=True, kw_only=True):
    """Cross-origin rules, answered by the proxy."""

    allow_origins: Annotated[
        Annotated[tuple[CorsOrigin, ...], Meta(max_length=64)], Meta(description="Origins that may call.")
    ] = ()
    allow_methods: Annotated[
        Annotated[tuple[CorsMethod, ...], Meta(max_length=9)], Meta(description="Methods they may use.")
    ] = ()
    allow_headers: Annotated[
        Annotated[tuple[HeaderName, ...], Meta(max_length=64)], Meta(description="Headers they may send.")
    ] = ()
    expose_headers: Annotated[
        Annotated[tuple[HeaderName, ...], Meta(max_length=64)], Meta(description="Headers they may read.")
    ] = ()
    allow_credentials: Annotated[bool | None, Meta(description="Whether cookies may be sent.")] = None
    max_age: Annotated[
        Annotated[int, Meta(ge=1, le=2**31 - 1)],
        Meta(description="Seconds a browser may remember the answer."),
    ] = 5


class ForwardBody(Model, frozen=True, kw_only=True):
    """How much of the body is shown to the authorizer."""

    max_size: Annotated[int | None, Meta(description="Bytes at most; 0 for none.")] = None


class GrpcAuth(Model, frozen=True, kw_only=True):
    """What a gRPC authorizer is shown."""

    allowed_headers: Annotated[
        Annotated[tuple[str, ...], Meta(max_length=64)], Meta(description="Request headers it gets.")
    ] = ()


class HttpAuth(Model, frozen=True, kw_only=True):
    """How an HTTP authorizer is called."""

    path: Annotated[AuthPath | None, Meta(description="Prefix of the path it is called with.")] = None
    allowed_headers: Annotated[
        Annotated[tuple[str, ...], Meta(max_length=64)], Meta(description="Request headers it gets.")
    ] = ()
    allowed_response_headers: Annotated[
        Annotated[tuple[str, ...], Meta(max_length=64)],
        Meta(description="Its headers that go on to the backend."),
    ] = ()


class ExternalAuth(Model, frozen=True, kw_only=True):
    """Asks another service whether a request may pass."""

    protocol: Annotated[Literal["HTTP", "GRPC"], Meta(description="How the authorizer is asked.")]
    backend_ref: Annotated[BackendObjectReference, Meta(description="The authorizer.")]
    grpc: Annotated[GrpcAuth | None, Meta(description="Details for GRPC.")] = None
    http: Annotated[HttpAuth | None, Meta(description="Details for HTTP.")] = None
    forward_body: Annotated[ForwardBody | None, Meta(description="Whether it sees the body.")] = None


FilterType = Literal[
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestMirror",
    "RequestRedirect",
    "URLRewrite",
    "ExtensionRef",
    "CORS",
    "ExternalAuth",
]


class HttpRouteFilter(Model, frozen=True, kw_only=True):
    """One filter: a type, and the field of that type."""

    type: Annotated[FilterType, Meta(description="Which filter it is.")]
    request_header_modifier: Annotated[
        HeaderModifier | None, Meta(description="Changes request headers.")
    ] = None
    response_header_modifier: Annotated[
        HeaderModifier | None, Meta(description="Changes response headers.")
    ] = None
    request_mirror: Annotated[RequestMirror | None, Meta(description="Copies requests.")] = None
    request_redirect: Annotated[RequestRedirect | None, Meta(description="Answers with a redirect.")] = None
    url_rewrite: Annotated[UrlRewrite | None, Meta(description="Changes host or path.")] = None
    cors: Annotated[Cors | None, Meta(description="Cross-origin rules.")] = None
    external_auth: Annotated[ExternalAuth | None, Meta(description="Asks an authorizer.")] = None
    extension_ref: Annotated[LocalObjectReference | None, Meta(description="A filter of another kind.")] = (
        None
    )
