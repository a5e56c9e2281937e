"""What zone egresses serve: for each ExternalService a way out, by its server name, that asks who goes it."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output
from sekisho.ir.callers import Permissions
from sekisho.ir.cluster import tunnel_name
from sekisho.ir.sidecar import Inbound
from sekisho.ir.tcp import BY_SERVER_NAME
from sekisho.ir.transport import MutualTls
from sekisho.model.names import ResourceId
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.destinations import destinations, spoken
from sekisho.translate.mesh.external import external_cluster, is_named
from sekisho.translate.mesh.meshes import mesh_of
from sekisho.translate.mesh.names import Destination, cluster_name, destination_of
from sekisho.translate.mesh.ports import is_http
from sekisho.translate.mesh.trust import trust_domains
from sekisho.translate.zone.egress import egresses, is_through_egress, outside_name


def _outlets(read: Read, service: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    if is_through_egress(read, service):
        for gateway in egresses(read, mesh_of(read, service.namespace)):
            for destination in destinations(read, service):
                yield gateway, cluster_name(destination)


def _outlet(read: Read, key: tuple[ResourceId, str]) -> Inbound:
    """Strict, whatever a MeshTLS says of others: who goes out is known."""
    destination = destination_of(key[1])
    service, protocol = destination.resource, spoken(read, destination)
    plain = Inbound(
        name=tunnel_name(key[1]),
        cluster=key[1],
        is_named=is_named(read, service),
        address="",
        port=destination.port,
        bound=True,
        target_address="",
        target_port=destination.port,
        protocol=protocol,
        tls=MutualTls(trust_domains=trust_domains(read, mesh_of(read, service.namespace))),
        inspected=is_http(protocol),
        permissions=Permissions(),
        origin=destination.origin,
    )
    return effective.outlet_with_permissions(read, service, plain)


def _way(read: Read, key: tuple[ResourceId, str]) -> ir.Cluster | None:
    """None where something is missing that the server is to be verified by: then nothing goes out."""
    return external_cluster(read, destination_of(key[1]))


def _names(read: Read, key: tuple[ResourceId, str]) -> tuple[tuple[ResourceId, str], ...]:
    gateway, cluster = key
    return ((gateway, f"{BY_SERVER_NAME}{outside_name(read, destination_of(cluster))}"),)


def _named(_: Read, key: tuple[ResourceId, str]) -> ir.Cluster:
    destination = destination_outside(key[1])
    return ir.Cluster(
        name=key[1],
        protocol=ir.Protocol.TCP,
        inside=cluster_name(destination),
        origin=destination.origin,
    )


def destination_outside(cluster: str) -> Destination:
    """By `sni/443.api.external.shop.…`: none of the names that it is made of has a dot."""
    port, name, _, namespace, *_ = cluster.removeprefix(BY_SERVER_NAME).split(".")
    return Destination("ExternalService", namespace, name, int(port))


OUTLETS_IN_USE = index("outlets", source="ExternalService", emit=_outlets)
"""(zone egress, cluster name) → the ExternalService."""

OUTLETS = output("outlets", source=OUTLETS_IN_USE, build=_outlet)
"""(zone egress, cluster name) → `ir.Inbound`"""

OUTLET_CLUSTERS = output("clusters behind outlets", source=OUTLETS_IN_USE, build=_way)
"""(zone egress, cluster name) → `ir.Cluster` of the ExternalService itself."""

_NAMES = index("server names outside", source=OUTLETS_IN_USE, emit=_names)

OUTLET_NAMES = output("outlets by server name", source=_NAMES, build=_named)
"""(zone egress, cluster name) → `ir.Cluster` that leads into an outlet."""
