"""ListenerSet (`gateway.networking.k8s.io/v1`): more doors for a Gateway, kept by others (GEP-1713)."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import DnsLabel, Group, KindName, Model, ObjectName
from sekisho.model.gateway import GATEWAY_GROUP, Listener
from sekisho.model.meta import Resource


class ParentGatewayReference(Model, frozen=True, kw_only=True):
    """The Gateway a ListenerSet adds to."""

    name: Annotated[ObjectName, Meta(description="Name.")]
    group: Annotated[Group, Meta(description="API group.")] = GATEWAY_GROUP
    kind: Annotated[KindName, Meta(description="Kind; Gateway is one.")] = "Gateway"
    namespace: Annotated[
        DnsLabel | None, Meta(description="Namespace; the ListenerSet's own when left out.")
    ] = None


class ListenerSetSpec(Model, frozen=True, kw_only=True):
    """What a ListenerSet adds, and to whom."""

    parent_ref: Annotated[
        ParentGatewayReference,
        Meta(description="The Gateway; it must let the ListenerSet in (allowedListeners)."),
    ]
    listeners: Annotated[
        Annotated[tuple[Listener, ...], Meta(min_length=1, max_length=64)],
        Meta(description="The doors it adds. What the Gateway or an older ListenerSet has wins over them."),
    ]


class ListenerSet(Resource, frozen=True, kw_only=True):
    """Listeners that join those of a Gateway, with certificates and rules of their own namespace."""

    spec: Annotated[ListenerSetSpec, Meta(description="What it adds, and to whom.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None
