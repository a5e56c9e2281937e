"""GRPCRoute (`gateway.networking.k8s.io/v1`): which gRPC calls go where."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import DnsSubdomain, HeaderName, Hostname, Model
from sekisho.model.httpfilters import HeaderModifier, LocalObjectReference, RequestMirror
from sekisho.model.httproute import SessionPersistence, StringMatchType
from sekisho.model.meta import Resource
from sekisho.model.routes import BackendRef, ParentReference

GrpcFilterType = Literal["ResponseHeaderModifier", "RequestHeaderModifier", "RequestMirror", "ExtensionRef"]
_MethodText = Annotated[str, Meta(max_length=1024)]


class GrpcMethodMatch(Model, frozen=True, kw_only=True):
    """A condition on what is called."""

    type: Annotated[
        StringMatchType, Meta(description="Equal, or RE2 on the whole service and the whole method.")
    ] = "Exact"
    service: Annotated[
        _MethodText | None, Meta(description="Service with its package; left out for any.")
    ] = None
    method: Annotated[_MethodText | None, Meta(description="Method; left out for any.")] = None


class GrpcHeaderMatch(Model, frozen=True, kw_only=True):
    """A condition on the metadata of a call."""

    name: Annotated[HeaderName, Meta(description="Header name; upper and lower case are the same.")]
    value: Annotated[
        Annotated[str, Meta(min_length=1, max_length=4096)],
        Meta(description="What the value is compared with."),
    ]
    type: Annotated[StringMatchType, Meta(description="Equal, or RE2 on the whole value.")] = "Exact"


class GrpcRouteMatch(Model, frozen=True, kw_only=True):
    """Conditions on a call; all must hold."""

    method: Annotated[
        GrpcMethodMatch | None, Meta(description="Condition on service and method; left out for all.")
    ] = None
    headers: Annotated[
        Annotated[tuple[GrpcHeaderMatch, ...], Meta(max_length=16)],
        Meta(description="Conditions on headers."),
    ] = ()


class GrpcRouteFilter(Model, frozen=True, kw_only=True):
    """One filter of calls: a type, and the field of that type."""

    type: Annotated[GrpcFilterType, Meta(description="Which filter it is.")]
    request_header_modifier: Annotated[
        HeaderModifier | None, Meta(description="Changes request headers.")
    ] = None
    response_header_modifier: Annotated[
        HeaderModifier | None, Meta(description="Changes response headers.")
    ] = None
    request_mirror: Annotated[RequestMirror | None, Meta(description="Copies calls.")] = None
    extension_ref: Annotated[LocalObjectReference | None, Meta(description="A filter of another kind.")] = (
        None
    )


class GrpcBackendRef(BackendRef, frozen=True, kw_only=True):
    """One of the backends of a rule for calls."""

    filters: Annotated[
        Annotated[tuple[GrpcRouteFilter, ...], Meta(max_length=16)],
        Meta(description="Filters for calls that go to this backend."),
    ] = ()


class GrpcRouteRule(Model, frozen=True, kw_only=True):
    """Calls that match go through the filters to the backends."""

    name: Annotated[DnsSubdomain | None, Meta(description="Name, unique in the route.")] = None
    matches: Annotated[
        Annotated[tuple[GrpcRouteMatch, ...], Meta(max_length=64)],
        Meta(description="Conditions, any of which is enough; left out for every call."),
    ] = ()
    filters: Annotated[
        Annotated[tuple[GrpcRouteFilter, ...], Meta(max_length=16)],
        Meta(description="What happens on the way."),
    ] = ()
    backend_refs: Annotated[
        Annotated[tuple[GrpcBackendRef, ...], Meta(max_length=16)], Meta(description="Who answers.")
    ] = ()
    session_persistence: Annotated[
        SessionPersistence | None, Meta(description="Keeps a caller with one instance. At Gateways only.")
    ] = None


class GrpcRouteSpec(Model, frozen=True, kw_only=True):
    """Where a GRPCRoute is attached and what it does."""

    parent_refs: Annotated[
        Annotated[tuple[ParentReference, ...], Meta(max_length=32)], Meta(description="What it attaches to.")
    ] = ()
    hostnames: Annotated[
        Annotated[tuple[Hostname, ...], Meta(max_length=16)],
        Meta(description="Host names it is for; left out for all of the listener."),
    ] = ()
    rules: Annotated[
        Annotated[tuple[GrpcRouteRule, ...], Meta(max_length=16)],
        Meta(description="Its rules; the most specific match wins."),
    ] = ()
    use_default_gateways: Annotated[
        Literal["All", "None"] | None,
        Meta(description="Whether it attaches to default Gateways as well."),
    ] = None


class GRPCRoute(Resource, frozen=True, kw_only=True):
    """Sends gRPC calls that match to backends."""

    spec: Annotated[GrpcRouteSpec, Meta(description="Where it is attached and what it does.")] = (
        GrpcRouteSpec()
    )
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None
