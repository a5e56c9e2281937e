"""Where connections to a port of a Service go that nobody looks into: as TCPRoutes and TLSRoutes have it.

Of several with one claim the oldest wins, then the first by namespace and name, as at a Gateway. What none of
them is for is closed (GEP-1294): a server name that no TLSRoute has, or a connection without one.
"""

from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read
from sekisho.ir.sidecar import NamedShares
from sekisho.model.byteroutes import TLSRoute
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
    attached = routes(read, destination.resource, destination.port, client.namespace)
    if not attached:
        return Bytes(((cluster_name(destination), _ITSELF),))
    oldest = sorted(attached, key=lambda route: (read.leaf(route).metadata.creation_timestamp or "", route))
    if oldest[0].kind != "TLSRoute":
        return Bytes(_shares(read, oldest[0]))
    winners: dict[str, ResourceId] = {}
    for route in oldest:
        resource: TLSRoute = read.leaf(route)
        for hostname in resource.spec.hostnames:
            winners.setdefault(hostname, route)
    named = (NamedShares(hostname=name, shares=_shares(read, winners[name])) for name in sorted(winners))
    return Bytes(_NOWHERE, tuple(named))


def _shares(read: Read, route: ResourceId) -> tuple[tuple[str, int], ...]:
    """A backend that leads nowhere keeps its share, to be closed."""
    return tuple((_cluster(name), weight) for name, weight in mesh_plan(read, route).shares) or _NOWHERE


def _cluster(name: str | None) -> str:
    """Sidecars have one cluster for all that is carried."""
    return ir.CLOSED if name is None else cluster_name(way_of(name).destination)
