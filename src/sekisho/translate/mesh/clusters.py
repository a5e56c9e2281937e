"""The way to a port of what can be called, as members of the mesh go it; and when it reads HTTP."""

from typing import NamedTuple

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.sidecar import Outbound
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backends import Broken, ServicePort, way_of
from sekisho.translate.gateway.backends import cluster_name as way_name
from sekisho.translate.gateway.backends import service_port as gateway_port
from sekisho.translate.gateway.certificates import Unusable
from sekisho.translate.gateway.client_certificate import gateway_transport
from sekisho.translate.gateway.grpc_backends import carries_calls, carries_calls_in_mesh
from sekisho.translate.gateway.xbackends import xbackend_cluster
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.attachment import is_routed, may_pass_bytes, passes_bytes
from sekisho.translate.mesh.destinations import spoken
from sekisho.translate.mesh.external import external_cluster
from sekisho.translate.mesh.inbounds import inbounds
from sekisho.translate.mesh.instances import instances
from sekisho.translate.mesh.meshes import mesh_of, mesh_spec
from sekisho.translate.mesh.multizone_way import multizone_cluster
from sekisho.translate.mesh.names import Destination, cluster_name, outbound_name
from sekisho.translate.mesh.places import written_endpoints
from sekisho.translate.mesh.policy_values import special_kinds
from sekisho.translate.mesh.ports import is_http, service_port, target_number
from sekisho.translate.mesh.route_tables import plain_forward
from sekisho.translate.mesh.transport import has_sidecars, mesh_transport
from sekisho.translate.mesh.worlds import World
from sekisho.translate.zone.clusters import remote_cluster
from sekisho.translate.zone.egress import egress_cluster, is_through_egress
from sekisho.translate.zone.remote import remote_port

_ACROSS_ZONES = ("ZoneService", "MultiZoneService")
"""Kinds that lead to other zones."""
_ANY_SERVICE = Destination("Service", "", "", 0)
"""Named by no policy, and by no Service."""


class _Port(NamedTuple):
    """What is the same of a port for all clients of a mesh."""

    protocol: ir.Protocol
    may_pass_bytes: bool
    """Whether routes say for any of them where its bytes go."""
    is_read: bool
    """Whether requests to it are read whoever sends them, but for those."""


def sidecar_cluster(read: Read, client: World, destination: Destination) -> ir.Cluster | None:
    """As sidecars of a client go there; None where there is no such port."""
    if destination.kind == "Service":
        plain = _service_cluster(read, destination, reads_http(read, client, destination))
    elif destination.kind in _ACROSS_ZONES:
        over_http = reads_http(read, client, destination)
        plain = _across(read, client, destination, _carried_in_mesh(read, destination), over_http=over_http)
    else:
        plain = _outside(read, destination, over_http=reads_http(read, client, destination))
    return None if plain is None else effective.cluster_with_policies(read, client, plain, destination)


def gateway_cluster(read: Read, gateway: ResourceId, destination: Destination) -> ir.Cluster | None:
    """As a Gateway goes there: it reads HTTP in any case, and has an identity where it is in a mesh."""
    if destination.kind in _ACROSS_ZONES:
        plain = _to_other_zone(read, gateway, destination)
    elif destination.kind == "XBackend":
        plain = _to_xbackend(read, gateway, destination)
    elif destination.kind != "Service":
        plain = _outside(read, destination, over_http=is_http(spoken(read, destination)))
    elif isinstance(found := gateway_port(read, destination.resource, destination.port), Broken):
        plain = None
    else:
        plain = _of_service_port(read, gateway, destination, found)
    return None if plain is None else effective.cluster_with_policies(read, gateway, plain, destination)


def _to_xbackend(read: Read, gateway: ResourceId, destination: Destination) -> ir.Cluster | None:
    name = cluster_name(destination)
    protocol = ir.Protocol.GRPC if carries_calls(read, gateway, name) else ir.Protocol.HTTP1
    return xbackend_cluster(read, gateway, destination, name, protocol)


def _outside(read: Read, destination: Destination, *, over_http: bool) -> ir.Cluster | None:
    """Straight, or through a zone egress where the mesh has no other way out."""
    if is_through_egress(read, destination.resource):
        return egress_cluster(read, destination, over_http)
    return external_cluster(read, destination)


