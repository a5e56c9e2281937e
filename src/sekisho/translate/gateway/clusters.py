"""Clusters a Gateway's proxy needs: one per Service port its routes use, never one per rule."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output
from sekisho.model.names import ResourceId
from sekisho.model.routes import ROUTE_KINDS
from sekisho.translate.gateway.backend_tls import has_policies
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.gateway.classes import serves
from sekisho.translate.gateway.grpc_backends import ways
from sekisho.translate.mesh.clusters import byte_cluster, gateway_cluster
from sekisho.translate.mesh.collectors import helper_destinations
from sekisho.translate.mesh.names import cluster_name, destination_of, leads_outside
from sekisho.translate.mesh.places import near_endpoints
from sekisho.translate.zone.egress import EGRESS

_REMOTE = "zone/"
"""Clusters that may be within others, as those with a BackendTLSPolicy: where the mesh's own TLS ends before
the application."""


def _collectors(read: Read, gateway: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    if serves(read, gateway):
        for destination in helper_destinations(read, gateway):
            yield gateway, cluster_name(destination)


def _cluster(read: Read, key: tuple[ResourceId, str]) -> ir.Cluster | None:
    gateway, name = key
    if not leads_outside(name) and way_of(name).carried:
        return byte_cluster(read, gateway, name)
    return gateway_cluster(read, gateway, destination_of(name))


def _endpoints(read: Read, key: tuple[ResourceId, str]) -> ir.Endpoints | None:
    return near_endpoints(read, *key)


def _inside(read: Read, key: tuple[ResourceId, str]) -> Iterator[tuple[ResourceId, str]]:
    may_be = key[1].startswith(_REMOTE) or (has_policies(read) and not leads_outside(key[1]))
    found = _cluster(read, key) if may_be else None
    if found is not None and found.inside and found.inside != EGRESS:
        yield key[0], found.inside


def _tunnel(_: Read, key: tuple[ResourceId, str]) -> ir.Tunnel:
    name = key[1]
    return ir.Tunnel(cluster=name, origin=way_of(name).destination.origin)


CLUSTERS_IN_USE = index("clusters in use", source=ROUTE_KINDS, emit=ways)
"""(gateway, cluster name) → the routes that may send requests there."""

_COLLECTORS = index("collectors of gateways", source="Gateway", emit=_collectors)

_TUNNELLED = index(
    "clusters in tunnels", source=CLUSTERS_IN_USE, emit=_inside, when=("BackendTLSPolicy", "ZoneService")
)

CLUSTERS = output("clusters", source=(CLUSTERS_IN_USE, _COLLECTORS, _TUNNELLED), build=_cluster)
"""(gateway, cluster name) → `ir.Cluster`."""

ENDPOINTS = output("endpoints", source=(CLUSTERS_IN_USE, _COLLECTORS, _TUNNELLED), build=_endpoints)
"""(gateway, cluster name) → `ir.Endpoints`."""

TUNNELS = output("tunnels", source=_TUNNELLED, build=_tunnel)
"""(gateway, name of the cluster that carries another's connections) → `ir.Tunnel`."""
