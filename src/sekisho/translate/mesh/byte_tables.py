"""Where connections to a port of a Service go that nobody looks into: as TCPRoutes and TLSRoutes have it.

Of several with one claim the oldest wins, then the first by namespace and name, as at a Gateway. What none of
them is for is closed (GEP-1294): a server name that no TLSRoute has, or a connection without one.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read
from sekisho.ir.sidecar import NamedShares
from sekisho.kit.hostnames import EVERY
from sekisho.model.byteroutes import TCPRoute, TLSRoute
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.gateway.routes import mesh_plan
from sekisho.translate.mesh.attachment import routes
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.mesh.worlds import World

_NOWHERE = ((ir.CLOSED, 1),)
_ITSELF = 1


class Bytes(NamedTuple):
    """Where the bytes of a port go."""

    shares: tuple[tuple[str, int], ...]
    named: tuple[NamedShares, ...] = ()
    """By server name, in the place of `shares`."""


def bytes_of(read: Read, client: World, destination: Destination) -> Bytes:
    """As the routes say that hold for a client; straight on where there are none."""
    found = winners(read, client, destination)
    if not found:
        return Bytes(((cluster_name(destination), _ITSELF),))
    named = (
        NamedShares(hostname=hostname, shares=shares(read, route))
        for hostname, route in sorted(found.items())
        if hostname != EVERY
    )
    return Bytes(shares(read, found[EVERY]) if EVERY in found else _NOWHERE, tuple(named))


def winners(read: Read, client: World, destination: Destination) -> Mapping[str, ResourceId]:
    """By server name, or `*` for all connections: the route that has them. Empty where there is no route."""
    attached = routes(read, destination.resource, destination.port, client.namespace)
    found: dict[str, ResourceId] = {}
    for route in sorted(attached, key=lambda one: (read.leaf(one).metadata.creation_timestamp or "", one)):
        resource: TLSRoute | TCPRoute = read.leaf(route)
        for hostname in resource.spec.hostnames if isinstance(resource, TLSRoute) else (EVERY,):
            found.setdefault(hostname, route)
    return found


def shares(read: Read, route: ResourceId) -> tuple[tuple[str, int], ...]:
    """Where the bytes go that a route has, by cluster and weight; a backend that leads nowhere keeps its
    share, to be closed."""
    return tuple((_cluster(name), weight) for name, weight in mesh_plan(read, route).shares) or _NOWHERE


def _cluster(name: str | None) -> str:
    """Sidecars have one cluster for all that is carried."""
    return ir.CLOSED if name is None else cluster_name(way_of(name).destination)
