"""HostnameGenerator (`sekisho.dev/v1alpha1`): host names of services, made from a template."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Model
from sekisho.model.identity import MatchLabels, TemplateText
from sekisho.model.meta import Resource

HOSTNAME_FIELDS = frozenset({"Name", "DisplayName", "Namespace", "Mesh", "Zone"})
"""What the template of a host name may use; DisplayName is the name in the zone it comes from."""


class HostnameSelector(Model, frozen=True, kw_only=True):
    """What gets a name: one kind, by label."""

    service: Annotated[MatchLabels | None, Meta(description="Services of this zone with these labels.")] = (
        None
    )
    zone_service: Annotated[
        MatchLabels | None, Meta(description="ZoneServices with these labels: services of other zones.")
    ] = None
    external_service: Annotated[
        MatchLabels | None, Meta(description="ExternalServices with these labels.")
    ] = None
    multi_zone_service: Annotated[
        MatchLabels | None, Meta(description="MultiZoneServices with these labels.")
    ] = None


class HostnameGeneratorSpec(Model, frozen=True, kw_only=True):
    """What gets a name, and which."""

    selector: Annotated[HostnameSelector, Meta(description="What gets a name.")]
    template: Annotated[
        TemplateText,
        Meta(
            description="The name; knows .Name, .DisplayName, .Namespace, .Mesh, .Zone and "
            'label "key": {{ .Name }}.{{ .Namespace }}.svc.mesh.local.'
        ),
    ]


class HostnameGenerator(Resource, frozen=True, kw_only=True):
    """Gives host names. Of two that make the same name the older one wins, and the other one is told."""

    spec: Annotated[HostnameGeneratorSpec, Meta(description="What gets a name, and which.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
