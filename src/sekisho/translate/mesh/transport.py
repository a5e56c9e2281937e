"""Mutual TLS to the instances of a Service: whose certificate a caller expects there."""

from collections.abc import Iterator

from msgspec.structs import replace

from sekisho.engine import Read, query
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP, MeshTransport, TlsVersion
from sekisho.model.names import ResourceId
from sekisho.model.workload import Workload
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.instances import has_slices, instances, is_meshed, selector
from sekisho.translate.mesh.meshes import mesh_of, zone
from sekisho.translate.mesh.mutual_tls import is_told, mutual_tls
from sekisho.translate.mesh.names import Destination, server_name
from sekisho.translate.mesh.ports import service_port, target_number


@query
def server_identities(read: Read, service: ResourceId) -> tuple[str, ...]:
    """The SPIFFE IDs of a Service's instances that have a sidecar, sorted."""
    members = (identity(read, one) for one in instances(read, service) if is_meshed(read, one))
    return tuple(sorted({member.spiffe_id for member in members if member is not None}))


@query
def is_wholly_meshed(read: Read, service: ResourceId) -> bool:
    """Whether every instance it has and can have now has a sidecar: only then may all be spoken to alike."""
    members = instances(read, service)
    return bool(members) and not has_slices(read, service) and all(is_meshed(read, one) for one in members)


@query
def has_sidecars(read: Read, service: ResourceId) -> bool:
    """Whether any instance of a Service has one."""
    return any(is_meshed(read, one) for one in instances(read, service))


def mesh_transport(read: Read, destination: Destination, *, over_http: bool) -> MeshTransport | None:
    """How members of a mesh speak to a Service; None where no instance of it can have a sidecar.

    It is there before the first instance is, and expects nobody then: a sidecar that comes is never spoken
    to in plain text, not even for a moment. `over_http`: the caller has requests and not bytes.
    """
    service = destination.resource
    mesh = mesh_of(read, service.namespace)
    if not mesh or not selector(read, service):
        return None
    plain = MeshTransport(
        server_name=server_name(destination, zone(read), mesh),
        identities=server_identities(read, service),
        alpn=ALPN_HTTP2 if over_http and is_wholly_meshed(read, service) else ALPN_TCP,
    )
    if not is_told(read, mesh, service.namespace):
        return plain
    least, most, ciphers = accepted_tls(read, service, destination.port)
    return replace(plain, min_version=least, max_version=most, ciphers=ciphers)


@query
def accepted_tls(
    read: Read, service: ResourceId, port: int
) -> tuple[TlsVersion, TlsVersion, tuple[str, ...]]:
    """The oldest and the newest version, and the ciphers, that its instances take; all that any of them does,
    for there is one way to them all. No cipher where one of them takes whatever is usual."""
    found = [
        mutual_tls(read, one, number, name)
        for one in instances(read, service)
        if is_meshed(read, one)
        for number, name in _ports_of(read, one, service, port)
    ]
    if not found:
        return "1.3", "1.3", ()
    usual = any(not tls.ciphers for tls in found)
    ciphers = () if usual else tuple(dict.fromkeys(cipher for tls in found for cipher in tls.ciphers))
    return min(tls.min_version for tls in found), max(tls.max_version for tls in found), ciphers


def _ports_of(read: Read, workload: ResourceId, service: ResourceId, port: int) -> Iterator[tuple[int, str]]:
    resource: Workload = read.leaf(workload)
    declared = service_port(read, service, port)
    if declared is not None and (number := target_number(resource, declared.target)):
        names = (one.name or "" for one in resource.spec.ports if (one.port, one.protocol) == (number, "TCP"))
        yield number, next(names, "")
