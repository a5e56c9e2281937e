"""TLSRoute, TCPRoute and UDPRoute (`gateway.networking.k8s.io/v1`): where bytes go that nobody looks into."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from sekisho.model.fields import DnsSubdomain, Hostname, Model
from sekisho.model.meta import Resource
from sekisho.model.routes import BackendRef, ParentReference

_Parents = Annotated[
    Annotated[tuple[ParentReference, ...], Meta(max_length=32)], Meta(description="What it attaches to.")
]
_UseDefaultGateways = Annotated[
    Literal["All", "None"] | None,
    Meta(description="Whether it attaches to default Gateways as well."),
]
_Status = Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")]


class ByteRule(Model, frozen=True, kw_only=True):
    """Where bytes go."""

    backend_refs: Annotated[
        Annotated[tuple[BackendRef, ...], Meta(min_length=1, max_length=16)],
        Meta(description="Who gets the bytes, by weight."),
    ]
    name: Annotated[DnsSubdomain | None, Meta(description="Name.")] = None


class TlsRouteRule(ByteRule, frozen=True, kw_only=True):
    """TLS connections go to the backends."""


class TlsRouteSpec(Model, frozen=True, kw_only=True):
    """Where a TLSRoute is attached and what it does."""

    hostnames: Annotated[
        Annotated[tuple[Hostname, ...], Meta(min_length=1, max_length=1024)],
        Meta(description="Server names (SNI) it is for."),
    ]
    rules: Annotated[
        Annotated[tuple[TlsRouteRule, ...], Meta(min_length=1, max_length=1)], Meta(description="Its rule.")
    ]
    parent_refs: _Parents = ()
    use_default_gateways: _UseDefaultGateways = None


class TLSRoute(Resource, frozen=True, kw_only=True):
    """Sends TLS connections to backends by the server name asked for."""

    spec: Annotated[TlsRouteSpec, Meta(description="Where it is attached and what it does.")]
    status: _Status = None


class TcpRouteRule(ByteRule, frozen=True, kw_only=True):
    """Connections go to the backends."""


class TcpRouteSpec(Model, frozen=True, kw_only=True):
    """Where a TCPRoute is attached and what it does."""

    rules: Annotated[
        Annotated[tuple[TcpRouteRule, ...], Meta(min_length=1, max_length=1)], Meta(description="Its rule.")
    ]
    parent_refs: _Parents = ()
    use_default_gateways: _UseDefaultGateways = None


class TCPRoute(Resource, frozen=True, kw_only=True):
    """Sends connections to backends."""

    spec: Annotated[TcpRouteSpec, Meta(description="Where it is attached and what it does.")]
    status: _Status = None


class UdpRouteRule(ByteRule, frozen=True, kw_only=True):
    """Datagrams go to the backends, all of one caller's to the same."""


class UdpRouteSpec(Model, frozen=True, kw_only=True):
    """Where a UDPRoute is attached and what it does."""

    rules: Annotated[
        Annotated[tuple[UdpRouteRule, ...], Meta(min_length=1, max_length=1)], Meta(description="Its rule.")
    ]
    parent_refs: _Parents = ()
    use_default_gateways: _UseDefaultGateways = None


class UDPRoute(Resource, frozen=True, kw_only=True):
    """Sends datagrams to backends."""

    spec: Annotated[UdpRouteSpec, Meta(description="Where it is attached and what it does.")]
    status: _Status = None


ByteRoute: TypeAlias = TLSRoute | TCPRoute | UDPRoute
