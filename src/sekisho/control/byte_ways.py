"""Bytes that a workload's proxy passes on unread: the backends they go to, and what lies behind each."""

from msgspec.structs import replace

from sekisho import ir
from sekisho.control.asked import Asked
from sekisho.control.departure import Departure
from sekisho.control.onward import Onward, onward
from sekisho.control.outcomes import with_failures
from sekisho.control.policy_rows import connection_rows, request_rows
from sekisho.control.rows import Row, Told
from sekisho.engine import Read
from sekisho.ir.transport import ALPN_TCP
from sekisho.kit.hostnames import matches, specificity
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.mesh.byte_tables import shares, winners
from sekisho.translate.mesh.clusters import sidecar_cluster
from sekisho.translate.mesh.names import Destination, cluster_name, destination_of
from sekisho.translate.mesh.places import near_endpoints
from sekisho.translate.mesh.worlds import World


def as_bytes(read: Read, asked: Asked, destination: Destination) -> Told:
    """The server's proxy may read what this one does not."""
    world, url = asked.world, asked.url
    rows = list(request_rows(read, world, destination, None))
    found = winners(read, world.client, destination)
    server_name = "" if url.scheme == "http" else (url.hostname or "")
    route = max((name for name in found if matches(name, server_name)), key=specificity, default=None)
    if found and route is None:
        return Told(rows, f"refused: no TLSRoute of {destination.resource} is for this server name")
    split: tuple[tuple[str, int], ...] = ((cluster_name(destination), 1),)
    if route is not None:
        split = shares(read, found[route])
        rows += _split_rows(found[route], split)
    return _through(read, asked, split, rows)


def _split_rows(route: ResourceId, split: tuple[tuple[str, int], ...]) -> list[Row]:
    total = sum(weight for _, weight in split)
    decided = Origin(route, "spec.rules[0]")
    backends = (
        Row("backend", "nowhere" if name == ir.CLOSED else name, decided, f"weight {weight} of {total}")
        for name, weight in split
    )
    return [Row("route", str(route), decided, "bytes are passed on"), *backends]


def _through(read: Read, asked: Asked, split: tuple[tuple[str, int], ...], rows: list[Row]) -> Told:
    world = asked.world
    there: list[str] = []
    refusals: list[str] = []
    failures: list[str] = []
    for name, _ in split:
        cluster = None if name == ir.CLOSED else sidecar_cluster(read, world.client, destination_of(name))
        if cluster is None:
            refusals.append("refused: a backend leads nowhere, and its share of connections is closed")
            continue
        way = _behind(read, asked, cluster)
        rows += way.rows
        failures += way.failures
        if cluster.hosts or way.failures or _has_endpoints(read, world, cluster):
            there.append(name)
        else:
            refusals.append(f"refused: {name} has no ready endpoint")
    told = with_failures(f"forwarded to {' or '.join(there)}", tuple(failures)) if there else ""
    return Told(rows, "; ".join(filter(None, [told, *refusals])))


def _behind(read: Read, asked: Asked, cluster: ir.Cluster) -> Onward:
    """Announced as bytes, whatever requests to that port are announced as."""
    destination = destination_of(cluster.name)
    call = asked.call(destination.port) if asked.url.scheme == "http" else None
    if isinstance(cluster.transport, ir.MeshTransport):
        cluster = replace(cluster, transport=replace(cluster.transport, alpn=ALPN_TCP))
    way = onward(read, Departure(asked.client, cluster, destination, call, shadow=asked.spec.shadow))
    return Onward((*connection_rows(read, asked.world, destination), *way.rows), way.failures)


def _has_endpoints(read: Read, world: World, cluster: ir.Cluster) -> bool:
    found = near_endpoints(read, world.located, cluster.name)
    return found is not None and bool(found.endpoints)
