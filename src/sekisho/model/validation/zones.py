"""Rules of Zone, ZoneService, ZoneIngress and MultiZoneService."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.meta import Resource
from sekisho.model.multi_zone_service import MultiZoneService
from sekisho.model.origin import GLOBAL, zoned
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.spiffe import identity_fault
from sekisho.model.validation import metadata
from sekisho.model.validation.shared import host, unique
from sekisho.model.zone import Zone
from sekisho.model.zone_ingress import ZoneIngress
from sekisho.model.zone_service import ZoneService


def zone(resource: Zone) -> Iterator[Problem]:
    """The global control plane is no zone, and trust domains are called by these names."""
    if resource.metadata.name == GLOBAL:
        message = f"{GLOBAL} is the name of the global control plane"
        yield Problem("metadata.name", message, reason=Reason.FORBIDDEN)


def zone_service(resource: ZoneService) -> Iterator[Problem]:
    """Name, ports and identities."""
    spec = resource.spec
    yield from _called(resource, zoned(spec.service, spec.zone))
    yield from unique("spec.ports", (port.port for port in spec.ports), "port", "port")
    yield from unique("spec.ports", (port.name for port in spec.ports), "name", "port name")
    yield from unique("spec.identities", spec.identities, "", "identity")
    for index, identity in enumerate(spec.identities):
        if fault := identity_fault(identity):
            yield Problem(paths.item("spec.identities", index), f"expected {fault}")


def zone_ingress(resource: ZoneIngress) -> Iterator[Problem]:
    """Name and addresses."""
    spec = resource.spec
    if not resource.metadata.name.endswith(zoned("", spec.zone)):
        yield from _called(resource, zoned("<gateway>", spec.zone))
    for index, place in enumerate(spec.addresses):
        yield from host(paths.field(paths.item("spec.addresses", index), "address"), place.address)
    places = ((place.address.lower(), place.port) for place in spec.addresses)
    yield from unique("spec.addresses", places, "", "address and port")


def multi_zone_service(resource: MultiZoneService) -> Iterator[Problem]:
    """Ports and labels."""
    spec = resource.spec
    where = "spec.selector.zoneService.matchLabels"
    yield from metadata.labels(where, spec.selector.zone_service.match_labels)
    if not spec.selector.zone_service.match_labels:
        message = "expected at least one label: not every service of a namespace is the same one"
        yield Problem(where, message, "such as sekisho.dev/service", Reason.REQUIRED)
    yield from unique("spec.ports", (port.port for port in spec.ports), "port", "port")
    yield from unique("spec.ports", (port.name for port in spec.ports), "name", "port name")


def _called(resource: Resource, expected: str) -> Iterator[Problem]:
    """Zones tell their records apart by their names' ends; who is who must not depend on who writes first."""
    if resource.metadata.name != expected:
        message = f'expected "{expected}", found "{resource.metadata.name[:60]}"'
        yield Problem("metadata.name", message, "zones write these themselves")
