"""The way to a port of a MultiZoneService: one cluster over the services of all zones.

Each member is spoken to by its own server name and believed by its own identities, and who is tried when is
the endpoints' to say: by priority and weight
(docs/decisions/2026-11-22-a-multizoneservice-is-one-cluster.md).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import lcm

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP, MembersTransport, MeshTransport
from sekisho.kit.addresses import is_address
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.endpoints import placed_endpoints
from sekisho.translate.mesh.meshes import mesh_of, zone
from sekisho.translate.mesh.multizone import members, multi_port, multi_ports
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.mesh.policy_index import mesh_of_policy
from sekisho.translate.mesh.transport import is_wholly_meshed, mesh_transport
from sekisho.translate.zone.clusters import (
    BALANCING,
    LIMITS,
    PROBE,
    REQUESTS_PER_CONNECTION,
    STREAMS,
    remote_transport,
)
from sekisho.translate.zone.clusters import OUTLIERS as REMOTE_OUTLIERS
from sekisho.translate.zone.egress import EGRESS, is_through_egress
from sekisho.translate.zone.remote import doors, doors_name, healthy_instances, remote_zone

PING = ir.Ping(interval_ms=250, timeout_ms=800)
CONNECT_MILLISECONDS = 850
"""There is another zone to try, and whoever vanished without a word is noticed by both: a caller waits for a
ping to fail on the connection there is, then for a new one to fail, and is answered elsewhere within 2 s.
Connections take two round trips: zones may be 400 ms apart."""
OUTLIERS = replace(REMOTE_OUTLIERS, consecutive_local_failures=2)
"""Each call to an instance that is gone waits for its connection: two are enough to know."""
Placed = tuple[ir.Endpoint, Mapping[str, str]]


@query
def multizone_cluster(
    read: Read,
    destination: Destination,
    protocol: ir.Protocol,
    over_http: bool,  # noqa: FBT001 - a key of the cache
) -> ir.Cluster | None:
    """None where there is no such port. `over_http`: the caller has requests and not bytes."""
    if multi_port(read, destination.resource, destination.port) is None:
        return None
    return ir.Cluster(
        name=cluster_name(destination),
        protocol=protocol,
        transport=_transport(read, destination, over_http=over_http),
        connect_timeout_ms=CONNECT_MILLISECONDS,
        streams=STREAMS,
        requests_per_connection=REQUESTS_PER_CONNECTION,
        ping=PING,
        limits=LIMITS,
        outliers=OUTLIERS,
        health_checks=(PROBE,),
        balancing=BALANCING,
        told_at_once=True,
        origin=destination.origin,
    )


def placed_members(read: Read, destination: Destination) -> Iterator[Placed]:
    """The endpoints of all zones, each with the labels that say where it is. Of two that are at one address
    the last one counts: that of the first member.

    A zone weighs what its healthy instances are, whatever the number of its doors.
    """
    found = members(read, destination)
    scale = lcm(*(len(doors(read, remote_zone(read, one.resource))) or 1 for one in found if _is_far(one)))
    for member in reversed(found):
        yield from (_far if _is_far(member) else _near)(read, destination, member, scale)


@query
def has_names(read: Read, destination: Destination) -> bool:
    """Whether proxies look up where any of its zones is reached: then its endpoints are written in its
    cluster, as EDS takes addresses only."""
    tunnelled = doubled_zones(read, destination)
    far = {
        remote_zone(read, one.resource)
        for one in members(read, destination)
        if _is_far(one) and not is_through_egress(read, one.resource)
    }
    far -= tunnelled
    return any(not is_address(door.address) for there in far for door in doors(read, there))


@query
def doubled_zones(read: Read, destination: Destination) -> frozenset[str]:
    """The zones with several of its members behind the same doors: Envoy tells the endpoints of a cluster
    apart by their addresses alone, so that these are reached by a tunnel, at whose end the doors are."""
    found = Counter(remote_zone(read, one.resource) for one in members(read, destination) if _is_far(one))
    return frozenset(there for there, number in found.items() if number > 1)


@query
def shared_zones(read: Read, mesh: str) -> tuple[str, ...]:
    """Those of all MultiZoneServices of a mesh, sorted."""
    several = read.bucket(_SEVERAL, mesh) if mesh else ()
    ports = (
        Destination(one.kind, one.namespace, one.name, port.number)
        for one in several
        for port in multi_ports(read, one)
    )
    return tuple(sorted({there for port in ports for there in doubled_zones(read, port)}))


def _is_far(member: Destination) -> bool:
    return member.kind == "ZoneService"


def _transport(read: Read, destination: Destination, *, over_http: bool) -> MembersTransport:
    """HTTP/2 only where every instance of every member has a sidecar: those of other zones always have."""
    found = members(read, destination)
    over_http = over_http and all(_is_far(one) or is_wholly_meshed(read, one.resource) for one in found)
    ways = {cluster_name(one): _way(read, one, over_http=over_http) for one in found}
    return MembersTransport(
        members=tuple(sorted((name, way) for name, way in ways.items() if way is not None)),
        alpn=ALPN_HTTP2 if over_http else ALPN_TCP,
    )


def _way(read: Read, member: Destination, *, over_http: bool) -> MeshTransport | None:
    if _is_far(member):
        return remote_transport(read, member, over_http=over_http)
    return mesh_transport(read, member, over_http=over_http)


def _near(read: Read, _: Destination, member: Destination, scale: int) -> Iterator[Placed]:
    here, name, probed = zone(read), cluster_name(member), _are_checked(read, member)
    for endpoint, labels in placed_endpoints(read, name):
        placed = replace(
            endpoint, zone=here, weight=endpoint.weight * scale, probed=probed,
            member=name if endpoint.meshed else "",
        )  # fmt: skip
        yield placed, labels


def _tunnel(read: Read, destination: Destination, member: Destination, there: str) -> str:
    """What leads to a member of another zone from within the proxy; empty where its doors are called."""
    if is_through_egress(read, member.resource):
        return EGRESS
    return doors_name(there) if there in doubled_zones(read, destination) else ""


def _within(member: Destination, there: str, weight: int, tunnel: str) -> ir.Endpoint:
    """One endpoint, whatever the number of doors at the end of the tunnel. It is always there, so nobody has
    to ask it."""
    name = cluster_name(member)
    return ir.Endpoint(
        name, member.port, there, weight, meshed=True, tunnel=tunnel, member=name, probed=False
    )


def _far(read: Read, destination: Destination, member: Destination, scale: int) -> Iterator[Placed]:
    there = remote_zone(read, member.resource)
    instances, found = healthy_instances(read, member.resource, member.port), doors(read, there)
    through = _tunnel(read, destination, member, there)
    if through and instances and found:
        yield _within(member, there, instances * scale, through), {}
        return
    for door in found if instances else ():
        weight = instances * scale // len(found)
        endpoint = ir.Endpoint(
            door.address, door.port, there, weight, meshed=True, member=cluster_name(member)
        )
        yield endpoint, {}


def _are_checked(read: Read, member: Destination) -> bool:
    """Whether instances of this zone are asked how they are, too: only where somebody wrote so. Without that
    only doors of zones are asked: a zone knows its own instances."""
    return read.count(_CHECKED, mesh_of(read, member.namespace)) > 0


def _checked_mesh(read: Read, policy: ResourceId) -> tuple[str, ...]:
    return (mesh_of_policy(read, policy),)


def _mesh(read: Read, service: ResourceId) -> tuple[str, ...]:
    return (mesh_of(read, service.namespace),)


_SEVERAL = index("several zones by mesh", source="MultiZoneService", emit=_mesh)
_CHECKED = index("meshes with health checks", source="HealthCheck", emit=_checked_mesh)
