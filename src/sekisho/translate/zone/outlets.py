"""What zone egresses serve: for each ExternalService, and each port of a Service of another zone, a way out,
by its server name, that asks who goes it."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output
from sekisho.ir.callers import Permissions
from sekisho.ir.cluster import tunnel_name
from sekisho.ir.sidecar import Inbound
from sekisho.ir.tcp import BY_SERVER_NAME
from sekisho.ir.transport import MutualTls
from sekisho.model.names import ResourceId
from sekisho.model.origin import zoned
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.destinations import destinations, spoken
from sekisho.translate.mesh.external import external_cluster, is_named
from sekisho.translate.mesh.meshes import mesh_of_called
from sekisho.translate.mesh.names import Destination, cluster_name, destination_of, leads_to_zones
from sekisho.translate.mesh.ports import is_http
from sekisho.translate.mesh.trust import trust_domains
from sekisho.translate.zone.egress import OUTSIDE, egresses, is_through_egress, outside_name
from sekisho.translate.zone.remote import doors_name, remote_server_name, remote_zone


def _outlets(read: Read, service: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    if is_through_egress(read, service):
        for gateway in egresses(read, mesh_of_called(read, service)):
            for destination in destinations(read, service):
                yield gateway, cluster_name(destination)


def _outlet(read: Read, key: tuple[ResourceId, str]) -> Inbound:
    return outlet(read, destination_of(key[1]))


def outlet(read: Read, destination: Destination) -> Inbound:
    """Strict, whatever a MeshTLS says of others: who goes out is known. What goes to other zones is not
    opened: it is for who answers there."""
    service, name = destination.resource, cluster_name(destination)
    is_far = leads_to_zones(name)
    protocol = ir.Protocol.TCP if is_far else spoken(read, destination)
    plain = Inbound(
        name=tunnel_name(name),
        cluster=name,
        is_named=not is_far and is_named(read, service),
        address="",
        port=destination.port,
        bound=True,
        target_address="",
        target_port=destination.port,
        protocol=protocol,
        tls=MutualTls(trust_domains=trust_domains(read, mesh_of_called(read, service))),
        inspected=is_http(protocol),
        permissions=Permissions(),
        origin=destination.origin,
    )
    return effective.outlet_with_permissions(read, service, plain)


def _way(read: Read, key: tuple[ResourceId, str]) -> ir.Cluster | None:
    """None where something is missing that the server is to be verified by: then nothing goes out."""
    destination = destination_of(key[1])
    if not leads_to_zones(key[1]):
        return external_cluster(read, destination)
    return ir.Cluster(
        name=key[1], protocol=ir.Protocol.TCP, inside=_passage_name(key[1]), origin=destination.origin
    )


def _passage_name(cluster: str) -> str:
    return f"{_PASSAGE}{cluster}"


def _passages(_: Read, key: tuple[ResourceId, str]) -> Iterator[tuple[ResourceId, str]]:
    gateway, cluster = key
    if leads_to_zones(cluster):
        yield gateway, _passage_name(cluster)


def _passage(read: Read, key: tuple[ResourceId, str]) -> ir.Tunnel:
    """Who may go to one Service asks its zone for that one, and not for another behind the same doors."""
    destination = destination_of(key[1].removeprefix(_PASSAGE))
    service = destination.resource
    return ir.Tunnel(
        cluster=key[1],
        leads_to=doors_name(remote_zone(read, service)),
        server_name=remote_server_name(read, service, destination.port),
        origin=destination.origin,
    )


def _names(read: Read, key: tuple[ResourceId, str]) -> tuple[tuple[ResourceId, str], ...]:
    gateway, cluster = key
    return ((gateway, f"{BY_SERVER_NAME}{way_out_name(read, destination_of(cluster))}"),)


def way_out_name(read: Read, destination: Destination) -> str:
    """The server name that members ask a zone egress for."""
    if destination.kind == "ZoneService":
        return remote_server_name(read, destination.resource, destination.port)
    return outside_name(read, destination)


def _named(_: Read, key: tuple[ResourceId, str]) -> ir.Cluster:
    destination = destination_outside(key[1])
    return ir.Cluster(
        name=key[1],
        protocol=ir.Protocol.TCP,
        inside=cluster_name(destination),
        origin=destination.origin,
    )


def destination_outside(cluster: str) -> Destination:
    """By `sni/443.api.external.shop.azure.…` or `sni/80.catalog.shop.gcp.…`, which has a label less: none of
    the names that they are made of has a dot."""
    port, name, *places, _, _ = cluster.removeprefix(BY_SERVER_NAME).split(".")
    if len(places) == _PLACES_OUTSIDE:
        return Destination("ExternalService", places[1], name, int(port))
    namespace, zone = places
    return Destination("ZoneService", namespace, zoned(name, zone), int(port))


_PLACES_OUTSIDE = len((OUTSIDE, "namespace", "zone"))
_PASSAGE = "~passage/"

OUTLETS_IN_USE = index("outlets", source=("ExternalService", "ZoneService"), emit=_outlets)
"""(zone egress, cluster name) → the ExternalService or ZoneService."""

OUTLETS = output("outlets", source=OUTLETS_IN_USE, build=_outlet)
"""(zone egress, cluster name) → `ir.Inbound`"""

OUTLET_CLUSTERS = output("clusters behind outlets", source=OUTLETS_IN_USE, build=_way)
"""(zone egress, cluster name) → `ir.Cluster` of the ExternalService itself, or of the passage."""

_PASSED = index("passages to other zones", source=OUTLETS_IN_USE, emit=_passages)

PASSAGES = output("passages", source=_PASSED, build=_passage)
"""(zone egress, name) → `ir.Tunnel` from an outlet to the doors of a zone."""

_NAMES = index("server names outside", source=OUTLETS_IN_USE, emit=_names)

OUTLET_NAMES = output("outlets by server name", source=_NAMES, build=_named)
"""(zone egress, cluster name) → `ir.Cluster` that leads into an outlet."""
