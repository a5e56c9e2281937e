"""Virtual hosts: for each hostname of a route table, what all routes that have a say ask for, in order.

Envoy looks into one virtual host only, that of the most specific hostname. The Gateway API has no such wall:
its hostnames are the first criterion of *precedence* among rules ("precedence must be given to rules from
the HTTPRoute with the largest number of characters in a matching non-wildcard hostname…", HTTPRouteSpec),
so a request that matches no rule of `shop.example.com` goes on to those of `*.example.com`, then to those of
routes without hostname. Hence each virtual host carries the rules of all wider hostnames behind its own.
What is walled off are listeners: only routes of the one listener that owns a hostname are ever in its
virtual host (`listeners.owner`).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.kit.hostnames import EVERY, intersect, is_wildcard
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.attachment import PLACED, Place, attached_doors, own_hostnames
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listeners import Door, doors, owner, port_doors
from sekisho.translate.gateway.plans import Entry
from sekisho.translate.gateway.routes import at_listener, plan
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.gateway_policies import of_host, of_route, policy_filters
from sekisho.translate.mesh.names import Destination, destination_of


class HostKey(NamedTuple):
    """One hostname of one route table."""

    gateway: ResourceId
    table: str
    hostname: str


def covering(hostname: str) -> tuple[str, ...]:
    """Every pattern that covers `hostname`, the most specific first: itself, `*.…` by falling length, `*`."""
    patterns = [hostname]
    dot = hostname.find(".", 2 if hostname.startswith("*.") else 0)
    while dot != -1:
        patterns.append(f"*{hostname[dot:]}")
        dot = hostname.find(".", dot + 1)
    if hostname != EVERY:
        patterns.append(EVERY)
    return tuple(patterns)


@query
def virtual_host(read: Read, gateway: ResourceId, table: str, hostname: str) -> ir.VirtualHost:
    """Everything for one hostname; without a route that has a say it answers 404, and 421 where another
    HTTPS listener should have been asked (GatewayHTTPSListenerDetectMisdirectedRequests).
    """
    port, _, listener = table.partition("/")
    host_owner = owner(port_doors(read, gateway, int(port)), hostname)
    if host_owner is None:
        return ir.VirtualHost(table=table, hostname=hostname, routes=())
    if listener and host_owner.name != listener:
        return _misdirected(table, hostname, host_owner)
    entries = _entries(read, host_owner, hostname)
    entries.sort()
    treatment = of_host(read, gateway, host_owner.port, host_owner.name)
    routes = [
        _with_policies(read, gateway, at_listener(entry.route, host_owner.scheme, host_owner.port), treatment)
        for _, entry in entries
    ]
    resources = {route.origin.resource for route in routes}
    origins = sorted([host_owner.origin, *map(Origin, resources)])
    return ir.VirtualHost(
        table=table,
        hostname=hostname,
        routes=tuple(routes),
        origins=tuple(origins),
        treatment=treatment,
        filters=policy_filters(read, gateway),
    )


@query
def wildcard_table(read: Read, gateway: ResourceId, table: str) -> ir.WildcardTable:
    """All wildcard hostnames of a table, for requests whose host has no virtual host of its own."""
    hostnames = sorted(host.hostname for host in read.bucket(_WILDCARDS, (gateway, table)))
    hosts = tuple(virtual_host(read, gateway, table, hostname) for hostname in hostnames)
    return ir.WildcardTable(table=table, hosts=hosts)


def _entries(read: Read, host_owner: Door, hostname: str) -> list[tuple[int, Entry]]:
    """The rules of each route once, by its most specific hostname that covers this one; with the place of
    that hostname among those that do."""
    found: list[tuple[int, Entry]] = []
    seen: set[ResourceId] = set()
    for width, pattern in enumerate(covering(hostname)):
        here = read.bucket(PLACED, Place(host_owner.gateway, host_owner.name, pattern))
        if here:
            for route in here - seen:
                found += [(width, entry) for entry in plan(read, route).entries]
            seen |= here
    return found


def _with_policies(read: Read, gateway: ResourceId, route: ir.Route, treatment: ir.Treatment) -> ir.Route:
    """What policies say about requests to the first of its backends: a rule has one timeout, one retry.
    `treatment`: that of the host."""
    by, destination = route.origin.resource, _first_destination(route.action)
    own = of_route(read, gateway, treatment, by, destination)
    if own is not None:
        route = replace(route, treatment=own)
    action = route.action
    if destination is None or not isinstance(action, ir.Forward):
        return route
    wanted = effective.forward_with_policies(read, gateway, action, destination, by)
    return route if wanted is action else replace(route, action=wanted)


def _first_destination(action: ir.Action) -> Destination | None:
    if not isinstance(action, ir.Forward):
        return None
    named = next((share.cluster for share in action.shares if share.cluster is not None), None)
    return None if named is None else destination_of(named)


def _misdirected(table: str, hostname: str, host_owner: Door) -> ir.VirtualHost:
    """The connection was made for one listener's certificate, the request is for another listener's host."""
    answer = ir.Route(
        name=f"misdirected/{host_owner.name}",
        match=ir.RouteMatch(),
        action=ir.Respond(status=421),
        origin=host_owner.origin,
    )
    return ir.VirtualHost(table=table, hostname=hostname, routes=(answer,), origins=(host_owner.origin,))


def _hosts(read: Read, resource: ResourceId) -> Iterable[HostKey]:
    of_kind = _hosts_of_gateway if resource.kind == "Gateway" else _hosts_of_route
    return of_kind(read, resource)


def _hosts_of_gateway(read: Read, gateway: ResourceId) -> Iterator[HostKey]:
    """A listener's own hostname is always there, so that no wider one answers in its place; and so are, in
    the table of an HTTPS listener, those of its neighbours, to be answered 421."""
    if not _is_served(read, gateway):
        return
    for one in doors(read, gateway):
        if one.fault is None and one.reads_http:
            for neighbour in port_doors(read, gateway, one.port):
                yield HostKey(gateway, one.table, neighbour.hostname)


def _hosts_of_route(read: Read, route: ResourceId) -> Iterator[HostKey]:
    """The hostnames a route shares with the listeners it is attached to, where the listener owns them."""
    hostnames = own_hostnames(read.leaf(route))
    for one in attached_doors(read, route):
        if not _is_served(read, one.gateway):
            continue
        neighbours = port_doors(read, one.gateway, one.port)
        for pattern in hostnames:
            hostname = intersect(one.hostname, pattern)
            found = owner(neighbours, hostname) if hostname else None
            if hostname and found is not None and found.name == one.name:
                yield HostKey(one.gateway, one.table, hostname)


def _is_served(read: Read, gateway: ResourceId) -> bool:
    found = admission(read, gateway)
    return found is not None and bool(found.addresses)


def _tables(read: Read, gateway: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    """Every table a listener may look into, so that none ever waits for one that has no wildcard yet."""
    if _is_served(read, gateway):
        yield from (
            (gateway, one.table) for one in doors(read, gateway) if one.fault is None and one.reads_http
        )


def _wildcard_of(_: Read, key: HostKey) -> tuple[tuple[ResourceId, str], ...]:
    return ((key.gateway, key.table),) if is_wildcard(key.hostname) else ()


def _exact_host(read: Read, key: HostKey) -> ir.VirtualHost | None:
    return None if is_wildcard(key.hostname) else virtual_host(read, *key)


def _wildcard_table(read: Read, key: tuple[ResourceId, str]) -> ir.WildcardTable:
    return wildcard_table(read, *key)


HOSTS = index("hostnames", source=("Gateway", "HTTPRoute", "GRPCRoute"), emit=_hosts)
"""`HostKey` → the resources that give a table this hostname."""

_WILDCARDS = index("wildcard hostnames", source=HOSTS, emit=_wildcard_of)

_TABLES = index("route tables", source="Gateway", emit=_tables)

VIRTUAL_HOSTS = output("virtual hosts", source=HOSTS, build=_exact_host)
"""`HostKey` of an exact hostname → `ir.VirtualHost`."""

WILDCARD_TABLES = output("wildcard tables", source=_TABLES, build=_wildcard_table)
"""(gateway, table) → `ir.WildcardTable`: there for every table, empty when it has no wildcard hostname."""
