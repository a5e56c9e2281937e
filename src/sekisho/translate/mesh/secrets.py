"""What proxies are sent to know others by, and to be known: public authorities, certificates for outside."""

from collections.abc import Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.ir.transport import TRUST_SECRET, AuthorityBundle, ServerTls, TrustBundle
from sekisho.model.names import ResourceId
from sekisho.translate.facts import ViewKey
from sekisho.translate.gateway.backend_tls import has_policies, policy_bundle
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.gateway.certificates import certificate, secret_of
from sekisho.translate.gateway.classes import is_zone_egress, serves
from sekisho.translate.gateway.clusters import CLUSTERS_IN_USE
from sekisho.translate.mesh.clusters import byte_cluster, gateway_cluster
from sekisho.translate.mesh.content import membership
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.external import CLIENT_PREFIX, authority_bundle, server_tls
from sekisho.translate.mesh.meshes import mesh_of
from sekisho.translate.mesh.names import destination_of, leads_outside
from sekisho.translate.mesh.sight import WORLDS
from sekisho.translate.mesh.trust import trust_bundle
from sekisho.translate.mesh.worlds import World
from sekisho.translate.zone.egress import is_through_egress
from sekisho.translate.zone.outlets import OUTLETS_IN_USE


@query
def _tls_outside(read: Read, world: World) -> tuple[ServerTls, ...]:
    """How the ExternalServices a World leads to are called, where that is by TLS."""
    found = membership(read, world)
    led = {one for one in found.backends if one.kind == "ExternalService"}
    for resource in found.services:
        if resource.kind == "ExternalService":
            led.update(destinations(read, resource))
    straight = [one for one in sorted(led) if not is_through_egress(read, one.resource)]
    return tuple(tls for one in straight if (tls := server_tls(read, one)) is not None)


def _users(read: Read, key: World | tuple[ResourceId, str]) -> tuple[ViewKey, tuple[ServerTls, ...]]:
    """A view, and how it goes outside: a World, or a Gateway by one of its clusters."""
    if isinstance(key, World):
        return key, _tls_outside(read, key)
    gateway, cluster = key
    if leads_outside(cluster):
        destination = destination_of(cluster)
        speaks = is_zone_egress(read, gateway) or not is_through_egress(read, destination.resource)
        found = server_tls(read, destination) if speaks else None
    else:
        found = _to_backend(read, gateway, cluster)
    return gateway, () if found is None else (found,)


def _to_backend(read: Read, gateway: ResourceId, cluster: str) -> ServerTls | None:
    """As a BackendTLSPolicy or an XBackend wants it."""
    way = way_of(cluster)
    if way.service.kind != "XBackend" and (way.carried or not has_policies(read)):
        return None
    found = (
        byte_cluster(read, gateway, cluster)
        if way.carried
        else gateway_cluster(read, gateway, way.destination)
    )
    transport = found.transport if found is not None else None
    return transport if isinstance(transport, ServerTls) else None


def _trusting(read: Read, key: ResourceId | World) -> Iterator[tuple[ViewKey, str]]:
    if isinstance(key, World) or (serves(read, key) and mesh_of(read, key.namespace)):
        yield key, TRUST_SECRET


def _trust(read: Read, key: tuple[ViewKey, str]) -> TrustBundle:
    view = key[0]
    return trust_bundle(read, view.mesh if isinstance(view, World) else mesh_of(read, view.namespace))


def _needed(read: Read, key: World | tuple[ResourceId, str]) -> Iterator[tuple[ViewKey, str]]:
    view, transports = _users(read, key)
    for transport in transports:
        for name in (transport.authorities, transport.certificate):
            if name:
                yield view, name


def _is_certificate(key: tuple[ViewKey, str]) -> bool:
    return key[1].startswith(CLIENT_PREFIX)


def _is_authority(key: tuple[ViewKey, str]) -> bool:
    return not _is_certificate(key)


def _bundle(read: Read, key: tuple[ViewKey, str]) -> AuthorityBundle | None:
    if (of_policy := policy_bundle(read, key[1])) is not None:
        return of_policy
    found = authority_bundle(read, key[1])
    return found if isinstance(found, AuthorityBundle) else None


def _certificate(read: Read, key: tuple[ViewKey, str]) -> ir.Certificate | None:
    found = certificate(read, secret_of(key[1].removeprefix(CLIENT_PREFIX)))
    return replace(found, name=key[1]) if isinstance(found, ir.Certificate) else None


_TRUSTING = index("views that trust", source=(WORLDS, "Gateway"), emit=_trusting)
_NEEDED = index(
    "secrets for outside",
    source=(WORLDS, CLUSTERS_IN_USE, OUTLETS_IN_USE),
    emit=_needed,
    when=("ExternalService", "BackendTLSPolicy", "XBackend"),
)

TRUST = output("trust", source=_TRUSTING, build=_trust)
"""(World or Gateway, `trust`) → `ir.TrustBundle`."""

AUTHORITIES = output("authorities", source=_NEEDED, build=_bundle, where=_is_authority)
"""(World or Gateway, name) → `ir.AuthorityBundle`."""

CLIENT_CERTIFICATES = output("client certificates", source=_NEEDED, build=_certificate, where=_is_certificate)
"""(World or Gateway, name) → `ir.Certificate` shown to ExternalServices."""
