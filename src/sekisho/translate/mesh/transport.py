"""Mutual TLS to the instances of a Service: whose certificate a caller expects there."""

from sekisho.engine import Read, query
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP, MeshTransport
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.instances import has_slices, instances, is_meshed, selector
from sekisho.translate.mesh.meshes import mesh_of, zone
from sekisho.translate.mesh.names import Destination, server_name


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


def mesh_transport(read: Read, destination: Destination, *, over_http: bool) -> MeshTransport | None:
    """How members of a mesh speak to a Service; None where no instance of it can have a sidecar.

    It is there before the first instance is, and expects nobody then: a sidecar that comes is never spoken
    to in plain text, not even for a moment. `over_http`: the caller has requests and not bytes.
    """
    service = destination.resource
    mesh = mesh_of(read, service.namespace)
    if not mesh or not selector(read, service):
        return None
    return MeshTransport(
        server_name=server_name(destination, zone(read), mesh),
        identities=server_identities(read, service),
        alpn=ALPN_HTTP2 if over_http and is_wholly_meshed(read, service) else ALPN_TCP,
    )
