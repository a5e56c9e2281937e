"""Who issues the identities of a mesh: the authorities of this zone, by trust domain, or a SPIRE agent."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho.engine import Read, query
from sekisho.kit import durations
from sekisho.model.identity import TRUST_DOMAIN_FIELDS, BundledProvider, IdentityProvider, MeshIdentitySpec
from sekisho.model.names import ResourceId
from sekisho.model.templates import BadTemplate, MissingLabel, parse
from sekisho.translate.mesh.brought import brought_roots, brought_secret
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
    brought: ResourceId | None = None
    """The Secret with an authority that was brought along; None for the zone's own."""


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
    return Issuance(mesh, found.spiffe_id, lifetime, "", brought_secret(provider, found.issuer.namespace))


def bundled_domains(read: Read, mesh: str) -> tuple[str, ...]:
    """The trust domains this zone's authorities issue in for a mesh, sorted; not those of SPIRE, nor of
    authorities that are brought along."""
    specs = [read.leaf(one).spec for one in identities(read, mesh)]
    if not specs:
        return (own_domain(read, mesh),)
    return tuple(sorted({_domain(read, mesh, spec) for spec in specs if _is_ours(spec.provider)} - {""}))


def followed_domains(read: Read, mesh: str) -> Iterator[tuple[str, str]]:
    """The trust domains whose roots SPIRE agents tell this control plane, each with the agent's socket."""
    for one in sorted(identities(read, mesh)):
        spec = read.leaf(one).spec
        socket = spec.provider.spire.bundle_socket_path if spec.provider.spire else None
        if socket and (domain := _domain(read, mesh, spec)):
            yield domain, socket


def untrusted_domains(read: Read, mesh: str) -> frozenset[str]:
    """The trust domains whose own authorities nobody is to believe by themselves: `meshTrustCreation` is
    Disabled for all that make names there."""
    specs = [read.leaf(one).spec for one in identities(read, mesh)]
    believed = {_domain(read, mesh, spec) for spec in specs if _creates_trust(spec.provider)}
    return frozenset({_domain(read, mesh, spec) for spec in specs} - believed)


def brought_trust(read: Read, mesh: str) -> Iterator[tuple[str, bytes]]:
    """Trust domains and roots (PEM) of the authorities that are brought along, where those create trust."""
    for one in sorted(identities(read, mesh)):
        spec = read.leaf(one).spec
        secret = brought_secret(spec.provider, one.namespace)
        domain = _domain(read, mesh, spec)
        roots = b"" if secret is None else brought_roots(read, secret)
        if domain and roots and _creates_trust(spec.provider):
            yield domain, roots


def _is_ours(provider: IdentityProvider) -> bool:
    return provider.type == "Bundled" and (provider.bundled is None or provider.bundled.ca is None)


def _creates_trust(provider: IdentityProvider) -> bool:
    return provider.bundled is None or provider.bundled.mesh_trust_creation == "Enabled"


def _domain(read: Read, mesh: str, spec: MeshIdentitySpec) -> str:
    try:
        template = parse(spec.spiffe_id.trust_domain, TRUST_DOMAIN_FIELDS)
        return template.render({"Mesh": mesh, "Zone": zone(read)}, {})
    except (BadTemplate, MissingLabel):
        return ""
