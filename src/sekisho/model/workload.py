"""Workload (`sekisho.dev/v1alpha1`): one running instance outside Kubernetes, in the place of a Pod."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.core import Protocol
from sekisho.model.fields import DnsLabel, DnsSubdomain, Model, ObjectName, Port, PortName
from sekisho.model.meta import Resource
from sekisho.model.probe import Probe
from sekisho.model.targets import Cidr


class WorkloadPort(Model, frozen=True, kw_only=True):
    """One port the instance listens on."""

    port: Annotated[Port, Meta(description="Port number that others call.")]
    name: Annotated[PortName | None, Meta(description="Name a Service's targetPort may use.")] = None
    protocol: Annotated[Protocol, Meta(description="Transport protocol.")] = "TCP"
    target_port: Annotated[
        Port | None,
        Meta(description="Port the application listens on behind its proxy. The same as port when left out."),
    ] = None
    app_protocol: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)] | None,
        Meta(description="What is spoken, such as http, grpc, kubernetes.io/h2c or tcp; the Service's wins."),
    ] = None


class ReachableReference(Model, frozen=True, kw_only=True):
    """Something the workload calls. By name or by labels; with neither, all of the kind."""

    kind: Annotated[
        Literal["Service", "ExternalService", "ZoneService", "MultiZoneService"],
        Meta(description="Kind of destination."),
    ] = "Service"
    name: Annotated[ObjectName | None, Meta(description="One of the kind, by name.")] = None
    namespace: Annotated[
        DnsLabel | None, Meta(description="Namespace; with a name the workload's own when left out.")
    ] = None
    port: Annotated[Port | None, Meta(description="One port of it; all when left out.")] = None
    labels: Annotated[dict[str, str], Meta(description="Labels it must have, all of them.")] = field(
        default_factory=dict
    )


class CaptureExclusions(Model, frozen=True, kw_only=True):
    """Connections that pass the proxy by."""

    inbound_ports: Annotated[
        Annotated[tuple[Port, ...], Meta(max_length=256)], Meta(description="To these ports of the workload.")
    ] = ()
    outbound_ports: Annotated[
        Annotated[tuple[Port, ...], Meta(max_length=256)], Meta(description="To these ports of others.")
    ] = ()
    outbound_ranges: Annotated[
        Annotated[tuple[Cidr, ...], Meta(max_length=256)], Meta(description="To these addresses (CIDR).")
    ] = ()
    users: Annotated[
        Annotated[tuple[int | str, ...], Meta(max_length=64)],
        Meta(description="Of programs of these users of the host, by number or by name."),
    ] = ()


class Sidecar(Model, frozen=True, kw_only=True):
    """The proxy beside the instance."""

    capture: Annotated[
        Literal["None", "Redirect", "TransparentProxy"],
        Meta(
            description="How connections get to it: by calling its loopback addresses, or by themselves with "
            "nftables, in the second case with the caller's address kept. The latter two need a network "
            "namespace."
        ),
    ] = "None"
    outbound_addresses: Annotated[
        Cidr,
        Meta(
            description="For capture None: loopback addresses at which the workload finds services; for "
            "each workload of a host another range of 65536 or more."
        ),
    ] = "127.2.0.0/16"
    reachable: Annotated[
        Annotated[tuple[ReachableReference, ...], Meta(max_length=1000)] | None,
        Meta(
            description="What it calls, known to the proxy from the start; what its Mesh says when left out."
        ),
    ] = None
    on_demand: Annotated[
        bool | None,
        Meta(
            description="Whether the proxy fetches at first use the ways to whatever else it is permitted to "
            "call; what its Mesh says when left out."
        ),
    ] = None
    exclude: Annotated[CaptureExclusions | None, Meta(description="Connections that are not captured.")] = (
        None
    )


class WorkloadSpec(Model, frozen=True, kw_only=True):
    """Where the instance is and who it is."""

    address: Annotated[str, Meta(description="IP address it is reached at.")]
    ports: Annotated[
        Annotated[tuple[WorkloadPort, ...], Meta(max_length=100)], Meta(description="Ports it listens on.")
    ] = ()
    service_account_name: Annotated[
        DnsSubdomain, Meta(description="The account it runs as; the base of its identity.")
    ] = "default"
    ready: Annotated[bool, Meta(description="Whether it takes requests.")] = True
    weight: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="Share of requests beside other instances of the Service."),
    ] = None
    zone: Annotated[str | None, Meta(description="Zone it runs in.")] = None
    sidecar: Annotated[
        Sidecar | None, Meta(description="The proxy beside it, a member of the mesh; left out for none.")
    ] = None
    app_address: Annotated[
        str | None,
        Meta(
            description="IP address the application listens on behind its proxy; 127.0.0.1 when left out, "
            "with capture the address itself."
        ),
    ] = None
    readiness_probe: Annotated[
        Probe | None,
        Meta(description="How the agent beside it sees whether it takes requests, as ready says, too."),
    ] = None


class Workload(Resource, frozen=True, kw_only=True):
    """One running instance; a Service selects it by its labels."""

    spec: Annotated[WorkloadSpec, Meta(description="Where it is and who it is.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
