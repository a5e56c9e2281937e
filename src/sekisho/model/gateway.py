"""GatewayClass and Gateway (`gateway.networking.k8s.io/v1`): open sockets, and who may attach routes."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import (
    DnsLabel,
    DnsSubdomain,
    Group,
    Hostname,
    KindName,
    LabelValue,
    Model,
    ObjectName,
    Port,
)
from sekisho.model.meta import LabelSelector, Resource

GATEWAY_GROUP = "gateway.networking.k8s.io"

_DOMAIN_PATH = (
    r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
)
ControllerName = Annotated[
    str,
    Meta(
        pattern=rf"^{_DOMAIN_PATH}\Z",
        min_length=1,
        max_length=253,
        extra={"expected": "a domain and a path such as `sekisho.dev/gateway-controller`"},
    ),
]
AddressType = Annotated[
    str,
    Meta(
        pattern=rf"^(?:Hostname|IPAddress|NamedAddress|{_DOMAIN_PATH})\Z",
        min_length=1,
        max_length=253,
        extra={"expected": "`IPAddress`, `Hostname`, `NamedAddress`, or a domain and a path"},
    ),
]
ListenerProtocol = Annotated[
    str,
    Meta(
        pattern=r"^(?:[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
        r"|[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9]+)\Z",
        min_length=1,
        max_length=255,
        extra={"expected": "`HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or a domain and a name"},
    ),
]
PROTOCOLS = ("HTTP", "HTTPS", "TLS", "TCP", "UDP")
"""Those of the Gateway API, all served; names of others have a domain before them."""
LongText = Annotated[str, Meta(max_length=4096)]


class ParametersReference(Model, frozen=True, kw_only=True):
    """A resource with further settings."""

    group: Annotated[Group, Meta(description="API group.")]
    kind: Annotated[KindName, Meta(description="Kind.")]
    name: Annotated[ObjectName, Meta(description="Name.")]
    namespace: Annotated[DnsLabel | None, Meta(description="Namespace, for namespaced kinds.")] = None


class GatewayClassSpec(Model, frozen=True, kw_only=True):
    """Who serves Gateways of this class, and in which role."""

    controller_name: Annotated[
        ControllerName, Meta(description="The controller that serves it. Never changes.")
    ]
    parameters_ref: Annotated[ParametersReference | None, Meta(description="Settings of the controller.")] = (
        None
    )
    description: Annotated[
        Annotated[str, Meta(max_length=64)] | None, Meta(description="A line for people.")
    ] = None


class GatewayClass(Resource, frozen=True, kw_only=True):
    """A kind of Gateway one can ask for."""

    spec: Annotated[GatewayClassSpec, Meta(description="Who serves it.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None


class LocalParametersReference(Model, frozen=True, kw_only=True):
    """A resource of the same namespace with further settings."""

    group: Annotated[Group, Meta(description="API group.")]
    kind: Annotated[KindName, Meta(description="Kind.")]
    name: Annotated[ObjectName, Meta(description="Name.")]


class GatewayInfrastructure(Model, frozen=True, kw_only=True):
    """What is put on everything made for a Gateway."""

    labels: Annotated[
        Annotated[dict[str, LabelValue], Meta(max_length=8)], Meta(description="Labels to put on it.")
    ] = field(default_factory=dict)
    annotations: Annotated[
        Annotated[dict[str, LongText], Meta(max_length=16)], Meta(description="Annotations to put on it.")
    ] = field(default_factory=dict)
    parameters_ref: Annotated[
        LocalParametersReference | None, Meta(description="Settings of the controller.")
    ] = None


class GatewayAddress(Model, frozen=True, kw_only=True):
    """An address wanted for a Gateway."""

    type: Annotated[AddressType, Meta(description="Kind of address.")] = "IPAddress"
    value: Annotated[
        Annotated[str, Meta(max_length=253)] | None, Meta(description="The address; left out for any.")
    ] = None


class SecretReference(Model, frozen=True, kw_only=True):
    """A Secret, or something like it."""

    name: Annotated[ObjectName, Meta(description="Name.")]
    group: Annotated[Group, Meta(description="API group; empty for core.")] = ""
    kind: Annotated[KindName, Meta(description="Kind.")] = "Secret"
    namespace: Annotated[
        DnsLabel | None, Meta(description="Namespace; another one needs a ReferenceGrant there.")
    ] = None


class ObjectReference(Model, frozen=True, kw_only=True):
    """Any resource."""

    group: Annotated[Group, Meta(description="API group; empty for core.")]
    kind: Annotated[KindName, Meta(description="Kind.")]
    name: Annotated[ObjectName, Meta(description="Name.")]
    namespace: Annotated[
        DnsLabel | None, Meta(description="Namespace; another one needs a ReferenceGrant there.")
    ] = None


class ListenerTls(Model, frozen=True, kw_only=True):
    """What happens with TLS on a listener."""

    mode: Annotated[
        Literal["Terminate", "Passthrough"],
        Meta(description="Whether TLS ends here or goes on to the backend."),
    ] = "Terminate"
    certificate_refs: Annotated[
        Annotated[tuple[SecretReference, ...], Meta(max_length=64)],
        Meta(description="Secrets with certificate and key."),
    ] = ()
    options: Annotated[
        Annotated[dict[str, LongText], Meta(max_length=16)],
        Meta(description="Settings of the implementation."),
    ] = field(default_factory=dict)


class RouteNamespaces(Model, frozen=True, kw_only=True):
    """Namespaces whose routes may attach."""

    from_: Annotated[
        Literal["All", "Selector", "Same"], Meta(description="All, those selected, or the Gateway's own.")
    ] = field(default="Same", name="from")
    selector: Annotated[LabelSelector | None, Meta(description="Picks namespaces when from is Selector.")] = (
        None
    )


class RouteGroupKind(Model, frozen=True, kw_only=True):
    """A kind of route."""

    kind: Annotated[KindName, Meta(description="Kind of route.")]
    group: Annotated[Group, Meta(description="API group.")] = GATEWAY_GROUP


class AllowedRoutes(Model, frozen=True, kw_only=True):
    """Which routes may attach to a listener."""

    namespaces: Annotated[RouteNamespaces, Meta(description="Namespaces they may come from.")] = (
        RouteNamespaces()
    )
    kinds: Annotated[
        Annotated[tuple[RouteGroupKind, ...], Meta(max_length=8)],
        Meta(description="Kinds of routes; left out for all that fit the protocol."),
    ] = ()


class Listener(Model, frozen=True, kw_only=True):
    """One door of a Gateway: port, protocol and host name."""

    name: Annotated[
        DnsSubdomain, Meta(description="Name, unique in the Gateway; routes refer to it as sectionName.")
    ]
    port: Annotated[Port, Meta(description="Port number.")]
    protocol: Annotated[ListenerProtocol, Meta(description="What is spoken: HTTP, HTTPS, TLS, TCP or UDP.")]
    hostname: Annotated[
        Hostname | None, Meta(description="Host names served, such as *.example.com; left out for all.")
    ] = None
    tls: Annotated[ListenerTls | None, Meta(description="Certificates and TLS mode.")] = None
    allowed_routes: Annotated[AllowedRoutes, Meta(description="Which routes may attach.")] = AllowedRoutes()


class ListenerNamespaces(Model, frozen=True, kw_only=True):
    """Namespaces whose ListenerSets may attach."""

    from_: Annotated[
        Literal["All", "Selector", "Same", "None"],
        Meta(description="All, those selected, the Gateway's own, or none."),
    ] = field(default="None", name="from")
    selector: Annotated[LabelSelector | None, Meta(description="Picks namespaces when from is Selector.")] = (
        None
    )


class AllowedListeners(Model, frozen=True, kw_only=True):
    """Which ListenerSets may attach to a Gateway."""

    namespaces: Annotated[ListenerNamespaces, Meta(description="Namespaces they may come from.")] = (
        ListenerNamespaces()
    )


class FrontendValidation(Model, frozen=True, kw_only=True):
    """How certificates of callers are checked."""

    ca_certificate_refs: Annotated[
        Annotated[tuple[ObjectReference, ...], Meta(min_length=1, max_length=16)],
        Meta(description="Where the certificates of trusted authorities are (ConfigMap, key ca.crt)."),
    ]
    mode: Annotated[
        Literal["AllowValidOnly", "AllowInsecureFallback"],
        Meta(description="Whether callers without a valid certificate are let in."),
    ] = "AllowValidOnly"


class FrontendTls(Model, frozen=True, kw_only=True):
    """TLS towards callers."""

    validation: Annotated[
        FrontendValidation | None, Meta(description="Asks callers for a certificate and checks it.")
    ] = None


class PortTls(Model, frozen=True, kw_only=True):
    """TLS towards callers of one port."""

    port: Annotated[Port, Meta(description="The port it is for.")]
    tls: Annotated[FrontendTls, Meta(description="TLS settings of this port.")]


class GatewayFrontendTls(Model, frozen=True, kw_only=True):
    """TLS towards callers, for all HTTPS ports and for single ones."""

    default: Annotated[FrontendTls, Meta(description="For every HTTPS port without settings of its own.")]
    per_port: Annotated[
        Annotated[tuple[PortTls, ...], Meta(max_length=64)], Meta(description="Settings of single ports.")
    ] = ()


class GatewayBackendTls(Model, frozen=True, kw_only=True):
    """TLS towards backends."""

    client_certificate_ref: Annotated[
        SecretReference | None, Meta(description="The certificate the Gateway shows to backends.")
    ] = None


class GatewayTls(Model, frozen=True, kw_only=True):
    """TLS of the whole Gateway."""

    backend: Annotated[GatewayBackendTls | None, Meta(description="Towards backends.")] = None
    frontend: Annotated[GatewayFrontendTls | None, Meta(description="Towards callers.")] = None


class GatewaySpec(Model, frozen=True, kw_only=True):
    """What a Gateway opens."""

    gateway_class_name: Annotated[ObjectName, Meta(description="The GatewayClass that serves it.")]
    listeners: Annotated[
        Annotated[tuple[Listener, ...], Meta(min_length=1, max_length=64)], Meta(description="Its doors.")
    ]
    addresses: Annotated[
        Annotated[tuple[GatewayAddress, ...], Meta(max_length=16)],
        Meta(description="Addresses wanted; left out for whatever is free."),
    ] = ()
    infrastructure: Annotated[
        GatewayInfrastructure | None, Meta(description="Labels and annotations for what is made for it.")
    ] = None
    allowed_listeners: Annotated[
        AllowedListeners | None, Meta(description="Which ListenerSets may attach.")
    ] = None
    tls: Annotated[GatewayTls | None, Meta(description="TLS of all listeners.")] = None
    default_scope: Annotated[
        Literal["All", "None"] | None, Meta(description="Whether routes may use it without naming it.")
    ] = None


class Gateway(Resource, frozen=True, kw_only=True):
    """A proxy at the edge, with the sockets it opens."""

    spec: Annotated[GatewaySpec, Meta(description="What it opens.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None
