"""What sidecars see of others, made once for all Worlds that see the same (see `worlds.World`).

A thousand services in a hundred Worlds are not a hundred thousand things to keep: each is made per part of
Worlds, and a World is a set of services. Whoever publishes joins the two (`MEMBERS`).
"""

from collections.abc import Iterator

from msgspec import Struct

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.ir.agent import HostnameRecord
from sekisho.ir.sidecar import Outbound, RouteTable
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.at_once import at_once
from sekisho.translate.mesh.attachment import routed_services
from sekisho.translate.mesh.clusters import reads_http, sidecar_cluster
from sekisho.translate.mesh.collectors import helper_destinations
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.gathering import instances, names, ports
from sekisho.translate.mesh.headless import direct_cluster, direct_outbound
from sekisho.translate.mesh.hostnames import hostname_record
from sekisho.translate.mesh.names import Destination, Part, cluster_name
from sekisho.translate.mesh.outbounds import outbound
from sekisho.translate.mesh.places import near_endpoints
from sekisho.translate.mesh.route_tables import backends, route_table
from sekisho.translate.mesh.sight import WORLDS, visible
from sekisho.translate.mesh.worlds import World
from sekisho.translate.zone.egress import is_through_egress


class Membership(Struct, frozen=True, kw_only=True, gc=False):
    """Which of what is made for its parts a World gets."""

    services: frozenset[ResourceId]
    """Everything of these: Services, ExternalServices, and Services of other zones."""
    backends: frozenset[Destination]
    """Clusters and endpoints of further ones, to which routes of the visible ones lead, and of collectors."""
    at_once: frozenset[str] | None = None
    """Of a World that fetches the others at first use: clusters that it gets, with their endpoints, without
    asking; None for all."""


@query
def membership(read: Read, world: World) -> Membership:
    """What is in a World."""
    seen, client = visible(read, world), world.client
    led = {
        backend
        for service in seen & routed_services(read, world.mesh)
        for destination in destinations(read, service)
        for backend in backends(read, client, destination)
        if backend.resource not in seen
    }
    led |= {helper for helper in helper_destinations(read, client) if helper.resource not in seen}
    at_start = at_once(read, world) if world.on_demand else None
    return Membership(services=seen, backends=frozenset(led), at_once=at_start)


def _profile(_: Read, world: World) -> tuple[World, ...]:
    return (world.profile,)


def _client(_: Read, world: World) -> tuple[World, ...]:
    return (world.client,)


def _named(_: Read, world: World) -> tuple[World, ...]:
    return () if world.named is None else (world.named,)


def _place(_: Read, world: World) -> tuple[World, ...]:
    return (world.located,)


@query
def _requested(read: Read, client: World) -> frozenset[Destination]:
    """What can be called in any World of a client."""
    return ports(read, read.bucket(_CLIENTS, client))


@query
def _led(read: Read, client: World) -> frozenset[Destination]:
    """Where calls of a client go by way of a route, and what it sends logs and spans to."""
    routed = routed_services(read, client.mesh)
    called = (one for one in _requested(read, client) if one.resource in routed) if routed else ()
    found = {backend for destination in called for backend in backends(read, client, destination)}
    return frozenset(found.union(helper_destinations(read, client)))


def _bound_ports(read: Read, profile: World) -> Iterator[tuple[World, Destination]]:
    for destination in () if profile == profile.client else _of_profile(read, profile):
        yield profile, destination


def _captured_ports(read: Read, profile: World) -> Iterator[tuple[World, Destination]]:
    for destination in _of_profile(read, profile) if profile == profile.client else ():
        yield profile, destination


@query
def _of_profile(read: Read, profile: World) -> frozenset[Destination]:
    """What can be called in any World of a profile."""
    return ports(read, read.bucket(_PROFILES, profile))


def _names(read: Read, named: World) -> Iterator[tuple[World, Part]]:
    for part in names(read, read.bucket(_NAMED, named)):
        yield named, part


def _instances(read: Read, profile: World) -> Iterator[tuple[World, Part]]:
    for part in () if profile.outbound else instances(read, read.bucket(_PROFILES, profile)):
        yield profile, part


def _requested_ports(read: Read, client: World) -> Iterator[tuple[World, Destination]]:
    for destination in _requested(read, client) - _of_profile(read, client):
        yield client, destination


