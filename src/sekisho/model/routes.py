"""What routes of all kinds have in common: the parents they attach to, and backends with weights."""

from typing import Annotated

from msgspec import Meta

from sekisho.model.fields import DnsLabel, DnsSubdomain, Group, KindName, Model, ObjectName, Port
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.httpfilters import BackendObjectReference

ROUTE_KINDS = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
"""All of them. Nothing is served for a kind that is not here."""


class ParentReference(Model, frozen=True, kw_only=True):
    """What a route attaches to: a Gateway, or one of its listeners; or a Service."""

    name: Annotated[ObjectName, Meta(description="Name.")]
    group: Annotated[Group, Meta(description="API group.")] = GATEWAY_GROUP
    kind: Annotated[KindName, Meta(description="Kind.")] = "Gateway"
    namespace: Annotated[DnsLabel | None, Meta(description="Namespace; the route's own when left out.")] = (
        None
    )
    section_name: Annotated[DnsSubdomain | None, Meta(description="One listener, by name.")] = None
    port: Annotated[Port | None, Meta(description="Listeners on this port only.")] = None


class BackendRef(BackendObjectReference, frozen=True, kw_only=True):
    """One of the backends of a rule."""

    weight: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)],
        Meta(description="Share of requests or connections beside its siblings; 0 for none."),
    ] = 1
