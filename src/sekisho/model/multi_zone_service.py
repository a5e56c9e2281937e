"""MultiZoneService (`sekisho.dev/v1alpha1`): one name over services of several zones."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Model, Port, PortName
from sekisho.model.identity import MatchLabels
from sekisho.model.meta import Resource
from sekisho.model.zone_service import SpokenProtocol


class MultiZonePort(Model, frozen=True, kw_only=True):
    """A port that is called."""

    port: Annotated[Port, Meta(description="Port that is called.")]
    name: Annotated[
        PortName | None,
        Meta(description="Name of the port at the services behind it; found by number when left out."),
    ] = None
    protocol: Annotated[SpokenProtocol, Meta(description="What is spoken there.")] = "tcp"


class MultiZoneSelector(Model, frozen=True, kw_only=True):
    """What stands behind it."""

    zone_service: Annotated[
        MatchLabels,
        Meta(
            description="ZoneServices of its namespace with these labels, and Services of this zone as if "
            "they were such: with sekisho.dev/zone and sekisho.dev/service besides their own."
        ),
    ]


class MultiZoneServiceSpec(Model, frozen=True, kw_only=True):
    """What stands behind it, and its ports."""

    selector: Annotated[MultiZoneSelector, Meta(description="What stands behind it.")]
    ports: Annotated[
        Annotated[tuple[MultiZonePort, ...], Meta(min_length=1, max_length=100)],
        Meta(description="Its ports."),
    ]


class MultiZoneService(Resource, frozen=True, kw_only=True):
    """One name over services of several zones: the caller's first, others when none of it answers."""

    spec: Annotated[MultiZoneServiceSpec, Meta(description="What stands behind it, and its ports.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
