"""What sidecars see of others, made once for all Worlds that see the same (see `worlds.World`).

A thousand services in a hundred Worlds are not a hundred thousand things to keep: each is made per profile,
client or place, and a World is a set of services. Whoever publishes joins the two (`MEMBERS`).
"""

from collections.abc import Iterator

from msgspec import Struct

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.ir.agent import HostnameRecord
from sekisho.ir.sidecar import Outbound, RouteTable
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.attachment import routed_services
from sekisho.translate.mesh.clusters import reads_http, sidecar_cluster
from sekisho.translate.mesh.collectors import helper_destinations
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.headless import direct_cluster, direct_outbound, direct_parts
from sekisho.translate.mesh.hostnames import hostname_record, hostnames
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
    return Membership(services=seen, backends=frozenset(led))


def _profile(_: Read, world: World) -> tuple[World, ...]:
    return (world.profile,)


def _seen(read: Read, profile: World) -> frozenset[ResourceId]:
    """What is visible in any World of a profile."""
    return frozenset().union(*(visible(read, world) for world in read.bucket(_PROFILES, profile)))


def _ports(read: Read, profile: World) -> Iterator[tuple[World, Destination]]:
    for resource in _seen(read, profile):
        for destination in destinations(read, resource):
            yield profile, destination


def _names(read: Read, profile: World) -> Iterator[tuple[World, Part]]:
    for resource in _seen(read, profile):
        for hostname in hostnames(read, resource):
            yield profile, Part(*resource, hostname)


def _instances(read: Read, profile: World) -> Iterator[tuple[World, Part]]:
    for resource in () if profile.outbound else _seen(read, profile):
        for part in direct_parts(read, resource):
            yield profile, part


def _requested(_: Read, key: tuple[World, Destination]) -> tuple[tuple[World, Destination], ...]:
    return ((key[0].client, key[1]),)


def _reached(read: Read, key: tuple[World, Destination]) -> Iterator[tuple[World, Destination]]:
    client, destination = key
    yield key
    for backend in backends(read, client, destination):
        if backend != destination:
            yield client, backend


def _helping(read: Read, profile: World) -> Iterator[tuple[World, Destination]]:
    for helper in helper_destinations(read, profile.client):
        yield profile.client, helper


def _place(_: Read, world: World) -> tuple[tuple[World, World], ...]:
    return ((world.client, world.located),)


def _client(_: Read, place: tuple[World, World]) -> tuple[World, ...]:
    return place[:1]


def _located(read: Read, key: tuple[World, Destination]) -> Iterator[tuple[World, Destination]]:
    client, destination = key
    if destination.kind != "ExternalService" or is_through_egress(read, destination.resource):
        for _, located in read.bucket(_PLACES, client):
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
    return hostname_record(read, *key)


_PROFILES = index("profiles", source=WORLDS, emit=_profile)
_PORTS = index("visible ports", source=_PROFILES, emit=_ports)
_NAMES = index("visible hostnames", source=_PROFILES, emit=_names)
_INSTANCES = index("visible instances", source=_PROFILES, emit=_instances)
_HEADLESS = index("headless ports", source=_INSTANCES, emit=_led_by)
_REQUESTED = index("requested ports", source=_PORTS, emit=_requested)
_REACHED = index("reached ports", source=_REQUESTED, emit=_reached)
_HELPING = index("ports of collectors", source=_PROFILES, emit=_helping)
_PLACE_OF_CLIENT = index("clients at places", source=WORLDS, emit=_place)
_PLACES = index("places of clients", source=_PLACE_OF_CLIENT, emit=_client)
"""`World.client` → (client, `World.located`)."""
_LOCATED = index("located ports", source=(_REACHED, _HELPING), emit=_located)

MEMBERS = output("members", source=WORLDS, build=membership)
"""World → `Membership`."""

OUTBOUNDS = output("outbounds", source=_PORTS, build=_outbound)
"""(`World.profile`, destination) → `ir.Outbound`."""

ROUTE_TABLES = output("outbound route tables", source=_REQUESTED, build=_route_table)
"""(`World.client`, destination) → `ir.RouteTable`; none where the outbound reads no HTTP."""

MESH_CLUSTERS = output("mesh clusters", source=(_REACHED, _HELPING), build=_cluster)
"""(`World.client`, destination) → `ir.Cluster`."""

DIRECT_OUTBOUNDS = output("direct outbounds", source=_INSTANCES, build=_direct_outbound)
"""(`World.profile`, `Part` `<port>/<workload>`) → `ir.Outbound` of one instance of a headless Service."""

DIRECT_CLUSTERS = output("direct clusters", source=_HEADLESS, build=_direct_cluster)
"""(`World.client`, destination) → `ir.Cluster` of all instances of a headless Service."""

MESH_ENDPOINTS = output("mesh endpoints", source=_LOCATED, build=_endpoints)
"""(`World.located`, destination) → `ir.Endpoints`."""

HOSTNAMES = output("hostnames of the mesh", source=_NAMES, build=_hostname)
"""(`World.profile`, `Part` of the name) → `ir.HostnameRecord`."""
