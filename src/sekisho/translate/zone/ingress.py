"""Zone ingress: a Gateway that lets other zones in to what this one shows, by server name and unopened.

One filter chain for all: the server name a caller asks for is the name of a cluster, and only Services that
others may call have such clusters. So a Service comes and goes without any change of a listener, and a name
that nobody has is a connection that is reset (docs/decisions/2026-11-22-zone-ingress-by-name.md).
"""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.ir.tcp import BY_SERVER_NAME
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.classes import is_zone_ingress
from sekisho.translate.gateway.endpoints import endpoints
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.meshes import mesh_of, zone
from sekisho.translate.mesh.names import Destination, cluster_name, server_name
from sekisho.translate.zone.exports import is_exported

CONNECT_ATTEMPTS = 3
"""One instance that is away is no reason to send a caller away."""
CONNECT_MILLISECONDS = 1_000
"""Within a zone. Callers wait twice as long until they try another ingress."""
OUTLIERS = ir.Outliers(
    interval_ms=1_000,
    base_ejection_ms=5_000,
    max_ejection_percent=50,
    split_local_errors=True,
    consecutive_local_failures=3,
)
"""An instance that cannot be connected to is left out for a while, until its probe says so to everybody."""


def ingress_cluster_name(read: Read, destination: Destination) -> str:
    """`sni/80.catalog.shop.gcp.default.sekisho`"""
    mesh = mesh_of(read, destination.namespace)
    return f"{BY_SERVER_NAME}{server_name(destination, zone(read), mesh)}"


def destination_behind(cluster: str) -> Destination:
    """The inverse: none of the names that a server name is made of has a dot."""
    port, service, namespace, *_ = cluster.removeprefix(BY_SERVER_NAME).split(".")
    return Destination("Service", namespace, service, int(port))


def ingress_chain(table: str, origin: Origin) -> ir.Chain:
    """All connections of a listener."""
    forward = ir.TcpForward(shares=(), by_server_name=True, connect_attempts=CONNECT_ATTEMPTS)
    return ir.Chain(table=table, tcp=forward, origin=origin)


def _ingresses(read: Read, gateway: ResourceId) -> tuple[str, ...]:
    return ("",) if is_zone_ingress(read, gateway) else ()


def _exported(read: Read, service: ResourceId) -> Iterator[Destination]:
    if mesh_of(read, service.namespace) and is_exported(read, service):  # mostly there is no mesh
        yield from destinations(read, service)


def _ways_in(read: Read, destination: Destination) -> Iterator[tuple[ResourceId, str]]:
    for gateway in read.bucket(_INGRESSES, ""):
        yield gateway, ingress_cluster_name(read, destination)


def _cluster(_: Read, key: tuple[ResourceId, str]) -> ir.Cluster:
    name = key[1]
    return ir.Cluster(
        name=name,
        protocol=ir.Protocol.TCP,
        connect_timeout_ms=CONNECT_MILLISECONDS,
        outliers=OUTLIERS,
        origin=destination_behind(name).origin,
    )


def _endpoints(read: Read, key: tuple[ResourceId, str]) -> ir.Endpoints | None:
    return ingress_endpoints(read, key[1])


@query
def ingress_endpoints(read: Read, cluster: str) -> ir.Endpoints | None:
    """The instances behind a server name, with a sidecar each: what it is not for is not let in."""
    destination = destination_behind(cluster)
    found = endpoints(read, cluster_name(destination))
    if found is None:
        return None
    members = tuple(one for one in found.endpoints if one.meshed)
    return ir.Endpoints(cluster=cluster, endpoints=members, origin=Origin(destination.resource))


_INGRESSES = index("zone ingress gateways", source="Gateway", emit=_ingresses)
_EXPORTED = index("exported ports", source="Service", emit=_exported, when=_INGRESSES)
"""Port of a Service of this zone that others may call → the Service; none where nobody comes in."""
_WAYS_IN = index("ways into the zone", source=_EXPORTED, emit=_ways_in)

INGRESS_CLUSTERS = output("ingress clusters", source=_WAYS_IN, build=_cluster)
"""(gateway, cluster name) → `ir.Cluster` of a Service of this zone, as others are let in to it."""

INGRESS_ENDPOINTS = output("ingress endpoints", source=_WAYS_IN, build=_endpoints)
"""(gateway, cluster name) → `ir.Endpoints` of it."""