def _of_service_port(
    read: Read, gateway: ResourceId, destination: Destination, port: ServicePort
) -> ir.Cluster | None:
    """None where it is to be spoken to by TLS and nobody can be believed, or the Gateway has not the
    certificate it is to show: requests are answered 503."""
    protocol = port.protocol
    if protocol is ir.Protocol.HTTP1 and carries_calls(read, gateway, cluster_name(destination)):
        protocol = ir.Protocol.GRPC
    over_http2 = protocol in (ir.Protocol.H2C, ir.Protocol.GRPC)
    wanted = gateway_transport(read, gateway, destination.resource, port.name, over_http2=over_http2)
    if isinstance(wanted, Unusable):
        return None
    if not mesh_of(read, gateway.namespace):
        return _cluster(destination, protocol, wanted)
    if wanted is not None:
        form = _within_the_mesh if has_sidecars(read, destination.resource) else _cluster
        return form(destination, protocol, wanted)
    over_http = is_http(spoken(read, destination))
    return _cluster(destination, protocol, mesh_transport(read, destination, over_http=over_http))


def _within_the_mesh(destination: Destination, protocol: ir.Protocol, wanted: ir.ServerTls) -> ir.Cluster:
    """A BackendTLSPolicy is about what is said to the application: within the mutual TLS of the mesh, which
    ends before it. Instances without a sidecar, beside others with one, are spoken to by the inner TLS alone.
    """
    inside = way_name(destination.resource, destination.port, "tcp")
    return replace(_cluster(destination, protocol, wanted), inside=inside)


def _to_other_zone(read: Read, gateway: ResourceId, destination: Destination) -> ir.Cluster | None:
    """None for a Gateway outside of any mesh, whom nobody would believe there, and where it is to speak TLS
    besides and cannot."""
    if not mesh_of(read, gateway.namespace):
        return None
    protocol = spoken(read, destination)
    if not is_http(protocol):  # nothing is said of it, and a Gateway has requests
        protocol = ir.Protocol.HTTP1
    if protocol is ir.Protocol.HTTP1 and carries_calls(read, gateway, cluster_name(destination)):
        protocol = ir.Protocol.GRPC
    wanted = _tls_of_policy(read, gateway, destination, protocol)
    if isinstance(wanted, Unusable):
        return None
    if wanted is not None:
        return _within_the_mesh(destination, protocol, wanted)
    return _across(read, gateway, destination, protocol, over_http=is_http(spoken(read, destination)))


def _tls_of_policy(
    read: Read, gateway: ResourceId, destination: Destination, protocol: ir.Protocol
) -> ir.ServerTls | Unusable | None:
    if destination.kind != "ZoneService":
        return None
    port = remote_port(read, destination.resource, destination.port)
    over_http2 = protocol in (ir.Protocol.H2C, ir.Protocol.GRPC)
    named = "" if port is None else port.name
    return gateway_transport(read, gateway, destination.resource, named, over_http2=over_http2)


def _across(
    read: Read,
    client: effective.Client,
    destination: Destination,
    protocol: ir.Protocol,
    *,
    over_http: bool,
) -> ir.Cluster | None:
    if destination.kind == "ZoneService":
        return remote_cluster(read, destination, protocol, over_http)
    found = multizone_cluster(read, destination, protocol, over_http)
    if found is None:
        return None
    return replace(found, written_endpoints=written_endpoints(read, client, found.name))


@query
def byte_cluster(read: Read, gateway: ResourceId, name: str) -> ir.Cluster | None:
    """As a Gateway goes to a port with its callers' own bytes. `name`: see `backends.way_of`."""
    way = way_of(name)
    if way.service.kind in _ACROSS_ZONES:
        return _bytes_to_other_zone(read, gateway, name)
    if way.service.kind == "XBackend":
        found = xbackend_cluster(read, gateway, way.destination, name, ir.Protocol.TCP)
        return found and effective.cluster_with_policies(read, gateway, found, way.destination)
    if isinstance(gateway_port(read, way.service, way.port, way.carried), Broken):
        return None
    destination = Destination(*way.service, way.port)
    is_member = way.carried != "udp" and bool(mesh_of(read, gateway.namespace))
    transport = mesh_transport(read, destination, over_http=False) if is_member else None
    plain = replace(_cluster(destination, ir.Protocol.TCP, transport), name=name)
    # What policies say is about connections, which datagrams have not.
    return (
        plain if way.carried == "udp" else effective.cluster_with_policies(read, gateway, plain, destination)
    )


