"""`sekisho explain --from`: a call that a workload makes, hop by hop: name, outbound, route, and on."""

from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult

from sekisho import ir
from sekisho.client.reviews import Explanation, ExplanationSpec
from sekisho.control.asked import DEFAULT_PORTS, Asked
from sekisho.control.backends import beyond
from sekisho.control.byte_ways import as_bytes
from sekisho.control.clients import Client, find_client
from sekisho.control.outcomes import outcome_text, with_failures
from sekisho.control.policy_rows import policed, request_rows, unrepeated
from sekisho.control.route_rows import route_rows
from sekisho.control.rows import Row, Told, counted, located
from sekisho.engine import Read
from sekisho.ir.calls import Sent
from sekisho.ir.outgoing import send
from sekisho.kit.addresses import is_address
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.mesh.at_once import at_once
from sekisho.translate.mesh.clusters import sidecar_cluster
from sekisho.translate.mesh.destinations import (
    addresses,
    callable_in,
    destinations,
    instance_addresses,
    is_headless,
)
from sekisho.translate.mesh.hostnames import hostnames
from sekisho.translate.mesh.names import Destination, cluster_name, destination_of
from sekisho.translate.mesh.outbounds import outbound
from sekisho.translate.mesh.places import near_endpoints
from sekisho.translate.mesh.route_tables import route_table
from sekisho.translate.mesh.sidecars import passthrough
from sekisho.translate.mesh.sight import visible
from sekisho.translate.mesh.worlds import World


def explain_from(read: Read, url: SplitResult, spec: ExplanationSpec) -> Explanation:
    """What would happen to a call that a workload makes through its sidecar."""
    client = find_client(read, spec.client)
    if client is None or client.resource.kind != "Workload":
        return Explanation(outcome=f"there is no workload {spec.client}")
    if not isinstance(client.policies, World):
        return Explanation(
            outcome=f"{client.resource} has no sidecar: it calls by itself, without an identity"
        )
    told = _told(read, Asked(client._replace(claims=spec.claims), client.policies, url, spec))
    who = Row(
        "caller",
        str(client.resource),
        Origin(client.resource, "spec.serviceAccountName"),
        client.identity or "no identity: every member of the mesh turns it away",
    )
    return Explanation(outcome=told.outcome, steps=tuple(located(read, unrepeated([who, *told.rows]))))


def _told(read: Read, asked: Asked) -> Told:
    host, world = asked.host, asked.world
    found = sorted(one for one in callable_in(read, world.mesh) if _is_called(read, world, one, host))
    if not found:
        return _outside(read, asked.client, world, host)
    resource = found[0]
    at = addresses(read, resource, world.outbound)
    rows = [Row("name", host, Origin(resource), f"is {' and '.join(at) or 'without an address yet'}")]
    if resource not in visible(read, world):
        return Told(rows, f"refused: {_unseen(world, resource)}")
    if resource.kind == "Service" and is_headless(read, resource):
        return _headless(read, world, resource, host)
    number = asked.url.port or DEFAULT_PORTS.get(asked.url.scheme, 0)
    ports = {one.port: one for one in destinations(read, resource)}
    if number not in ports:
        has = ", ".join(map(str, ports)) or "none"
        return Told(rows, f"refused: {resource} has no port {number} (it has {has})")
    way = _through(read, asked, ports[number])
    return Told([*rows, *_fetched(read, world, ports[number]), *way.rows], way.outcome)


def _fetched(read: Read, world: World, destination: Destination) -> list[Row]:
    """Whether the way there is known to the proxy before anybody calls."""
    if not world.on_demand or cluster_name(destination) in at_once(read, world):
        return []
    return [Row("on demand", cluster_name(destination), None, "fetched when it is called for the first time")]


def _headless(read: Read, world: World, service: ResourceId, host: str) -> Told:
    """Its name means its instances, which are called at their own addresses."""
    at = instance_addresses(read, service)
    rows = [
        Row(
            "name",
            host,
            Origin(service, "spec.clusterIP"),
            f"headless: {' and '.join(at) or 'nobody is ready'}",
        )
    ]
    if world.outbound:
        why = f"{service} is headless, and without capture an instance has no address to be called at"
        return Told(rows, f"refused: {why}")
    if not at:
        return Told(rows, f"refused: {service} has no ready instance")
    return Told(rows, "forwarded to the instance that is chosen, its bytes as they are")


