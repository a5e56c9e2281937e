"""What becomes of requests to a port of a Service: the routes attached to it, or straight on to it."""

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.sidecar import RouteTable
from sekisho.kit.hostnames import EVERY
from sekisho.model.names import Origin
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.gateway.routes import at_listener, mesh_plan
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.attachment import routes
from sekisho.translate.mesh.names import (
    Destination,
    cluster_name,
    leads_outside,
    outbound_name,
)
from sekisho.translate.mesh.worlds import World


def route_table(read: Read, client: World, destination: Destination) -> RouteTable:
    """All routes of one port for one client. Where any route is attached, what none of them matches is
    answered 404; where none is, everything goes to the Service itself (GEP-1294)."""
    name, service = outbound_name(destination), destination.resource
    attached = routes(read, service, destination.port, client.namespace)
    entries = sorted(entry for route in attached for entry in mesh_plan(read, route).entries)
    found = tuple(
        _with_policies(read, client, at_listener(entry.route, "http", destination.port), destination)
        for entry in entries
    )
    if not attached:
        found = (_straight(read, client, destination),)
    origins = tuple(sorted(map(Origin, (service, *attached))))
    host = ir.VirtualHost(table=name, hostname=EVERY, routes=found, origins=origins)
    return RouteTable(name=name, hosts=(host,), origin=destination.origin)


def backends(read: Read, client: World, destination: Destination) -> tuple[Destination, ...]:
    """Where what is sent to a port may go in the end, sorted: itself, or what its routes name."""
    attached = routes(read, destination.resource, destination.port, client.namespace)
    if not attached:
        return (destination,)
    names = {name for route in attached for name in mesh_plan(read, route).clusters}
    return tuple(sorted({way_of(name).destination for name in names}))


@query
def beside(read: Read, client: World, destination: Destination) -> frozenset[Destination]:
    """Where something is sent besides the requests themselves: copies of them, and questions whether they may
    pass. No request waits until the way there is found."""
    found: set[str] = set()
    for route in routes(read, destination.resource, destination.port, client.namespace):
        plan = mesh_plan(read, route)
        actions = [entry.route.action for entry in plan.entries]
        forwards = [action for action in actions if isinstance(action, ir.Forward)]
        shares = {share.cluster for forward in forwards for share in forward.shares}
        found |= set(plan.clusters) - shares if forwards else set()
        found |= {mirror.cluster for forward in forwards for mirror in forward.mirrors}
    return frozenset(way_of(name).destination for name in found)


def plain_forward(destination: Destination) -> ir.Forward:
    """Straight on, as without any route or policy."""
    share = ir.Share(cluster=cluster_name(destination), weight=1, origin=destination.origin)
    return ir.Forward(shares=(share,), host_of_server=leads_outside(cluster_name(destination)))


def _straight(read: Read, client: World, destination: Destination) -> ir.Route:
    """Straight on, where no route is attached, as policies for this client have it."""
    return ir.Route(
        name=cluster_name(destination),
        match=ir.RouteMatch(),
        action=effective.forward_with_policies(read, client, plain_forward(destination), destination, None),
        origin=destination.origin,
    )


def _with_policies(read: Read, client: World, route: ir.Route, destination: Destination) -> ir.Route:
    if not isinstance(route.action, ir.Forward):
        return route
    by = route.origin.resource
    action = effective.forward_with_policies(read, client, route.action, destination, by)
    return replace(route, action=action)