def _bytes_to_other_zone(read: Read, gateway: ResourceId, name: str) -> ir.Cluster | None:
    destination = way_of(name).destination
    found = _across(read, gateway, destination, ir.Protocol.TCP, over_http=False)
    if found is None or not mesh_of(read, gateway.namespace):
        return None
    return effective.cluster_with_policies(read, gateway, replace(found, name=name), destination)


def reads_http(read: Read, client: World, destination: Destination) -> bool:
    """Whether the sidecars of a client read the requests to a port.

    Only where something needs it: a route or policy of theirs, or one of the server, whose sidecar reads
    them then anyway. Elsewhere bytes travel as they are (`Mesh.spec.inspection: Auto`).
    """
    port = _whoever_calls(read, client.mesh, destination)
    if not is_http(port.protocol):
        return False
    if port.may_pass_bytes and passes_bytes(read, destination.resource, destination.port, client.namespace):
        return False
    if port.is_read:
        return True
    named = destination if special_kinds(read, destination) else _ANY_SERVICE
    return _has_http_policies(read, client, named, port.protocol)


def plain_outbound(
    destination: Destination, *, addresses: tuple[str, ...] = (), bound: bool = False
) -> Outbound:
    """An outbound port that reads HTTP, as without any policy."""
    return Outbound(
        name=outbound_name(destination),
        addresses=addresses,
        port=destination.port,
        bound=bound,
        tcp=None,
        origin=destination.origin,
    )


def is_inspected(read: Read, destination: Destination) -> bool:
    """Whether any instance's sidecar reads HTTP at this port."""
    service = destination.resource
    port = service_port(read, service, destination.port)
    if port is None:
        return False
    return any(
        found.inspected and found.port == target_number(read.leaf(workload), port.target)
        for workload in instances(read, service)
        for found in inbounds(read, workload)
    )


@query
def _whoever_calls(read: Read, mesh: str, destination: Destination) -> _Port:
    """In one piece, as there are many who call: each remembers what it has read."""
    protocol, service, number = spoken(read, destination), destination.resource, destination.port
    if not is_http(protocol):
        return _Port(protocol, may_pass_bytes=False, is_read=False)
    # One outside is asked by its own host name, and verified: else 503. And another ingress, instance or zone
    # can take over a request only from who knows it.
    is_read = (
        destination.kind != "Service"
        or mesh_spec(read, mesh).inspection == "Always"
        or is_routed(read, service, number)
        or is_inspected(read, destination)
    )
    return _Port(protocol, may_pass_bytes=may_pass_bytes(read, service, number), is_read=is_read)


@query
def _has_http_policies(read: Read, client: World, destination: Destination, protocol: ir.Protocol) -> bool:
    """Whether a policy for this client changes anything that exists only in HTTP."""
    straight = plain_forward(destination)
    said = effective.forward_with_policies(read, client, straight, destination, None, protocol)
    if said != straight:
        return True
    plain = plain_outbound(destination)
    found = effective.outbound_with_policies(read, client, plain, destination)
    # How long a connection may idle is no reason to look into it.
    times = replace(found.times, connect=None, idle=None, max_connection=None)
    return replace(found, times=times) != plain


@query
def _service_cluster(
    read: Read,
    destination: Destination,
    over_http: bool,  # noqa: FBT001 - a key of the cache
) -> ir.Cluster | None:
    """As without any policy: the same for all clients."""
    if service_port(read, destination.resource, destination.port) is None:
        return None
    transport = mesh_transport(read, destination, over_http=over_http)
    return _cluster(destination, _carried_in_mesh(read, destination), transport)


def _carried_in_mesh(read: Read, destination: Destination) -> ir.Protocol:
    """What is spoken at a port; gRPC where nothing is said, and calls are routed there."""
    protocol = spoken(read, destination)
    is_called = not is_http(protocol) and carries_calls_in_mesh(read, cluster_name(destination))
    return ir.Protocol.GRPC if is_called else protocol


def _cluster(destination: Destination, protocol: ir.Protocol, transport: ir.Transport | None) -> ir.Cluster:
    return ir.Cluster(
        name=cluster_name(destination),
        protocol=protocol,
        transport=transport,
        origin=destination.origin,
    )
