"""What proxies are sent to know others by, and to be known: public authorities, certificates for outside."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.ir.transport import TRUST_SECRET, AuthorityBundle, ServerTls, TrustBundle
from sekisho.model.names import ResourceId
from sekisho.translate.facts import ViewKey
from sekisho.translate.gateway.certificates import certificate, secret_of
from sekisho.translate.gateway.classes import serves
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.external import authority_bundle, external_cluster
from sekisho.translate.mesh.meshes import mesh_of
from sekisho.translate.mesh.sight import WORLDS, visible
from sekisho.translate.mesh.trust import trust_bundle
from sekisho.translate.mesh.worlds import World


@query
def _tls_outside(read: Read, world: World) -> tuple[ServerTls, ...]:
    """How the ExternalServices of a World are called, where that is by TLS."""
    clusters = (
        external_cluster(read, destination)
        for resource in sorted(visible(read, world))
        if resource.kind == "ExternalService"
        for destination in destinations(read, resource)
    )
    found = (cluster.transport for cluster in clusters if cluster is not None)
    return tuple(transport for transport in found if isinstance(transport, ServerTls))


def _trusting(read: Read, key: ResourceId | World) -> Iterator[tuple[ViewKey, str]]:
    if isinstance(key, World) or (serves(read, key) and mesh_of(read, key.namespace)):
        yield key, TRUST_SECRET


def _trust(read: Read, key: tuple[ViewKey, str]) -> TrustBundle:
    view = key[0]
    return trust_bundle(read, view.mesh if isinstance(view, World) else mesh_of(read, view.namespace))


def _authorities(read: Read, world: World) -> Iterator[tuple[World, str]]:
    for transport in _tls_outside(read, world):
        if transport.authorities:
            yield world, transport.authorities


def _bundle(read: Read, key: tuple[World, str]) -> AuthorityBundle | None:
    found = authority_bundle(read, key[1])
    return found if isinstance(found, AuthorityBundle) else None


def _presented(read: Read, world: World) -> Iterator[tuple[World, str]]:
    for transport in _tls_outside(read, world):
        if transport.certificate:
            yield world, transport.certificate


def _certificate(read: Read, key: tuple[World, str]) -> ir.Certificate | None:
    found = certificate(read, secret_of(key[1]))
    return found if isinstance(found, ir.Certificate) else None


_TRUSTING = index("views that trust", source=(WORLDS, "Gateway"), emit=_trusting)
_AUTHORITIES = index("authorities in use", source=WORLDS, emit=_authorities)
_PRESENTED = index("certificates for outside", source=WORLDS, emit=_presented)

TRUST = output("trust", source=_TRUSTING, build=_trust)
"""(World or Gateway, `trust`) → `ir.TrustBundle`."""

AUTHORITIES = output("authorities", source=_AUTHORITIES, build=_bundle)
"""(World, name) → `ir.AuthorityBundle`."""

CLIENT_CERTIFICATES = output("client certificates", source=_PRESENTED, build=_certificate)
"""(World, name) → `ir.Certificate` shown to ExternalServices."""
