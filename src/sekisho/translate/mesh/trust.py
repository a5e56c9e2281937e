"""Whom the members of a mesh believe: its own authorities, and those that MeshTrusts name."""

from collections.abc import Iterator

from sekisho.engine import Read, index, query
from sekisho.ir.transport import TRUST_SECRET, TrustBundle
from sekisho.model.identity import MeshTrust
from sekisho.model.names import ResourceId
from sekisho.model.origin import origin_zone
from sekisho.translate.facts import Authority, AuthorityState
from sekisho.translate.mesh.identities import own_domains
from sekisho.translate.mesh.issuers import brought_trust, untrusted_domains
from sekisho.translate.mesh.meshes import is_system, named_mesh
from sekisho.translate.zone.remote import is_open


@query
def trust_bundle(read: Read, mesh: str) -> TrustBundle:
    """The authorities by trust domain; without any, nobody is believed."""
    found: dict[str, set[bytes]] = {}
    for domain, certificates in own_trust(read, mesh):
        found.setdefault(domain, set()).add(certificates)
    for trust in read.bucket(_TRUSTS, mesh):
        spec = read.leaf(trust).spec
        for bundle in spec.ca_bundles:
            found.setdefault(spec.trust_domain, set()).add(bundle.pem.value.encode())
    joined = ((domain, b"\n".join(sorted(parts))) for domain, parts in sorted(found.items()))
    return TrustBundle(name=TRUST_SECRET, authorities=tuple(joined))


@query
def own_trust(read: Read, mesh: str) -> tuple[tuple[str, bytes], ...]:
    """Trust domains and certificates (PEM) of this zone."""
    state: AuthorityState | None = read.leaf(Authority.of(mesh))
    untrusted = untrusted_domains(read, mesh)
    own = state.bundles if state is not None else ()
    trusted = [(domain, roots) for domain, roots in own if domain not in untrusted]
    return (*trusted, *brought_trust(read, mesh))


@query
def trust_domains(read: Read, mesh: str) -> tuple[str, ...]:
    """The trust domains whose members may call, sorted."""
    others = {read.leaf(trust).spec.trust_domain for trust in read.bucket(_TRUSTS, mesh)}
    return tuple(sorted({*own_domains(read, mesh), *others}))


def _mesh(read: Read, trust: ResourceId) -> Iterator[str]:
    """Only operators say whom a mesh believes, and other zones of themselves, while they are open. The record
    of this zone is for others: here its authority is asked, which is ahead of it."""
    if is_system(trust):
        resource: MeshTrust = read.leaf(trust)
        of_zone = origin_zone(resource.metadata.labels)
        if not of_zone or is_open(read, of_zone):
            yield named_mesh(resource)


_TRUSTS = index("trusts by mesh", source="MeshTrust", emit=_mesh)
