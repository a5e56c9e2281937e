"""Ingress and IngressClass (`networking.k8s.io/v1`): which requests from outside go to which Services."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import (
    DnsLabel,
    DnsSubdomain,
    Group,
    Hostname,
    KindName,
    Model,
    ObjectName,
    Port,
    PortName,
    ServiceName,
)
from sekisho.model.gateway import ControllerName
from sekisho.model.meta import Resource

INGRESS_GROUP = "networking.k8s.io"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
"""Names the class of an Ingress as was done before `spec.ingressClassName`; still read where that is not."""
DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
"""`true` on the IngressClass that Ingresses get which name none."""
HTTPS_PORT_ANNOTATION = "sekisho.dev/https-port"
"""On an IngressClass: the port of HTTPS, where it is not 443."""
REDIRECT_ANNOTATION = "sekisho.dev/ssl-redirect"
"""`false` on an Ingress whose hosts with a certificate are to be served in plain text as well."""


class IngressServicePort(Model, frozen=True, kw_only=True):
    """A port of a Service, by name or by number."""

    name: Annotated[PortName | None, Meta(description="Name of the port.")] = None
    number: Annotated[Port | None, Meta(description="Number of the port.")] = None


class IngressServiceBackend(Model, frozen=True, kw_only=True):
    """A Service of the Ingress's namespace."""

    name: Annotated[ServiceName, Meta(description="Name of the Service.")]
    port: Annotated[IngressServicePort, Meta(description="Which of its ports.")]


class IngressResource(Model, frozen=True, kw_only=True):
    """A resource of the Ingress's namespace that is no Service."""

    kind: Annotated[KindName, Meta(description="Kind.")]
    name: Annotated[ObjectName, Meta(description="Name.")]
    api_group: Annotated[Group | None, Meta(description="API group; left out for core.")] = None


class IngressBackend(Model, frozen=True, kw_only=True):
    """Who answers: a Service or another resource, one of the two."""

    service: Annotated[IngressServiceBackend | None, Meta(description="A Service.")] = None
    resource: Annotated[
        IngressResource | None,
        Meta(description="Another resource. No kind of them is known here: requests are answered 500."),
    ] = None


class HttpIngressPath(Model, frozen=True, kw_only=True):
    """Requests whose path matches, and who answers them."""

    path_type: Annotated[
        Literal["Exact", "Prefix", "ImplementationSpecific"],
        Meta(description="The whole path, or whole leading segments; ImplementationSpecific is as Prefix."),
    ]
    backend: Annotated[IngressBackend, Meta(description="Who answers.")]
    path: Annotated[
        str | None, Meta(description="What the path is compared with; all paths when left out.")
    ] = None


class HttpIngressRuleValue(Model, frozen=True, kw_only=True):
    """The paths of a host."""

    paths: Annotated[
        Annotated[tuple[HttpIngressPath, ...], Meta(min_length=1)],
        Meta(description="The longest that matches wins, and Exact over Prefix."),
    ]


class IngressRule(Model, frozen=True, kw_only=True):
    """What happens with requests for a host."""

    host: Annotated[
        Hostname | None,
        Meta(description="Host name; the `*` of *.example.com is one label. Left out for every host."),
    ] = None
    http: Annotated[
        HttpIngressRuleValue | None, Meta(description="Its paths; left out for the default backend.")
    ] = None


class IngressTls(Model, frozen=True, kw_only=True):
    """The certificate of some hosts."""

    hosts: Annotated[
        tuple[Hostname, ...], Meta(description="Host names it is for; left out for every host.")
    ] = ()
    secret_name: Annotated[
        DnsSubdomain | None,
        Meta(description="Secret with certificate and key. While there is none, the hosts are closed."),
    ] = None


class IngressSpec(Model, frozen=True, kw_only=True):
    """Hosts, paths, and who answers."""

    ingress_class_name: Annotated[
        DnsSubdomain | None, Meta(description="The IngressClass that serves it; the default one if left out.")
    ] = None
    default_backend: Annotated[
        IngressBackend | None, Meta(description="Who answers requests that no rule matches.")
    ] = None
    tls: Annotated[tuple[IngressTls, ...], Meta(description="Certificates of hosts.")] = ()
    rules: Annotated[tuple[IngressRule, ...], Meta(description="Hosts with their paths.")] = ()


class Ingress(Resource, frozen=True, kw_only=True):
    """Lets requests from outside in to Services, by host and path."""

    spec: Annotated[IngressSpec, Meta(description="Hosts, paths, and who answers.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None


class IngressClassParametersReference(Model, frozen=True, kw_only=True):
    """Settings of a class. Here: the Gateway that serves it, where it is not to be one made for it."""

    kind: Annotated[KindName, Meta(description="Kind; Gateway is known.")]
    name: Annotated[ObjectName, Meta(description="Name.")]
    api_group: Annotated[Group | None, Meta(description="API group; left out for core.")] = None
    scope: Annotated[Literal["Cluster", "Namespace"], Meta(description="Whether it is in a namespace.")] = (
        "Cluster"
    )
    namespace: Annotated[DnsLabel | None, Meta(description="Its namespace, for scope Namespace.")] = None


class IngressClassSpec(Model, frozen=True, kw_only=True):
    """Who serves Ingresses of this class."""

    controller: Annotated[ControllerName, Meta(description="The controller that serves it. Never changes.")]
    parameters: Annotated[
        IngressClassParametersReference | None, Meta(description="Settings of the controller.")
    ] = None


class IngressClass(Resource, frozen=True, kw_only=True):
    """A kind of Ingress one can ask for."""

    spec: Annotated[IngressClassSpec, Meta(description="Who serves it.")]
