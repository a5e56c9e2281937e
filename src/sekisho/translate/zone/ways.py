"""Ways into other zones that connections of several clusters share, within each proxy that makes any.

Where a Mesh has one way out, all that a proxy sends to other zones goes within one kind of connection, to a
zone egress: the TLS around asks for the server name that the TLS within asks for, so the egress knows what is
called before anything is opened, and whose certificate asks for it.

Elsewhere callers of a MultiZoneService need such a way for zones with several Services behind it: Envoy knows
endpoints of a cluster by their addresses, which are those of the same ingress then.
"""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.ir.transport import ALPN_TCP, MeshTransport
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.facts import ViewKey
from sekisho.translate.gateway.classes import is_found_by_name, serves
from sekisho.translate.mesh.meshes import mesh_of, mesh_spec
from sekisho.translate.mesh.multizone_way import shared_zones
from sekisho.translate.mesh.names import destination_of, leads_to_zones
from sekisho.translate.mesh.sight import WORLDS
from sekisho.translate.mesh.worlds import World
from sekisho.translate.zone.clusters import OUTLIERS, doors_cluster, doors_endpoints
from sekisho.translate.zone.egress import EGRESS, egress_identities, egress_places
from sekisho.translate.zone.outlets import OUTLETS_IN_USE
from sekisho.translate.zone.remote import doors_name, remote_zone

Way = tuple[ViewKey, str]
"""A view, and the name of a way in it."""


def _of_caller(read: Read, view: World | ResourceId) -> Iterator[Way]:
    mesh = _mesh(read, view)
    if not mesh:
        return
    if mesh_spec(read, mesh).zone_egress == "Required":
        yield view, EGRESS
        return
    for there in shared_zones(read, mesh):
        yield view, doors_name(there)


@query
def _mesh(read: Read, view: World | ResourceId) -> str:
    """Of a World, or of a Gateway that calls Services; empty for none."""
    if isinstance(view, World):
        return view.mesh
    calls = serves(read, view) and not is_found_by_name(read, view)
    return mesh_of(read, view.namespace) if calls else ""


def _of_egress(read: Read, key: tuple[ResourceId, str]) -> Iterator[Way]:
    gateway, cluster = key
    if leads_to_zones(cluster):
        yield gateway, doors_name(remote_zone(read, destination_of(cluster).resource))


def _tunnel(read: Read, key: Way) -> ir.Tunnel:
    name = key[1]
    return ir.Tunnel(cluster=name, passes_name_on=name == EGRESS, origin=_to_egress(read, key).origin)


def _cluster(read: Read, key: Way) -> ir.Cluster:
    return _to_egress(read, key) if key[1] == EGRESS else doors_cluster(read, key[1])


def _to_egress(read: Read, key: Way) -> ir.Cluster:
    mesh = _mesh(read, key[0])
    return ir.Cluster(
        name=EGRESS,
        protocol=ir.Protocol.TCP,
        transport=MeshTransport(
            server_name="egress.sekisho",  # each connection has its own, see `Tunnel.passes_name_on`
            identities=egress_identities(read, mesh),
            alpn=ALPN_TCP,
            members_only=True,
        ),
        outliers=OUTLIERS,
        told_at_once=True,
        origin=Origin(ResourceId("Mesh", "", mesh), "spec.zoneEgress"),
    )


def _endpoints(read: Read, key: Way) -> ir.Endpoints | None:
    if key[1] != EGRESS:
        return doors_endpoints(read, key[1])
    mesh = _mesh(read, key[0])
    origin = Origin(ResourceId("Mesh", "", mesh), "spec.zoneEgress")
    return ir.Endpoints(cluster=EGRESS, endpoints=egress_places(read, mesh), origin=origin)


_OF_CALLERS = index("ways of callers", source=(WORLDS, "Gateway"), emit=_of_caller)
_OF_EGRESSES = index("ways of zone egresses", source=OUTLETS_IN_USE, emit=_of_egress)

WAYS = output("ways into other zones", source=_OF_CALLERS, build=_tunnel)
"""(World or Gateway, name) → `ir.Tunnel`."""

WAY_CLUSTERS = output("clusters of ways", source=(_OF_CALLERS, _OF_EGRESSES), build=_cluster)
"""(World or Gateway, name) → `ir.Cluster`."""

WAY_ENDPOINTS = output("endpoints of ways", source=(_OF_CALLERS, _OF_EGRESSES), build=_endpoints)
"""(World or Gateway, name) → `ir.Endpoints`; none where a zone is reached by host names."""
