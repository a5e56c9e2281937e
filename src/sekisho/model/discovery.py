"""EndpointSlice (`discovery.k8s.io/v1`): the instances of a Service, listed by hand or by Kubernetes."""

from typing import Annotated, Literal

from msgspec import Meta, field

from sekisho.model.core import Protocol
from sekisho.model.fields import Model
from sekisho.model.meta import Resource


class EndpointConditions(Model, frozen=True, kw_only=True):
    """State of an endpoint."""

    ready: Annotated[bool | None, Meta(description="Takes new requests. Left out means yes.")] = None
    serving: Annotated[bool | None, Meta(description="Answers, though it may be ending.")] = None
    terminating: Annotated[bool | None, Meta(description="Is ending.")] = None


class ForZone(Model, frozen=True, kw_only=True):
    """A zone an endpoint should serve."""

    name: Annotated[str, Meta(description="Name of the zone.")]


class ForNode(Model, frozen=True, kw_only=True):
    """A node an endpoint should serve."""

    name: Annotated[str, Meta(description="Name of the node.")]


class EndpointHints(Model, frozen=True, kw_only=True):
    """Who should use an endpoint."""

    for_zones: Annotated[tuple[ForZone, ...], Meta(description="Zones it should serve.")] = ()
    for_nodes: Annotated[tuple[ForNode, ...], Meta(description="Nodes it should serve.")] = ()


class ObjectReference(Model, frozen=True, kw_only=True):
    """The resource an endpoint stands for."""

    api_version: Annotated[str | None, Meta(description="API version.")] = None
    kind: Annotated[str | None, Meta(description="Kind, such as Pod.")] = None
    namespace: Annotated[str | None, Meta(description="Namespace.")] = None
    name: Annotated[str | None, Meta(description="Name.")] = None
    uid: Annotated[str | None, Meta(description="Unique id.")] = None
    resource_version: Annotated[str | None, Meta(description="Revision.")] = None
    field_path: Annotated[str | None, Meta(description="Part of the resource.")] = None


class Endpoint(Model, frozen=True, kw_only=True):
    """One instance."""

    addresses: Annotated[
        Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)],
        Meta(description="Its addresses; the first one is used."),
    ]
    conditions: Annotated[EndpointConditions, Meta(description="Its state.", extra={"filled": False})] = (
        EndpointConditions()
    )
    hostname: Annotated[str | None, Meta(description="Its host name.")] = None
    target_ref: Annotated[ObjectReference | None, Meta(description="The resource it stands for.")] = None
    deprecated_topology: Annotated[dict[str, str], Meta(description="Unused; kept for old clients.")] = field(
        default_factory=dict
    )
    node_name: Annotated[str | None, Meta(description="Node it runs on.")] = None
    zone: Annotated[str | None, Meta(description="Zone it runs in.")] = None
    hints: Annotated[EndpointHints | None, Meta(description="Who should use it.")] = None


class EndpointPort(Model, frozen=True, kw_only=True):
    """One port of all endpoints of the slice."""

    name: Annotated[str, Meta(description="Name of the Service's port.")] = ""
    protocol: Annotated[Protocol, Meta(description="Transport protocol.")] = "TCP"
    port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description="Port number. Left out means all ports."),
    ] = None
    app_protocol: Annotated[str | None, Meta(description="What is spoken.")] = None


class EndpointSlice(Resource, frozen=True, kw_only=True):
    """Instances of the Service named by the label kubernetes.io/service-name."""

    address_type: Annotated[Literal["IPv4", "IPv6", "FQDN"], Meta(description="Kind of the addresses.")]
    endpoints: Annotated[
        Annotated[tuple[Endpoint, ...], Meta(max_length=1000)], Meta(description="The instances.")
    ] = ()
    ports: Annotated[
        Annotated[tuple[EndpointPort, ...], Meta(max_length=100)], Meta(description="Ports of each instance.")
    ] = ()