def _led_to(read: Read, client: World) -> Iterator[tuple[World, Destination]]:
    for destination in _led(read, client) - _requested(read, client):
        yield client, destination


def _located(read: Read, located: World) -> Iterator[tuple[World, Destination]]:
    """Of others, the endpoints are in their clusters."""
    clients = {world.client for world in read.bucket(_PLACES, located)}
    called = (one(read, client) for client in clients for one in (_requested, _led))
    for destination in frozenset().union(*called):
        if destination.kind != "ExternalService" or is_through_egress(read, destination.resource):
            yield located, destination


def _outbound(read: Read, key: tuple[World, Destination]) -> Outbound | None:
    return outbound(read, *key)


def _route_table(read: Read, key: tuple[World, Destination]) -> RouteTable | None:
    return route_table(read, *key) if reads_http(read, *key) else None


def _cluster(read: Read, key: tuple[World, Destination]) -> ir.Cluster | None:
    return sidecar_cluster(read, *key)


def _led_by(_: Read, key: tuple[World, Part]) -> Iterator[tuple[World, Destination]]:
    profile, part = key
    yield profile.client, Destination(*part.resource, int(part.part.partition("/")[0]))


def _direct_outbound(read: Read, key: tuple[World, Part]) -> Outbound | None:
    return direct_outbound(read, *key)


def _direct_cluster(read: Read, key: tuple[World, Destination]) -> ir.Cluster | None:
    return direct_cluster(read, *key)


def _endpoints(read: Read, key: tuple[World, Destination]) -> ir.Endpoints | None:
    return near_endpoints(read, key[0], cluster_name(key[1]))


def _hostname(read: Read, key: tuple[World, Part]) -> HostnameRecord:
    return hostname_record(read, key[1])


_PROFILES = index("profiles", source=WORLDS, emit=_profile)
_CLIENTS = index("clients", source=WORLDS, emit=_client)
_NAMED = index("those who ask for names", source=WORLDS, emit=_named)
_PLACES = index("places", source=WORLDS, emit=_place)
"""Part of Worlds → the Worlds."""

_CAPTURED = index("captured ports", source=_PROFILES, emit=_captured_ports)
"""(`World.client`, destination) of those whose profile it is as well, as it is of most: once for both."""
_BOUND = index("bound ports", source=_PROFILES, emit=_bound_ports)
"""(`World.profile`, destination) of the others."""
_NAMES = index("visible hostnames", source=_NAMED, emit=_names)
_INSTANCES = index("visible instances", source=_PROFILES, emit=_instances)
_HEADLESS = index("headless ports", source=_INSTANCES, emit=_led_by)
_REQUESTED = index("requested ports", source=_CLIENTS, emit=_requested_ports)
_LED = index("ports that are led to", source=_CLIENTS, emit=_led_to)
_LOCATED = index("located ports", source=_PLACES, emit=_located)

MEMBERS = output("members", source=WORLDS, build=membership)
"""World → `Membership`."""

OUTBOUNDS = output("outbounds", source=(_CAPTURED, _BOUND), build=_outbound)
"""(`World.profile`, destination) → `ir.Outbound`."""

ROUTE_TABLES = output("outbound route tables", source=(_CAPTURED, _REQUESTED), build=_route_table)
"""(`World.client`, destination) → `ir.RouteTable`; none where the outbound reads no HTTP."""

MESH_CLUSTERS = output("mesh clusters", source=(_CAPTURED, _REQUESTED, _LED), build=_cluster)
"""(`World.client`, destination) → `ir.Cluster`."""

DIRECT_OUTBOUNDS = output("direct outbounds", source=_INSTANCES, build=_direct_outbound)
"""(`World.profile`, `Part` `<port>/<workload>`) → `ir.Outbound` of one instance of a headless Service."""

DIRECT_CLUSTERS = output("direct clusters", source=_HEADLESS, build=_direct_cluster)
"""(`World.client`, destination) → `ir.Cluster` of all instances of a headless Service."""

MESH_ENDPOINTS = output("mesh endpoints", source=_LOCATED, build=_endpoints)
"""(`World.located`, destination) → `ir.Endpoints`."""

HOSTNAMES = output("hostnames of the mesh", source=_NAMES, build=_hostname)
"""(`World.named`, `Part` of the name) → `ir.HostnameRecord`."""
