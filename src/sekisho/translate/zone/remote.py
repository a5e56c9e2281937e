"""Services of other zones, as their records say: ports, who answers, and where their zone lets us in.

Each question is a query of its own: one more healthy instance there moves nothing but what counts them.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.ir.transport import TlsVersion
from sekisho.model.mesh_tls import TlsVersions
from sekisho.model.names import ResourceId
from sekisho.model.zone import Zone
from sekisho.model.zone_ingress import ZoneIngress
from sekisho.model.zone_service import SpokenProtocol, ZoneService, ZoneServicePort
from sekisho.translate.mesh.meshes import zone
from sekisho.translate.mesh.names import Destination, server_name

PROTOCOLS: Mapping[SpokenProtocol, ir.Protocol] = MappingProxyType(
    {
        "tcp": ir.Protocol.TCP,
        "tls": ir.Protocol.TCP,
        "http": ir.Protocol.HTTP1,
        "http2": ir.Protocol.H2C,
        "grpc": ir.Protocol.GRPC,
    }
)
"""What is spoken at a port of another zone; TLS of the application is bytes to everybody else."""


_DOORS = "~doors/"
_VERSIONS: dict[str, TlsVersion] = {"TLS12": "1.2", "TLS13": "1.3"}


class RemotePort(NamedTuple):
    """One port of a Service of another zone."""

    number: int
    name: str
    """Empty for an unnamed port."""
    protocol: ir.Protocol
    is_tls: bool
    """Whether the application itself speaks TLS."""
    min_version: TlsVersion = "1.3"
    max_version: TlsVersion = "1.3"
    """Of the mesh's TLS there."""
    ciphers: tuple[str, ...] = ()
    """For 1.2; empty for the usual ones."""


class Door(NamedTuple):
    """Where a zone lets others in."""

    address: str
    """IP address or host name."""
    port: int


@query
def remote_ports(read: Read, service: ResourceId) -> tuple[RemotePort, ...]:
    """In the order of the record; none where there is none."""
    resource: ZoneService | None = read.leaf(service)
    ports = () if resource is None else resource.spec.ports
    return tuple(
        RemotePort(
            port.port,
            port.name or "",
            PROTOCOLS[port.protocol],
            port.protocol == "tls",
            *_versions(port.tls_version),
            port.tls_ciphers,
        )
        for port in ports
    )


def _versions(said: TlsVersions | None) -> tuple[TlsVersion, TlsVersion]:
    if said is None:
        return "1.3", "1.3"
    least = _VERSIONS.get(said.min, "1.3")
    return least, max(least, _VERSIONS.get(said.max, "1.3"))


def remote_port(read: Read, service: ResourceId, number: int) -> RemotePort | None:
    """One port by number."""
    return next((port for port in remote_ports(read, service) if port.number == number), None)


@query
def remote_identities(read: Read, service: ResourceId) -> tuple[str, ...]:
    """Who may answer there: SPIFFE IDs, sorted."""
    resource: ZoneService | None = read.leaf(service)
    return () if resource is None else tuple(sorted(resource.spec.identities))


@query
def healthy_instances(read: Read, service: ResourceId, port: int) -> int:
    """How many instances take requests at a port; 0 for those of a zone that is disabled, or gone."""
    resource: ZoneService | None = read.leaf(service)
    if resource is None or not is_open(read, resource.spec.zone):
        return 0
    found: Iterator[ZoneServicePort] = (one for one in resource.spec.ports if one.port == port)
    return next((one.instances for one in found), 0)


@query
def remote_zone(read: Read, service: ResourceId) -> str:
    """Where a Service is; empty for one that is not there."""
    resource: ZoneService | None = read.leaf(service)
    return "" if resource is None else resource.spec.zone


@query
def at_home(read: Read, service: ResourceId) -> ResourceId | None:
    """The Service of this zone that a ZoneService is the record of; None for those of others."""
    resource: ZoneService | None = read.leaf(service)
    if resource is None or resource.spec.zone != zone(read):
        return None
    return ResourceId("Service", service.namespace, resource.spec.service)


@query
def remote_server_name(read: Read, service: ResourceId, port: int) -> str:
    """SNI that leads to a port, through the ingress of its zone."""
    spec = read.leaf(service).spec
    return server_name(Destination("Service", service.namespace, spec.service, port), spec.zone, spec.mesh)


@query
def is_open(read: Read, name: str) -> bool:
    """Whether another zone may be called, and is believed: as long as its Zone is there and enabled."""
    resource: Zone | None = read.leaf(ResourceId("Zone", "", name))
    return resource is not None and resource.spec.enabled and name != zone(read)


@query
def doors(read: Read, name: str) -> tuple[Door, ...]:
    """Where a zone lets others in, sorted; none while it is not open."""
    if not is_open(read, name):
        return ()
    found: set[Door] = set()
    for id_ in read.bucket(_INGRESSES, name):
        ingress: ZoneIngress = read.leaf(id_)
        if ingress.spec.ready:
            found.update(Door(place.address, place.port) for place in ingress.spec.addresses)
    return tuple(sorted(found))


def doors_name(zone: str) -> str:
    """Cluster, and perhaps a tunnel, that leads to the doors of a zone, whatever is called there."""
    return f"{_DOORS}{zone}"


def zone_behind(name: str) -> str:
    """The inverse."""
    return name.removeprefix(_DOORS)


def _zone(read: Read, ingress: ResourceId) -> tuple[str, ...]:
    return (read.leaf(ingress).spec.zone,)


_INGRESSES = index("zone ingresses", source="ZoneIngress", emit=_zone)