def _is_called(read: Read, world: World, resource: ResourceId, host: str) -> bool:
    return host in hostnames(read, resource) or host in addresses(read, resource, world.outbound)


def _unseen(world: World, resource: ResourceId) -> str:
    if world.reach is None or world.on_demand:
        return f"no permission of {resource} can let it in, so its sidecar does not know it"
    return (
        f"its sidecar knows only what spec.sidecar.reachable or the Mesh lists, and {resource} is not there"
    )


def _outside(read: Read, client: Client, world: World, host: str) -> Told:
    """Nothing of the mesh is called so."""
    if world.outbound:
        why = (
            f"nothing in the mesh {world.mesh} is called {host}: the call goes past the sidecar, if anywhere"
        )
        return Told([], why)
    wanted = passthrough(read, client.resource)
    if wanted is None:
        return Told([], f"refused: nothing says what becomes of calls to {host}")
    if is_address(host) and any(_is_in(host, range_) for range_ in wanted.closed):
        return Told([], f"refused: {host} is a virtual address of nothing that this workload may call")
    mode = "everything is let through" if wanted.everything else counted(len(wanted.matches), "exception")
    rows = [Row("passthrough", wanted.name, wanted.origin, mode)]
    if wanted.everything:
        return Told(rows, f"forwarded to {host}, {_hint(read, world, host) or 'outside the mesh'}")
    return Told(rows, f"refused: {host} is outside the mesh, unless an exception of Passthrough is for it")


def _is_in(host: str, range_: str) -> bool:
    address, network = ip_address(host), ip_network(range_)
    return address.version == network.version and address in network


def _hint(read: Read, world: World, host: str) -> str:
    """That an address is the one of an instance, where the mesh has a name that leads there."""
    for resource in sorted(callable_in(read, world.mesh)):
        if resource.kind == "Service" and host in instance_addresses(read, resource):
            names = hostnames(read, resource)
            called = f": call {names[0]}" if names else ""
            return f"past the mesh, though it is an instance of {resource}{called}"
    return ""


def _through(read: Read, asked: Asked, destination: Destination) -> Told:
    wanted = outbound(read, asked.world.profile, destination)
    if wanted is None:
        return Told([], f"refused: {destination.resource} has no address to be called at")
    reads = "bytes are passed on" if wanted.tcp is not None else "HTTP is read"
    listening = Row("outbound", wanted.name, wanted.origin, f"port {wanted.port}, {reads}")
    way = (_as_http if wanted.tcp is None else as_bytes)(read, asked, destination)
    return Told([listening, *way.rows], way.outcome)


def _as_http(read: Read, asked: Asked, destination: Destination) -> Told:
    world = asked.world

    def find(name: str) -> ir.Cluster | None:
        return sidecar_cluster(read, world.client, destination_of(name))

    def find_endpoints(name: str) -> ir.Endpoints | None:
        cluster = find(name)
        if cluster is None or cluster.hosts is None:
            return near_endpoints(read, world.located, name) if cluster is not None else None
        hosts = tuple(ir.Endpoint(host.address, host.port) for host in cluster.hosts)
        return ir.Endpoints(cluster=name, endpoints=hosts, origin=cluster.origin)

    call = asked.call(destination.port)
    verdict = send(route_table(read, world.client, destination), find_endpoints, call)
    route, told = verdict.route, outcome_text(verdict.outcome)
    if route is None:
        return Told([], told)
    if not isinstance(verdict.outcome, Sent) or not isinstance(route.action, ir.Forward):
        return Told(list(route_rows(route, verdict.outcome)), told)
    by = route.origin.resource if route.origin.resource.kind == "HTTPRoute" else None
    ours = policed(read, world, destination, by, route.action)
    rows = [*route_rows(route, verdict.outcome, ours), *request_rows(read, world, destination, by)]
    way = beyond(read, asked.client, verdict.outcome, call, find, shadow=asked.spec.shadow)
    return Told([*rows, *way.rows], with_failures(told, way.failures))
