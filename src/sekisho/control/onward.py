"""From a proxy to the applications behind a Service: cluster, mutual TLS, endpoints, inbound, permission."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho import ir
from sekisho.control.clients import Client
from sekisho.control.departure import Departure
from sekisho.control.egress_hop import egress_rows
from sekisho.control.policy_rows import server_rows
from sekisho.control.reception import arrival, failure_of, permission_rows, receive_at
from sekisho.control.rows import Row, counted
from sekisho.control.zones_beyond import of_members, zone_rows
from sekisho.engine import Read
from sekisho.ir.incoming import Arrival, reads_requests
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.endpoints import is_ready
from sekisho.translate.mesh.clusters import byte_cluster
from sekisho.translate.mesh.external import external_cluster, external_fault
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.inbounds import inbound
from sekisho.translate.mesh.instances import instances, is_meshed
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.ports import service_port, target_number
from sekisho.translate.zone.egress import is_through_egress


class Instance(NamedTuple):
    """One Workload behind a port of a Service."""

    workload: ResourceId
    port: int


class Onward(NamedTuple):
    """The rest of the way."""

    rows: tuple[Row, ...]
    failures: tuple[str, ...]
    """What the callers meet in place of an application, one entry for each ready instance; empty for those
    where the call arrives."""


def onward(read: Read, departing: Departure) -> Onward:
    """Where a call arrives."""
    client, cluster, destination = departing.client, departing.cluster, departing.destination
    if destination.kind == "MultiZoneService":
        return _at_members(read, departing)
    transport = cluster.transport
    if is_through_egress(read, destination.resource):
        return _through_egress(read, departing)
    if cluster.inside and (carrying := byte_cluster(read, client.resource, cluster.inside)) is not None:
        around = onward(read, departing._replace(cluster=carrying, call=None))
        return Onward((*_elsewhere(cluster), *around.rows), around.failures)
    if not isinstance(transport, ir.MeshTransport):
        return Onward(tuple(_elsewhere(cluster)), ())
    rows = [Row("cluster", cluster.name, cluster.origin, _spoken(cluster, transport)), _expected(transport)]
    if destination.kind == "ZoneService":
        return Onward((*rows, *zone_rows(read, destination)), ())
    failures: list[str] = []
    shown: dict[object, list[list[Row]]] = {}
    for instance in ready_instances(read, destination):
        way, failure = _at_instance(read, departing, transport, instance)
        failures.append(failure)
        shown.setdefault((failure, *_alike(way)), []).append(way)
    for ways in shown.values():
        rows += ways[0]
        if len(ways) > 1:
            rows.append(Row("endpoint", counted(len(ways) - 1, "more"), None, "in the same way"))
    return Onward(tuple(rows), tuple(failures))


def _through_egress(read: Read, departing: Departure) -> Onward:
    """To something outside, or to another zone, by the one way out."""
    cluster, destination = departing.cluster, departing.destination
    rows = list(_elsewhere(cluster))
    if isinstance(transport := cluster.transport, ir.MeshTransport):
        spoken = Row("cluster", cluster.name, cluster.origin, _spoken(cluster, transport))
        rows = [spoken, _expected(transport)]
    hop, failure = egress_rows(read, departing)
    rows += hop
    if failure:
        return Onward(tuple(rows), (failure,))
    if destination.kind == "ZoneService":
        return Onward((*rows, *zone_rows(read, destination)), ())
    outside = external_cluster(read, destination)
    if outside is None:
        told = external_fault(read, destination.resource)
        return Onward((*rows, Row("cluster", "none", None, told)), (f"answered 503: {told}",))
    return Onward((*rows, *_elsewhere(outside)), ())


def _at_members(read: Read, departing: Departure) -> Onward:
    """The ways of all that stands behind a MultiZoneService, nearest first."""
    cluster = departing.cluster
    rows: list[Row] = [Row("cluster", cluster.name, cluster.origin, "services of several zones")]
    failures: list[str] = []
    for member, way in of_members(read, cluster, departing.destination):
        found = onward(read, departing._replace(cluster=way, destination=member))
        rows += found.rows
        failures += found.failures
    return Onward(tuple(rows), tuple(failures))


def _alike(way: list[Row]) -> Iterator[object]:
    """What two instances have in common of which one needs to be shown: all but where and who they are."""
    for row in way[1:]:
        decided = row.origin if row.what in ("policy", "permission", "shadow") else None
        yield row.what, row.detail, decided


def ready_instances(read: Read, destination: Destination) -> Iterator[Instance]:
    """The Workloads that take calls to a port of a Service."""
    return (one for one in port_instances(read, destination) if is_ready(read, one.workload))


def port_instances(read: Read, destination: Destination) -> Iterator[Instance]:
    """The Workloads behind a port of a Service, ready or not."""
    port = service_port(read, destination.resource, destination.port)
    if port is None:
        return
    for workload in instances(read, destination.resource):
        number = target_number(read.leaf(workload), port.target)
        if number:
            yield Instance(workload, number)


def _at_instance(
    read: Read, departing: Departure, transport: ir.MeshTransport, instance: Instance
) -> tuple[list[Row], str]:
    """Steps, of which the first two differ from instance to instance, and what fails."""
    client, call, workload = departing.client, departing.call, instance.workload
    address = f"{read.leaf(workload).spec.address}:{instance.port}"
    place = Origin(workload, "spec.address")
    if not is_meshed(read, workload):
        return [Row("endpoint", address, place, "no sidecar: spoken to in plain text")], ""
    rows = [Row("endpoint", address, place, f"{workload}, behind its sidecar")]
    if why := _untrusted(read, client, transport, workload):
        return [*rows, Row("tls", "fails", None, why)], f"refused: {why}"
    wanted = inbound(read, workload, instance.port)
    arriving = arrival(client, transport.alpn, transport.server_name, call)
    found = receive_at(wanted, arriving, shadow=departing.shadow)
    rows.append(_inbound_row(wanted, arriving))
    rows += server_rows(wanted, arriving.peer, call if reads_requests(wanted, arriving) else None)
    rows += permission_rows(found)
    failure = failure_of(found)
    if not failure:
        target = f"{wanted.target_address}:{wanted.target_port}"
        rows.append(Row("application", target, wanted.origin, wanted.protocol.value))
    return rows, failure


def _untrusted(read: Read, client: Client, transport: ir.MeshTransport, workload: ResourceId) -> str:
    if client.policies is not None and not client.identity:
        return f"{client.resource} has no identity"
    found = identity(read, workload)
    if found is None:
        return f"{workload} has no identity"
    return "" if found.spiffe_id in transport.identities else f"nobody expects {found.spiffe_id}"


def _elsewhere(cluster: ir.Cluster) -> Iterator[Row]:
    detail = "no member of the mesh is there: plain text"
    if isinstance(cluster.transport, ir.ServerTls):
        verified = (
            "verified" if cluster.transport.verify == "all" else f"verification: {cluster.transport.verify}"
        )
        detail = f"TLS to {cluster.transport.server_name or 'the address'}, {verified}"
    yield Row("cluster", cluster.name, cluster.origin, detail)
    for host in cluster.hosts or ():
        yield Row("endpoint", f"{host.address}:{host.port}", cluster.origin, "outside the mesh")


def _spoken(cluster: ir.Cluster, transport: ir.MeshTransport) -> str:
    over = "HTTP/2" if transport.alpn == "sekisho-h2" else "bytes as they are"
    return f"{over} over mutual TLS, connect timeout {cluster.connect_timeout_ms} ms"


def _expected(transport: ir.MeshTransport) -> Row:
    expected = " or ".join(transport.identities) or "nobody: every connection fails"
    return Row("tls", transport.server_name, None, f"expects {expected}")


def _inbound_row(wanted: ir.Inbound, arriving: Arrival) -> Row:
    mode = f"mutual TLS {wanted.tls.mode.value}" if wanted.tls is not None else "no mutual TLS"
    read_as = "HTTP is read" if reads_requests(wanted, arriving) else "bytes are passed on"
    return Row("inbound", wanted.name, wanted.origin, f"{mode}, {read_as}")
