"""MultiZoneServices: which Services and ZoneServices stand behind one name, and by which of their ports."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.model.core import Service
from sekisho.model.multi_zone_service import MultiZonePort, MultiZoneService
from sekisho.model.names import ResourceId
from sekisho.model.origin import SERVICE_LABEL, ZONE_LABEL
from sekisho.model.zone_service import ZoneService
from sekisho.translate.mesh.meshes import mesh_of, mesh_of_called, zone
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.ports import service_ports
from sekisho.translate.zone.remote import PROTOCOLS, remote_ports, remote_zone

_OURS = "sekisho.dev/"
"""What labels begin with that people do not write: those of a Service do not leave its zone either."""


class Label(NamedTuple):
    """One label of what may stand behind a MultiZoneService."""

    namespace: str
    key: str
    value: str


class MultiPort(NamedTuple):
    """One port of a MultiZoneService."""

    number: int
    name: str
    """Of the ports behind it; empty where they have the same number."""
    protocol: ir.Protocol
    is_tls: bool
    """Whether the applications speak TLS themselves."""


@query
def multi_ports(read: Read, service: ResourceId) -> tuple[MultiPort, ...]:
    """In the order written; none where there is no such MultiZoneService."""
    resource: MultiZoneService | None = read.leaf(service)
    ports: tuple[MultiZonePort, ...] = () if resource is None else resource.spec.ports
    return tuple(
        MultiPort(port.port, port.name or "", PROTOCOLS[port.protocol], port.protocol == "tls")
        for port in ports
    )


def multi_port(read: Read, service: ResourceId, number: int) -> MultiPort | None:
    """One port by number."""
    return next((port for port in multi_ports(read, service) if port.number == number), None)


@query
def matched(read: Read, service: ResourceId) -> tuple[ResourceId, ...]:
    """What stands behind a MultiZoneService: those of this zone first, then by zone and name."""
    mesh, wanted = mesh_of(read, service.namespace), _wanted(read, service)
    if not wanted or not mesh:
        return ()
    buckets = [read.bucket(_BY_LABEL, Label(service.namespace, key, value)) for key, value in wanted]
    found = [one for one in frozenset.intersection(*buckets) if mesh_of_called(read, one) == mesh]
    return tuple(sorted(found, key=lambda one: (_elsewhere(read, one), one)))


@query
def members(read: Read, destination: Destination) -> tuple[Destination, ...]:
    """The ports behind a port of a MultiZoneService, in the order of `matched`."""
    port = multi_port(read, destination.resource, destination.port)
    if port is None:
        return ()
    return tuple(
        Destination(*one, number)
        for one in matched(read, destination.resource)
        if (number := _number(read, one, port))
    )


def _elsewhere(read: Read, member: ResourceId) -> str:
    """The zone of what is in another one."""
    return remote_zone(read, member) if member.kind == "ZoneService" else ""


def _number(read: Read, member: ResourceId, wanted: MultiPort) -> int:
    """The port of a service that is meant; 0 for none."""
    ports = remote_ports(read, member) if member.kind == "ZoneService" else service_ports(read, member)
    for port in ports:
        if port.name == wanted.name if wanted.name else port.number == wanted.number:
            return port.number
    return 0


@query
def _wanted(read: Read, service: ResourceId) -> tuple[tuple[str, str], ...]:
    resource: MultiZoneService | None = read.leaf(service)
    return () if resource is None else tuple(sorted(resource.spec.selector.zone_service.match_labels.items()))


@query
def _labels(read: Read, member: ResourceId) -> tuple[tuple[str, str], ...]:
    """A Service has those that its record has in other zones."""
    resource: Service | ZoneService = read.leaf(member)
    found = {key: value for key, value in resource.metadata.labels.items() if not key.startswith(_OURS)}
    if isinstance(resource, ZoneService):
        found |= {ZONE_LABEL: resource.spec.zone, SERVICE_LABEL: resource.spec.service}
    else:
        found |= {ZONE_LABEL: zone(read), SERVICE_LABEL: member.name}
    return tuple(sorted(found.items()))


def _label(read: Read, member: ResourceId) -> Iterator[Label]:
    for key, value in _labels(read, member):
        yield Label(member.namespace, key, value)


_BY_LABEL = index("members of zones by label", source=("Service", "ZoneService"), emit=_label)
