"""Of a World that fetches ways at first use: which it gets without asking."""

from collections.abc import Iterator

from sekisho.engine import Read
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.attachment import routed_services
from sekisho.translate.mesh.collectors import helper_destinations
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.names import Destination, cluster_name, direct_name
from sekisho.translate.mesh.route_tables import backends, beside
from sekisho.translate.mesh.sight import named, visible
from sekisho.translate.mesh.worlds import World

_OUTSIDE = "ExternalService"


def at_once(read: Read, world: World) -> frozenset[str]:
    """Names of clusters: of what is named, and where its routes lead; of all that no call waits for, such as
    copies of requests, logs and spans; and of what is outside, whose names are to be looked up before
    somebody calls. Only for a World on demand."""
    client, seen = world.client, visible(read, world)
    outside = frozenset(one for one in seen if one.kind == _OUTSIDE)
    found = {*helper_destinations(read, client)}
    for destination in _ports(read, named(read, world) | outside):
        found |= {destination, *backends(read, client, destination)}
    for destination in _ports(read, seen & routed_services(read, world.mesh)):
        found |= beside(read, client, destination)
        found |= {one for one in backends(read, client, destination) if one.kind == _OUTSIDE}
    return frozenset(name for one in found for name in (cluster_name(one), direct_name(one)))


def _ports(read: Read, services: frozenset[ResourceId]) -> Iterator[Destination]:
    for service in services:
        yield from destinations(read, service)
