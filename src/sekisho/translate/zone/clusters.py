"""The way to a port of a Service of another zone: through that zone's ingress, by mutual TLS end to end."""

from ipaddress import ip_address

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP, MeshTransport
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.zone.egress import EGRESS, is_through_egress
from sekisho.translate.zone.remote import (
    Door,
    doors,
    healthy_instances,
    remote_identities,
    remote_port,
    remote_server_name,
    remote_zone,
    zone_behind,
)

PROBE = ir.HealthCheck(
    kind="tcp",
    bare=True,
    interval_ms=5_000,
    no_traffic_interval_ms=15_000,
    no_traffic_healthy_interval_ms=300_000,
    timeout_ms=2_000,
    unhealthy_threshold=2,
    initial_jitter_ms=0,
    interval_jitter_percent=20,
    reuse_connection=False,
)
"""Whether an ingress is there at all: a connection, and no handshake, as many proxies ask. Where nothing is
sent, one that is there is asked rarely; one that is not is asked again soon, for it may be known to callers a
moment before it listens, and what is sent first has to find it."""
OUTLIERS = ir.Outliers(
    interval_ms=1_000,
    base_ejection_ms=5_000,
    max_ejection_percent=100,
    split_local_errors=True,
    consecutive_local_failures=3,
)
"""An ingress that connections fail at is left out for a while. What instances behind it answer is no fault of
an ingress: it would take all of them along."""
BALANCING = ir.Balancing(panic_percent=1)
"""An ingress known to be away is used only when all of them are."""
CONNECT_MILLISECONDS = 2_000
"""Longer than within a zone, and short enough to try another ingress."""
PING = ir.Ping(interval_ms=500, timeout_ms=1_000)
"""An ingress that vanished without a word has to be noticed while others can still take over."""

LIMITS = ir.Limits(retries=256)
"""When an ingress dies, half of all requests may have to be tried elsewhere: a budget of a fifth would answer
the others 503. So many at once are still no flood."""
STREAMS, REQUESTS_PER_CONNECTION = 16, 1_000
"""An ingress deals out connections, not requests: with few of these on each, for a while, all instances get
their share (docs/decisions/2026-11-22-requests-over-instances-of-other-zones.md)."""


@query
def remote_cluster(
    read: Read,
    destination: Destination,
    protocol: ir.Protocol,
    over_http: bool,  # noqa: FBT001 - a key of the cache
) -> ir.Cluster | None:
    """None where there is no such port. `over_http`: the caller has requests and not bytes."""
    service = destination.resource
    if remote_port(read, service, destination.port) is None:
        return None
    if is_through_egress(read, service):
        return _within_egress(read, destination, protocol, over_http=over_http)
    return ir.Cluster(
        name=cluster_name(destination),
        protocol=protocol,
        transport=remote_transport(read, destination, over_http=over_http),
        hosts=remote_hosts(read, destination),
        connect_timeout_ms=CONNECT_MILLISECONDS,
        streams=STREAMS,
        requests_per_connection=REQUESTS_PER_CONNECTION,
        limits=LIMITS,
        ping=PING,
        outliers=OUTLIERS,
        health_checks=(PROBE,),
        balancing=BALANCING,
        told_at_once=True,
        origin=destination.origin,
    )


def _within_egress(
    read: Read, destination: Destination, protocol: ir.Protocol, *, over_http: bool
) -> ir.Cluster:
    """The same mutual TLS end to end, within that to a zone egress, which opens its own and not this one."""
    return ir.Cluster(
        name=cluster_name(destination),
        protocol=protocol,
        transport=remote_transport(read, destination, over_http=over_http),
        inside=EGRESS,
        connect_timeout_ms=2 * CONNECT_MILLISECONDS,
        streams=STREAMS,
        requests_per_connection=REQUESTS_PER_CONNECTION,
        limits=LIMITS,
        ping=PING,
        origin=destination.origin,
    )


def doors_cluster(read: Read, name: str) -> ir.Cluster:
    """To the doors of a zone with whatever connections there are (`doors_name`)."""
    there = zone_behind(name)
    found = doors(read, there)
    hosts = None if all(_is_address(door) for door in found) else tuple(ir.Host(*door) for door in found)
    return ir.Cluster(
        name=name,
        protocol=ir.Protocol.TCP,
        hosts=hosts,
        connect_timeout_ms=CONNECT_MILLISECONDS,
        outliers=OUTLIERS,
        health_checks=(replace(PROBE, bare=False),),
        balancing=BALANCING,
        told_at_once=True,
        origin=Origin(ResourceId("Zone", "", there)),
    )


def doors_endpoints(read: Read, name: str) -> ir.Endpoints | None:
    """None where they are host names, which the proxy looks up."""
    there = zone_behind(name)
    found = doors(read, there)
    if not all(_is_address(door) for door in found):
        return None
    endpoints = tuple(ir.Endpoint(door.address, door.port, there) for door in found)
    return ir.Endpoints(cluster=name, endpoints=endpoints, origin=Origin(ResourceId("Zone", "", there)))


def remote_transport(read: Read, destination: Destination, *, over_http: bool) -> MeshTransport:
    """Mutual TLS with an instance itself: the ingress passes it on by its server name.

    Every instance of what a zone shows has a sidecar, so requests go as HTTP/2 wherever HTTP is spoken.
    """
    service = destination.resource
    plain = MeshTransport(
        server_name=remote_server_name(read, service, destination.port),
        identities=remote_identities(read, service),
        alpn=ALPN_HTTP2 if over_http else ALPN_TCP,
        members_only=True,
    )
    port = remote_port(read, service, destination.port)
    if port is None:
        return plain
    return replace(plain, min_version=port.min_version, max_version=port.max_version, ciphers=port.ciphers)


@query
def remote_hosts(read: Read, destination: Destination) -> tuple[ir.Host, ...] | None:
    """The doors of its zone where any of them is a host name, which the proxy looks up; None where all are
    addresses: then they come as endpoints."""
    found = doors(read, remote_zone(read, destination.resource))
    if all(_is_address(door) for door in found):
        return None
    if not healthy_instances(read, destination.resource, destination.port):
        return ()
    return tuple(ir.Host(door.address, door.port) for door in found)


def remote_endpoints(read: Read, destination: Destination, cluster: str) -> ir.Endpoints | None:
    """The doors of its zone, under the name of a cluster: all alike, as each leads to all instances; none
    while no instance there takes requests. None where there is no such port, or the doors are looked up by
    name."""
    service = destination.resource
    if remote_port(read, service, destination.port) is None or remote_hosts(read, destination) is not None:
        return None
    found: tuple[ir.Endpoint, ...] = ()
    if _is_served(read, destination):
        zone = remote_zone(read, service)
        found = tuple(ir.Endpoint(door.address, door.port, zone, meshed=True) for door in doors(read, zone))
    return ir.Endpoints(cluster=cluster, endpoints=found, origin=Origin(service))


@query
def _is_served(read: Read, destination: Destination) -> bool:
    """So that one more or less moves nothing."""
    return healthy_instances(read, destination.resource, destination.port) > 0


def _is_address(door: Door) -> bool:
    try:
        ip_address(door.address)
    except ValueError:
        return False
    return True
