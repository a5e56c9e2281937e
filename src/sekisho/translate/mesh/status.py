"""What the statuses of the mesh's resources should say, without transition times."""

from typing import Any

from sekisho.engine import Read
from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, Authority, AuthorityState, ProxyState
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.mesh.destinations import addresses
from sekisho.translate.mesh.external import external_fault
from sekisho.translate.mesh.hostnames import collisions, hostnames
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.instances import is_meshed
from sekisho.translate.mesh.meshes import has_proxies, mesh_of
from sekisho.translate.mesh.rejections import refused
from sekisho.translate.mesh.trust import trust_domains


def workload_status(read: Read, workload: ResourceId) -> dict[str, Any] | None:
    """Of a Workload with a sidecar: who it is, and how far its proxy is. `Ready` is its agent's to say."""
    resource = read.leaf(workload)
    generation = resource.metadata.generation
    if resource.spec.sidecar is None:
        return _without_sidecar(read, workload, generation)
    if not is_meshed(read, workload):
        told = sentence(f"there is no Mesh for namespace {workload.namespace}: its proxy has nothing to do")
        return {"conditions": [condition("Accepted", "False", "NoMesh", told, generation)]}
    found = identity(read, workload)
    if found is None:
        told = "No MeshIdentity gives it an identity: nobody believes it."
        accepted = condition("Accepted", "False", "NoIdentity", told, generation)
    else:
        accepted = condition("Accepted", "True", "Accepted", "", generation)
    said: dict[str, Any] = {"conditions": [accepted, _programmed(read, workload, generation)]}
    return said if found is None else {"spiffeID": found.spiffe_id, **said}


def _without_sidecar(read: Read, workload: ResourceId, generation: int | None) -> dict[str, Any] | None:
    """Nothing to say where nobody is encrypted; in a mesh, that this one is not."""
    mesh = mesh_of(read, workload.namespace)
    if not mesh:
        return None
    told = sentence(
        f"it has no sidecar: members of mesh {mesh} call it in plain text, and it has no identity"
    )
    return {"conditions": [condition("Meshed", "False", "NoSidecar", told, generation)]}


def external_service_status(read: Read, service: ResourceId) -> dict[str, Any] | None:
    """Its address and names; none where there is no mesh to call it."""
    if not mesh_of(read, service.namespace):
        return None
    generation = read.leaf(service).metadata.generation
    virtual = addresses(read, service, "")
    faults = external_fault(read, service)
    refusals = refused(read, service)
    if not virtual:
        told = "No virtual address is free for it."
        accepted = condition("Accepted", "False", "AddressNotAvailable", told, generation)
    else:
        accepted = condition("Accepted", "True", "Accepted", "", generation)
    if faults:
        resolved = condition("ResolvedRefs", "False", "InvalidReference", sentence(faults), generation)
    else:
        resolved = condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)
    conditions = [accepted, resolved]
    if refusals:
        conditions.append(rejected(refusals, generation))
    return {
        **({"vip": {"ip": virtual[0]}} if virtual else {}),
        "addresses": [{"hostname": hostname} for hostname in hostnames(read, service)],
        "conditions": conditions,
    }


def hostname_generator_status(read: Read, generator: ResourceId) -> dict[str, Any]:
    """Whether every name it made is its own."""
    generation = read.leaf(generator).metadata.generation
    lost = collisions(read, generator)
    if lost:
        told = sentence(f"others had these names before: {'; '.join(lost)}")
        return {"conditions": [condition("Generated", "False", "Collision", told, generation)]}
    return {"conditions": [condition("Generated", "True", "Generated", "", generation)]}


def mesh_status(read: Read, mesh: ResourceId) -> dict[str, Any]:
    """Whom its members believe, and how far a change of authority is."""
    state: AuthorityState | None = read.leaf(Authority.of(mesh.name))
    generation = read.leaf(mesh).metadata.generation
    if not has_proxies(read):
        told = "Each zone has an authority of its own."
        ready = condition("Ready", "True", "InZones", told, generation)
    elif state is None:
        told = "Its authority is not made yet: nobody is believed."
        ready = condition("Ready", "False", "NoAuthority", told, generation)
    else:
        ready = condition("Ready", "True", "Ready", "", generation)
    conditions = [ready]
    if state is not None and state.stage:
        conditions.append(condition("Rotating", "True", state.stage, _STAGES[state.stage], generation))
    said = {"trustDomains": list(trust_domains(read, mesh.name)), "conditions": conditions}
    return {**said, "rotation": {"stage": state.stage}} if state is not None and state.stage else said


_STAGES = {
    "Prepared": "A new root is made; nobody has heard of it.",
    "Published": "Both roots are sent to everybody, and the new one signs when all have acknowledged them.",
    "Active": "The new root signs, and the old one goes when all certificates are renewed.",
    "Retired": "The old root is taken from everybody.",
}
"""By stage of a rotation, what is waited for; for whom, says `sekisho trust status`."""


def _programmed(read: Read, workload: ResourceId, generation: int | None) -> dict[str, Any]:
    refusals = refused(read, workload)
    if refusals:
        return rejected(refusals, generation)
    if read.leaf(ProxyState.of(workload)) != SYNCED:
        told = "No proxy has taken its configuration yet."
        return condition("Programmed", "False", "Pending", told, generation)
    return condition("Programmed", "True", "Programmed", "", generation)


def rejected(refusals: tuple[str, ...], generation: int | None) -> dict[str, Any]:
    """A condition: what sidecars refused."""
    told = sentence(f"the proxy refused it and keeps the last good version: {'; '.join(refusals)}")
    return condition("Programmed", "False", "Rejected", told, generation)
