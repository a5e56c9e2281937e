"""Who is admitted to what, as far as a caller's identity decides: so much of the mesh its sidecar sees.

A service counts as callable when some permission of it may let the caller in; whether it does, its sidecar
decides on each connection and request. So this may be too wide (denials are left out), never too narrow.
"""

from collections.abc import Iterator

from sekisho.engine import Read, index, query
from sekisho.ir.callers import Caller, Effect, Permissions
from sekisho.model.external_service import ExternalService
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.destinations import CALLED_KINDS
from sekisho.translate.mesh.identities import identity, own_domains
from sekisho.translate.mesh.inbounds import inbounds
from sekisho.translate.mesh.instances import has_slices, instances, is_meshed
from sekisho.translate.mesh.meshes import mesh_of, mesh_of_called

EVERYBODY = "*"


@query
def tokens(read: Read, service: ResourceId) -> tuple[str, ...]:
    """The ways in which a service may admit callers, sorted: `*`, an identity, or leading segments of one
    with `/*`. `*` where any instance has no sidecar that would ask, and while there is no instance at all."""
    if service.kind in ("ZoneService", "MultiZoneService"):  # each zone decides, on each call
        return (EVERYBODY,)
    if service.kind != "Service":
        return _of_external(read, service)
    members = instances(read, service)
    if not members or has_slices(read, service) or not all(is_meshed(read, one) for one in members):
        return (EVERYBODY,)
    found = {token for member in members for token in _workload_tokens(read, member)}
    return (EVERYBODY,) if EVERYBODY in found else tuple(sorted(found))


def _of_external(read: Read, service: ResourceId) -> tuple[str, ...]:
    """Everybody, but where a client certificate is shown: its key goes to all who see the service, so that
    are the workloads of its namespace (and those whose `reachable` names it)."""
    resource: ExternalService | None = read.leaf(service)
    tls = None if resource is None else resource.spec.tls
    if tls is None or not tls.enabled or tls.verification.client_certificate_ref is None:
        return (EVERYBODY,)
    domains = own_domains(read, mesh_of(read, service.namespace))
    return tuple(f"spiffe://{domain}/ns/{service.namespace}/*" for domain in domains)


@query
def audience(read: Read, workload: ResourceId) -> tuple[str, ...]:
    """The ways that are open to a workload and that some service of its mesh uses, sorted."""
    mesh, found = mesh_of(read, workload.namespace), identity(read, workload)
    possible = [EVERYBODY, *(_ways(found.spiffe_id) if found is not None else ())]
    return tuple(sorted(one for one in possible if one == EVERYBODY or read.count(_ADMITTING, (mesh, one))))


def admitting(read: Read, mesh: str, token: str) -> frozenset[ResourceId]:
    """What can be called in one of the ways."""
    return read.bucket(_ADMITTING, (mesh, token))


@query
def _workload_tokens(read: Read, workload: ResourceId) -> tuple[str, ...]:
    found = {token for port in inbounds(read, workload) for token in _permitted(port.permissions)}
    return tuple(sorted(found))


def _permitted(permissions: Permissions) -> Iterator[str]:
    for rule in permissions.rules:
        if rule.effect is not Effect.DENY:
            yield from _callers(rule.caller)


def _callers(caller: Caller) -> Iterator[str]:
    if not caller.identities:
        yield EVERYBODY
    for text in caller.identities:
        if text.kind == "exact":
            yield text.value
        else:
            yield f"{text.value.rstrip('/')}/*" if text.kind == "prefix" else EVERYBODY


def _ways(spiffe_id: str) -> Iterator[str]:
    """`spiffe://a/ns/x/sa/y`, then `spiffe://a/ns/x/sa/y/*`, `spiffe://a/ns/x/sa/*` … `spiffe://a/*`."""
    yield spiffe_id
    scheme, _, rest = spiffe_id.partition("://")
    while rest:
        yield f"{scheme}://{rest}/*"
        rest = rest.rpartition("/")[0]


def _admits(read: Read, service: ResourceId) -> Iterator[tuple[str, str]]:
    mesh = mesh_of_called(read, service)
    if mesh:
        for token in tokens(read, service):
            yield mesh, token


_ADMITTING = index("services by audience", source=CALLED_KINDS, emit=_admits)
