"""ZoneIngress (`sekisho.dev/v1alpha1`): where other zones reach the services of one zone."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import DnsLabel, Model, Port
from sekisho.model.meta import Resource

ADVERTISED_ADDRESSES = "sekisho.dev/advertised-addresses"
"""Annotation of a Gateway of class `ZONE_INGRESS_CLASS`: `host:port,host:port`, where it is reached from
outside, if not at its own addresses (NAT, load balancers)."""
ZONE_INGRESS_CLASS = "sekisho-zone-ingress"
"""Name of the GatewayClass whose Gateways let other zones in."""
ZONE_EGRESS_CLASS = "sekisho-zone-egress"
"""Name of the GatewayClass whose Gateways let members out to ExternalServices."""


class IngressAddress(Model, frozen=True, kw_only=True):
    """A place to connect to."""

    address: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)],
        Meta(description="IP address, or host name that proxies look up in DNS."),
    ]
    port: Annotated[Port, Meta(description="Port there.")]


class ZoneIngressSpec(Model, frozen=True, kw_only=True):
    """Where it is reached."""

    zone: Annotated[DnsLabel, Meta(description="The zone it leads into.")]
    addresses: Annotated[
        Annotated[tuple[IngressAddress, ...], Meta(max_length=64)],
        Meta(description="Where it is reached from other zones."),
    ] = ()
    ready: Annotated[bool, Meta(description="Whether a proxy listens there now.")] = True


class ZoneIngress(Resource, frozen=True, kw_only=True):
    """Where other zones reach the services of one zone. Derived by it, and named `<gateway>.<zone>`."""

    spec: Annotated[ZoneIngressSpec, Meta(description="Where it is reached.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
