"""What all policies of a kind say together, for a client and a destination, or for a port of a workload."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from msgspec import Struct

from sekisho.engine import Read, query
from sekisho.model.gateway import Gateway
from sekisho.model.names import Origin, ResourceId
from sekisho.model.workload import Workload
from sekisho.policies.callers import caller
from sekisho.policies.matching import Called, Proxy, Section, ServedPort, covers, picks_client, picks_server
from sekisho.policies.merging import Part, merged, typed
from sekisho.policies.registry import BY_KIND
from sekisho.policies.rules import EVERYBODY, Rule
from sekisho.translate.mesh.destinations import resource_labels
from sekisho.translate.mesh.instances import labels, services
from sekisho.translate.mesh.meshes import mesh_of, own_domain
from sekisho.translate.mesh.multizone import multi_port
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_index import (
    CLIENTS,
    DESTINATIONS,
    EVERYWHERE,
    ROUTES,
    SERVERS,
    ByName,
    ClientScope,
    Entry,
    ServerScope,
    entries,
    target_of,
)
from sekisho.translate.mesh.ports import service_port, service_ports, target_number
from sekisho.translate.mesh.worlds import World
from sekisho.translate.zone.remote import remote_port

Client = World | ResourceId
"""Who calls: sidecars of a World (`World.client`), a Gateway, or a Workload by itself."""


class Effective(NamedTuple):
    """The outcome of merging."""

    value: Any
    """The `default` of the kind; None where no policy says anything."""
    origins: tuple[tuple[str, Origin], ...]
    """Field path → the field of the policy that decided it, sorted."""


NOTHING = Effective(None, ())
_NONE: frozenset[str] = frozenset()


def client_policies(read: Read, kind: str, client: Client) -> tuple[ResourceId, ...]:
    """The policies of a kind whose targetRef picks a client, sorted."""
    return _client_policies(read, kind, _whoever(read, client))


def _whoever(read: Read, client: Client) -> Client:
    """One client for all workloads of a namespace that the same policies pick: they are many."""
    if isinstance(client, World) or client.kind != "Workload":
        return client
    picked = picked_one_by_one(read, client)
    return World.of(mesh_of(read, client.namespace), namespace=client.namespace, selected=picked)


@query
def _client_policies(read: Read, kind: str, client: Client) -> tuple[ResourceId, ...]:
    if isinstance(client, World):
        picked = {policy for policy in client.selected if policy.kind == kind}
        return tuple(sorted(picked | _broad(read, kind, client.mesh, client.namespace, ("Mesh", "Workload"))))
    mesh = mesh_of(read, client.namespace)
    found = set(_broad(read, kind, mesh, client.namespace, ("Mesh", client.kind)))
    picked = {one for one in picked_one_by_one(read, client) if one.kind == kind}
    return tuple(sorted(found | picked))


def selected(read: Read, workload: ResourceId) -> tuple[ResourceId, ...]:
    """The policies about calls that pick a workload by its name or labels, sorted."""
    return tuple(one for one in picked_one_by_one(read, workload) if BY_KIND[one.kind].tells_clients)


def picked_one_by_one(read: Read, proxy: ResourceId) -> tuple[ResourceId, ...]:
    """The policies, but for those with `rules`, that pick a Workload or Gateway by name or labels, sorted."""
    return _picked_of(read, proxy) if _looked_at(read, proxy) else ()


@query
def _picked_of(read: Read, proxy: ResourceId) -> tuple[ResourceId, ...]:
    return tuple(sorted(_picked(read, _looked_at(read, proxy), proxy_of(read, proxy))))


def _broad(
    read: Read, kind: str, mesh: str, namespace: str, groups: tuple[str, ...]
) -> frozenset[ResourceId]:
    """Policies for all proxies of some groups, everywhere or in a namespace."""
    found: frozenset[ResourceId] = frozenset()
    for group in groups:
        for place in dict.fromkeys((EVERYWHERE, namespace)):
            found |= read.bucket(CLIENTS, ClientScope(mesh, kind, group, place))
    return found


def _looked_at(read: Read, proxy: ResourceId) -> frozenset[ResourceId]:
    mesh, group = mesh_of(read, proxy.namespace), f"{proxy.kind}?"
    everywhere = read.bucket(CLIENTS, ClientScope(mesh, "", group, EVERYWHERE))
    return everywhere | read.bucket(CLIENTS, ClientScope(mesh, "", group, proxy.namespace))


def _picked(read: Read, policies: Iterable[ResourceId], proxy: Proxy) -> Iterator[ResourceId]:
    for policy in policies:
        resource = read.leaf(policy)
        if resource is not None and picks_client(resource, target_of(resource), proxy):
            yield policy


def proxy_of(read: Read, id_: ResourceId) -> Proxy:
    """What policies look at in a Workload or Gateway."""
    if id_.kind == "Workload":
        return Proxy(id_.kind, id_.namespace, id_.name, dict(labels(read, id_)))
    resource: Gateway | None = read.leaf(id_)
    return Proxy(id_.kind, id_.namespace, id_.name, resource.metadata.labels if resource else {})


def for_mesh(read: Read, kind: str, client: Client) -> Effective:
    """What holds whatever a client calls: entries `to: Mesh`, or the `default` of kinds without `to`."""
    return _for_mesh(read, kind, _whoever(read, client))


@query
def _for_mesh(read: Read, kind: str, client: Client) -> Effective:
    return _merged(kind, (entry.part for entry in _entries_for_mesh(read, kind, client)))


def for_destination(
    read: Read, kind: str, client: Client, destination: Destination, route: ResourceId | None = None
) -> Effective:
    """What holds for a client that calls a destination, perhaps because a route sends it there.

    Where nobody says anything special, all destinations share the answer for the mesh.
    """
    if kind in special_kinds(read, destination, route):
        return _for_destination(read, kind, client, destination, route)
    return for_mesh(read, kind, client)


def special_kinds(read: Read, destination: Destination, route: ResourceId | None = None) -> frozenset[str]:
    """The kinds of policies of which some say something special of a destination or a route to it."""
    if read.any(DESTINATIONS) or (route is not None and read.any(ROUTES)):
        return _special_kinds(read, destination, route)
    return _NONE


@query
def _for_destination(
    read: Read, kind: str, client: Client, destination: Destination, route: ResourceId | None
) -> Effective:
    called, special = called_at(read, destination, route), _special(read, destination, route)
    parts = [entry.part for entry in _entries_for_mesh(read, kind, client) if entry.destination is not None]
    parts += [
        entry.part
        for policy in client_policies(read, kind, client)
        if policy in special
        for entry in entries(read, policy)
        if entry.destination is not None
        and entry.destination.kind != "Mesh"
        and covers(policy.namespace, entry.destination, called)
    ]
    if route is not None:
        parts += [
            entry.part
            for policy in read.bucket(ROUTES, ByName(*route))
            if policy.kind == kind
            for entry in entries(read, policy)
            if entry.destination is not None
        ]
    return _merged(kind, parts)


@query
def _special_kinds(read: Read, destination: Destination, route: ResourceId | None) -> frozenset[str]:
    attached = frozenset() if route is None else read.bucket(ROUTES, ByName(*route))
    return frozenset(policy.kind for policy in attached | _special(read, destination, route))


def _special(read: Read, destination: Destination, route: ResourceId | None) -> frozenset[ResourceId]:
    """The policies with an entry that is, or may be, about a destination or a route to it."""
    names = [ByName(*destination.resource), ByName(destination.kind, "", "")]
    if route is not None:
        names.append(ByName(*route))
    return frozenset().union(*(read.bucket(DESTINATIONS, one) for one in names))


def called_at(read: Read, destination: Destination, route: ResourceId | None = None) -> Called:
    """What policies look at in a destination."""
    resource = destination.resource
    return Called(
        kind=resource.kind,
        namespace=resource.namespace,
        name=resource.name,
        labels=dict(resource_labels(read, resource)),
        section=Section(destination.port, _port_called(read, destination)),
        route=(route.namespace, route.name) if route is not None and route.kind == "HTTPRoute" else None,
    )


_PORTS = {"Service": service_port, "ZoneService": remote_port, "MultiZoneService": multi_port}
"""How a port is found by number, by kind; an ExternalService has but one."""


def _port_called(read: Read, destination: Destination) -> str:
    """The name of the port; empty for none."""
    find = _PORTS.get(destination.kind)
    port = None if find is None else find(read, destination.resource, destination.port)
    return "" if port is None else port.name


@query
def _entries_for_mesh(read: Read, kind: str, client: Client) -> tuple[Entry, ...]:
    return tuple(
        entry
        for policy in client_policies(read, kind, client)
        for entry in entries(read, policy)
        if entry.section != "rules" and (entry.destination is None or entry.destination.kind == "Mesh")
    )


def _merged(kind: str, parts: Iterable[Part]) -> Effective:
    found = list(parts)
    if not found:
        return NOTHING
    outcome = merged(found)
    value: Struct = typed(outcome, BY_KIND[kind].default)
    return Effective(value, outcome.origins)


@query
def server_policies(read: Read, workload: ResourceId, port: int) -> tuple[ResourceId, ...]:
    """The policies with `rules` that are for a port of a workload, sorted; or for an ExternalService, at the
    way out to it."""
    mesh, proxy = mesh_of(read, workload.namespace), proxy_of(read, workload)
    is_inside = workload.kind == "Workload"
    served = tuple(_served(read, workload, port)) if is_inside else ()
    section = Section(port, _port_name(read, workload, port) if is_inside else "")
    scopes = [
        ServerScope(mesh, "", EVERYWHERE),
        ServerScope(mesh, "", workload.namespace),
        ServerScope(mesh, f"{workload.kind}/{workload.name}", workload.namespace),
        *(ServerScope(mesh, f"Service/{one.name}", one.namespace) for one in served),
    ]
    found = set()
    for scope in scopes:
        for policy in read.bucket(SERVERS, scope):
            resource = read.leaf(policy)
            if resource is not None and picks_server(resource, target_of(resource), proxy, section, served):
                found.add(policy)
    return tuple(sorted(found))


def rules(read: Read, workload: ResourceId, port: int, kind: str) -> tuple[Rule, ...]:
    """The rules of all policies of a kind at a port; one entry for each match, those that can never hold left
    out."""
    domain = own_domain(read, mesh_of(read, workload.namespace))
    policies = (one for one in server_policies(read, workload, port) if one.kind == kind)
    return tuple(rule for policy in policies for rule in rules_of(read, policy, domain))


@query
def rules_of(read: Read, policy: ResourceId, domain: str) -> tuple[Rule, ...]:
    """The rules of one policy, as members of a trust domain have it."""
    found = []
    for entry in entries(read, policy):
        if entry.section == "rules":
            callers = [caller(match, domain) for match in entry.matches] or [EVERYBODY]
            found += [Rule(who, entry.part) for who in callers if who is not None]
    return tuple(found)


def _served(read: Read, workload: ResourceId, number: int) -> Iterator[ServedPort]:
    resource: Workload | None = read.leaf(workload)
    if resource is None:
        return
    for service in services(read, workload):
        for port in service_ports(read, service):
            if target_number(resource, port.target) == number:
                yield ServedPort(
                    service.namespace,
                    service.name,
                    dict(resource_labels(read, service)),
                    Section(port.number, port.name),
                )


def _port_name(read: Read, workload: ResourceId, number: int) -> str:
    resource: Workload | None = read.leaf(workload)
    ports = resource.spec.ports if resource else ()
    return next((port.name or "" for port in ports if port.port == number and port.protocol == "TCP"), "")
