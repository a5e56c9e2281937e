"""Who issues the identities of a mesh: the authorities of this zone, by trust domain, or a SPIRE agent."""

from typing import NamedTuple

from sekisho.engine import Read, query
from sekisho.kit import durations
from sekisho.model.identity import TRUST_DOMAIN_FIELDS, BundledProvider, MeshIdentitySpec
from sekisho.model.names import ResourceId
from sekisho.model.templates import BadTemplate, MissingLabel, parse
from sekisho.translate.mesh.identities import identities, identity
from sekisho.translate.mesh.meshes import mesh_of, own_domain, zone

DEFAULT_LIFETIME = durations.parse(BundledProvider().certificate_parameters.expiry)


class Issuance(NamedTuple):
    """How the identity of one member is issued."""

    mesh: str
    spiffe_id: str
    lifetime: int
    """Milliseconds a certificate is good for."""
    spire_socket: str
    """Of the SPIRE agent that issues it; empty where the zone's own authority does."""
    brought: bool = False
    """An authority that was brought along is to issue it, which we do not do yet."""


@query
def issuance(read: Read, member: ResourceId) -> Issuance | None:
    """How the identity of a Workload or Gateway is issued; None where it has none."""
    found = identity(read, member)
    if found is None:
        return None
    mesh = mesh_of(read, member.namespace)
    if found.issuer is None:
        return Issuance(mesh, found.spiffe_id, DEFAULT_LIFETIME, "")
    provider = read.leaf(found.issuer).spec.provider
    if provider.type == "Spire":
        return Issuance(mesh, found.spiffe_id, 0, provider.spire.socket_path if provider.spire else "")
    bundled = provider.bundled or BundledProvider()
    lifetime = durations.parse(bundled.certificate_parameters.expiry)
    return Issuance(mesh, found.spiffe_id, lifetime, "", bundled.ca is not None)


def bundled_domains(read: Read, mesh: str) -> tuple[str, ...]:
    """The trust domains this zone's authorities issue in for a mesh, sorted; those of SPIRE are not ours."""
    specs = [read.leaf(one).spec for one in identities(read, mesh)]
    if not specs:
        return (own_domain(read, mesh),)
    return tuple(
        sorted({_domain(read, mesh, spec) for spec in specs if spec.provider.type == "Bundled"} - {""})
    )


def _domain(read: Read, mesh: str, spec: MeshIdentitySpec) -> str:
    try:
        template = parse(spec.spiffe_id.trust_domain, TRUST_DOMAIN_FIELDS)
        return template.render({"Mesh": mesh, "Zone": zone(read)}, {})
    except (BadTemplate, MissingLabel):
        return ""
