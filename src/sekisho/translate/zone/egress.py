"""The one way out: where a Mesh asks for it, ExternalServices, or Services of other zones, are reached
through zone egresses alone.

A zone egress is a Gateway that members speak to by mutual TLS, as they do to a Service; at its other side
each ExternalService, or port of a Service, asks for permission (`outlets`). Without one of them nothing goes
out.
"""

from ipaddress import ip_address

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP, MeshTransport
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.classes import is_zone_egress
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listeners import asked
from sekisho.translate.mesh.external import external_port
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.meshes import mesh_of, mesh_of_called, mesh_spec, zone
from sekisho.translate.mesh.names import Destination, cluster_name, server_name
from sekisho.translate.zone.remote import remote_zone

EGRESS = "~egress"
"""Tunnel of a caller, and the cluster it leads into: connections to other zones, within such to an egress."""
OUTSIDE = "external"
"""Label in the server names of ExternalServices, which tells them from Services."""


@query
def is_through_egress(read: Read, service: ResourceId) -> bool:
    """Whether something is reached through zone egresses alone: an ExternalService or a ZoneService."""
    if service.kind not in ("ExternalService", "ZoneService"):
        return False
    mesh = mesh_of_called(read, service)
    spec = mesh_spec(read, mesh)
    wanted = spec.egress if service.kind == "ExternalService" else spec.zone_egress
    return bool(mesh) and wanted == "Required"


def egresses(read: Read, mesh: str) -> tuple[ResourceId, ...]:
    """The Gateways that let members of a mesh out, sorted."""
    return tuple(sorted(read.bucket(_EGRESSES, mesh)))


def outside_name(read: Read, destination: Destination) -> str:
    """SNI for the way out to an ExternalService: `443.api.external.shop.default.default.sekisho`."""
    named = destination._replace(name=f"{destination.name}.{OUTSIDE}")
    return server_name(named, zone(read), mesh_of(read, destination.namespace))


@query
def egress_cluster(
    read: Read,
    destination: Destination,
    over_http: bool,  # noqa: FBT001 - a key of the cache
) -> ir.Cluster | None:
    """The way members go; None where there is no such port."""
    found = external_port(read, destination.resource)
    if found is None or found[0] != destination.port:
        return None
    return ir.Cluster(
        name=cluster_name(destination),
        protocol=found[1],
        transport=MeshTransport(
            server_name=outside_name(read, destination),
            identities=egress_identities(read, mesh_of(read, destination.namespace)),
            alpn=ALPN_HTTP2 if over_http else ALPN_TCP,
            members_only=True,
        ),
        origin=destination.origin,
    )


@query
def egress_identities(read: Read, mesh: str) -> tuple[str, ...]:
    """SPIFFE IDs of the zone egresses of a mesh, sorted."""
    members = (identity(read, gateway) for gateway in egresses(read, mesh))
    return tuple(sorted({member.spiffe_id for member in members if member is not None}))


@query
def egress_places(read: Read, mesh: str) -> tuple[ir.Endpoint, ...]:
    """Where zone egresses of a mesh listen, sorted."""
    places = {place for one in egresses(read, mesh) for place in _places(read, one)}
    return tuple(ir.Endpoint(address, port, meshed=True) for address, port in sorted(places))


def egress_endpoints(read: Read, destination: Destination, cluster: str) -> ir.Endpoints | None:
    """Where zone egresses listen; None for what is reached without them."""
    service = destination.resource
    is_there = external_port if service.kind == "ExternalService" else remote_zone
    if not is_through_egress(read, service) or not is_there(read, service):
        return None
    found = egress_places(read, mesh_of_called(read, service))
    return ir.Endpoints(cluster=cluster, endpoints=found, origin=Origin(service))


@query
def _places(read: Read, gateway: ResourceId) -> tuple[tuple[str, int], ...]:
    """Addresses and ports of a zone egress."""
    found = admission(read, gateway)
    addresses = () if found is None else found.addresses
    ports = {one.port for one in asked(read, gateway) if one.fault is None}
    bound = [address for address in addresses if not ip_address(address).is_unspecified]
    return tuple((address, port) for address in bound for port in sorted(ports))


def _mesh(read: Read, gateway: ResourceId) -> tuple[str, ...]:
    mesh = mesh_of(read, gateway.namespace) if is_zone_egress(read, gateway) else ""
    return (mesh,) if mesh else ()


_EGRESSES = index("zone egress gateways", source="Gateway", emit=_mesh)
