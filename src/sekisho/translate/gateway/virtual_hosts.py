"""Virtual hosts: for each hostname of a route table, what all routes that have a say ask for, in order.

Envoy looks into one virtual host only, that of the most specific hostname. The Gateway API has no such wall:
its hostnames are the first criterion of *precedence* among rules ("precedence must be given to rules from
the HTTPRoute with the largest number of characters in a matching non-wildcard hostname…", HTTPRouteSpec),
so a request that matches no rule of `shop.example.com` goes on to those of `*.example.com`, then to those of
routes without hostname. Hence each virtual host carries the rules of all wider hostnames behind its own.
What is walled off are listeners: only routes of the one listener that owns a hostname are ever in its
virtual host (`doors.owner`). All HTTPS listeners of a port share a table, and each virtual host says by which
server name its requests must have come: what came for another listener's is answered 421
(GatewayHTTPSListenerDetectMisdirectedRequests).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.kit.hostnames import covering, intersect, is_wildcard
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.attachment import PLACED, Place
from sekisho.translate.gateway.backend_traffic import with_retry_budgets
from sekisho.translate.gateway.doors import Use, door, doors, owner, owns
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listener_sets import SOURCES
from sekisho.translate.gateway.listeners import Door, tls_table
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


@query
def virtual_host(read: Read, gateway: ResourceId, table: str, hostname: str) -> ir.VirtualHost:
    """See `_virtual_host`: remembered for the wildcard hostnames of a table, which become one thing."""
    return _virtual_host(read, gateway, table, hostname)


def _virtual_host(read: Read, gateway: ResourceId, table: str, hostname: str) -> ir.VirtualHost:
    """Everything for one hostname; without a route that has a say it answers 404."""
    found = owner(read, _use(gateway, table), hostname)
    if found is None:
        return ir.VirtualHost(table=table, hostname=hostname, routes=())
    entries = _entries(read, found, hostname)
    entries.sort()
    treatment = of_host(read, gateway, found.port, found.label)
    routes = [
        _with_policies(read, gateway, at_listener(entry.route, found.scheme, found.port), treatment)
        for _, entry in entries
    ]
    resources = {route.origin.resource for route in routes}
    origins = sorted([found.origin, *map(Origin, resources)])
    return ir.VirtualHost(
        table=table,
        hostname=hostname,
        server_name=found.hostname if found.scheme in ("https", "tls") else "",
        routes=tuple(routes),
        origins=tuple(origins),
        treatment=treatment,
        filters=policy_filters(read, gateway),
    )


def _use(gateway: ResourceId, table: str) -> Use:
    """How listeners use the port of a table."""
    port = int(table.partition("/")[0])
    return Use(gateway, "tcp", port, "TLS" if table == tls_table(port) else "http")


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
        here = read.bucket(PLACED, Place(host_owner.source, host_owner.name, pattern))
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
    said = effective.forward_with_policies(read, gateway, action, destination, by)
    wanted = with_retry_budgets(read, said)
    return route if wanted is action else replace(route, action=wanted)


def _first_destination(action: ir.Action) -> Destination | None:
    if not isinstance(action, ir.Forward):
        return None
    named = next((share.cluster for share in action.shares if share.cluster is not None), None)
    return None if named is None else destination_of(named)


def _hosts(read: Read, key: ResourceId | Place) -> Iterable[HostKey]:
    return _hosts_of_place(read, key) if isinstance(key, Place) else _hosts_of_source(read, key)


def _hosts_of_source(read: Read, source: ResourceId) -> Iterator[HostKey]:
    """A listener's own hostname is always there, so that no wider one answers in its place; beside HTTPS
    listeners also that of one which is closed or passes connections on, to be answered 421."""
    for one in doors(read, source):
        if not _is_served(read, one.gateway) or one.scheme not in ("http", "https", "tls"):
            continue
        table = tls_table(one.port) if one.sharing == "TLS" else one.table
        is_open = one.fault is None and one.reads_http
        if is_open or (_holds_hosts(one) and _has_table(read, one.gateway, table)):
            yield HostKey(one.gateway, table, one.hostname)


def _holds_hosts(one: Door) -> bool:
    """Whether a listener's hostname is its own, closed or not: not where the whole port is another's."""
    return one.fault is None or one.fault.reason != "ProtocolConflict"


def _hosts_of_place(read: Read, place: Place) -> Iterator[HostKey]:
    """The hostname that routes share with a listener they are attached to, where the listener owns it."""
    one = door(read, place.source, place.door)
    if one is None or not one.reads_http or not _is_served(read, one.gateway):
        return
    hostname = intersect(one.hostname, place.hostname)
    if hostname and owns(read, one, hostname):
        yield HostKey(one.gateway, one.table, hostname)


def _is_served(read: Read, gateway: ResourceId) -> bool:
    found = admission(read, gateway)
    return found is not None and bool(found.addresses)


def _tables(read: Read, source: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    """Every table a listener may look into, so that none ever waits for one that has no wildcard yet."""
    yield from (
        (one.gateway, one.table)
        for one in doors(read, source)
        if one.fault is None and one.reads_http and _is_served(read, one.gateway)
    )


@query
def _has_table(read: Read, gateway: ResourceId, table: str) -> bool:
    """Whether any listener of a Gateway looks into a table."""
    return read.count(_TABLES, (gateway, table)) > 0


def _table_of(_: Read, key: HostKey) -> tuple[tuple[ResourceId, str]]:
    return ((key.gateway, key.table),)


def _is_wildcard(key: HostKey) -> bool:
    return is_wildcard(key.hostname)


def _is_exact(key: HostKey) -> bool:
    return not is_wildcard(key.hostname)


def _exact_host(read: Read, key: HostKey) -> ir.VirtualHost:
    return _virtual_host(read, *key)


def _wildcard_table(read: Read, key: tuple[ResourceId, str]) -> ir.WildcardTable:
    return wildcard_table(read, *key)


_TABLES = index("route tables", source=SOURCES, emit=_tables)

HOSTS = index("hostnames", source=(*SOURCES, PLACED), emit=_hosts)
"""`HostKey` → the Gateways, ListenerSets and places of routes that give a table this hostname."""

_WILDCARDS = index("wildcard hostnames", source=HOSTS, emit=_table_of, where=_is_wildcard)

VIRTUAL_HOSTS = output("virtual hosts", source=HOSTS, build=_exact_host, where=_is_exact)
"""`HostKey` of an exact hostname → `ir.VirtualHost`."""

WILDCARD_TABLES = output("wildcard tables", source=_TABLES, build=_wildcard_table)
"""(gateway, table) → `ir.WildcardTable`: there for every table, empty when it has no wildcard hostname."""
