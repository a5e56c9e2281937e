"""Workload (`sekisho.dev/v1alpha1`): one running instance outside Kubernetes, in the place of a Pod."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.core import Protocol
from sekisho.model.fields import DnsSubdomain, Model, Port, PortName
from sekisho.model.meta import Resource


class WorkloadPort(Model, frozen=True, kw_only=True):
    """One port the instance listens on."""

    port: Annotated[Port, Meta(description="Port number.")]
    name: Annotated[PortName | None, Meta(description="Name a Service's targetPort may use.")] = None
    protocol: Annotated[Protocol, Meta(description="Transport protocol.")] = "TCP"


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


class Workload(Resource, frozen=True, kw_only=True):
    """One running instance; a Service selects it by its labels."""

    spec: Annotated[WorkloadSpec, Meta(description="Where it is and who it is.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
