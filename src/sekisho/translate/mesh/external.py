"""ExternalServices: something outside the mesh, called at a virtual address and by a name of the mesh."""

from typing import Literal, TypeAlias

from cryptography import x509

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.cluster import Host
from sekisho.ir.transport import AuthorityBundle, ServerTls, TlsVersion
from sekisho.kit.addresses import is_address
from sekisho.model.core import ConfigMap, Secret
from sekisho.model.external_service import CaReference, ExternalService, ExternalTls, TlsVerification
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.facts import AssignedVip
from sekisho.translate.gateway.certificates import Unusable, certificate
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.mesh.ports import declared_protocol

Verified: TypeAlias = Literal["all", "no-names", "no-authority", "nothing"]
NameMatch: TypeAlias = tuple[Literal["dns", "uri"], Literal["exact", "prefix"], str]

_VERIFIED: dict[str, Verified] = {
    "Secured": "all",
    "SkipSAN": "no-names",
    "SkipCA": "no-authority",
    "SkipAll": "nothing",
}
_VERSIONS: dict[str, TlsVersion] = {"TLS12": "1.2", "TLS13": "1.3"}
_CA_KEY = "ca.crt"
CLIENT_PREFIX = "client/"
"""Of names of certificates shown outside: a Gateway may present the same one to its callers."""


@query
def external_port(read: Read, service: ResourceId) -> tuple[int, ir.Protocol] | None:
    """The port members call and what they speak there; None for an ExternalService that does not exist."""
    resource: ExternalService | None = read.leaf(service)
    if resource is None:
        return None
    match = resource.spec.match
    return match.port, declared_protocol(match.protocol, None)


@query
def is_named(read: Read, service: ResourceId) -> bool:
    """Whether proxies look up names to get to an ExternalService."""
    resource: ExternalService | None = read.leaf(service)
    return resource is not None and not all(is_address(one.address) for one in resource.spec.endpoints)


def external_address(read: Read, service: ResourceId) -> str:
    """Its virtual IPv4 address; empty while it has none."""
    return read.leaf(AssignedVip.of(service)) or ""


@query
def external_cluster(read: Read, destination: Destination) -> ir.Cluster | None:
    """The way there; None where something it is to be verified or shown with is missing: then requests are
    answered 503, and nothing goes out unprotected."""
    service = destination.resource
    found = external_port(read, service)
    resource: ExternalService | None = read.leaf(service)
    if found is None or resource is None or found[0] != destination.port:
        return None
    tls = resource.spec.tls
    transport = _server_tls(read, resource, tls) if tls is not None and tls.enabled else None
    if isinstance(transport, Unusable):
        return None
    return ir.Cluster(
        name=cluster_name(destination),
        protocol=found[1],
        transport=transport,
        hosts=tuple(Host(one.address, one.port, one.priority) for one in resource.spec.endpoints),
        guarded=is_named(read, service),
        origin=Origin(service, "spec.endpoints"),
    )


def server_tls(read: Read, destination: Destination) -> ServerTls | None:
    """How its proxies verify an ExternalService; None where they speak no TLS, or cannot go there."""
    found = external_cluster(read, destination)
    return found.transport if found is not None and isinstance(found.transport, ServerTls) else None


def external_fault(read: Read, service: ResourceId) -> str:
    """Why an ExternalService cannot be called; empty when nothing is wrong."""
    resource: ExternalService | None = read.leaf(service)
    if resource is None or resource.spec.tls is None or not resource.spec.tls.enabled:
        return ""
    found = _server_tls(read, resource, resource.spec.tls)
    return found.message if isinstance(found, Unusable) else ""


def authority_name(namespace: str, reference: CaReference) -> str:
    """`AuthorityBundle.name`."""
    return f"authorities/{reference.kind}/{namespace}/{reference.name}"


@query
def authority_bundle(read: Read, name: str) -> AuthorityBundle | Unusable:
    """The certificates a reference leads to, by the name of the bundle."""
    _, kind, namespace, source = name.split("/")
    id_ = ResourceId(kind, namespace, source)
    resource: Secret | ConfigMap | None = read.leaf(id_)
    if resource is None:
        return Unusable("InvalidCACertificateRef", f"{id_} does not exist")
    found = resource.data.get(_CA_KEY, b"")
    certificates = found.encode() if isinstance(found, str) else found
    try:
        x509.load_pem_x509_certificates(certificates)
    except ValueError:
        return Unusable("InvalidCACertificateRef", f"{id_}: {_CA_KEY} is not a PEM certificate")
    return AuthorityBundle(name=name, authorities=certificates)


def _server_tls(read: Read, resource: ExternalService, tls: ExternalTls) -> ServerTls | Unusable:
    wanted = tls.verification
    authorities = shown = ""
    if wanted.ca_certificate_ref is not None:
        bundle = authority_bundle(read, authority_name(resource.id.namespace, wanted.ca_certificate_ref))
        if isinstance(bundle, Unusable):
            return bundle
        authorities = bundle.name
    if wanted.client_certificate_ref is not None:
        secret = ResourceId("Secret", resource.id.namespace, wanted.client_certificate_ref.name)
        presented = certificate(read, secret)
        if isinstance(presented, Unusable):
            return presented
        shown = f"{CLIENT_PREFIX}{presented.name}"
    version = tls.version
    return ServerTls(
        server_name=wanted.server_name or _host_name(resource),
        authorities=authorities,
        alternative_names=_names(wanted),
        verify=_VERIFIED[wanted.mode],
        certificate=shown,
        min_version=_VERSIONS.get(version.min, "1.2") if version is not None else "1.2",
        max_version=_VERSIONS.get(version.max, "1.3") if version is not None else "1.3",
    )


def _host_name(resource: ExternalService) -> str:
    """The first endpoint that has a name; empty where all are addresses."""
    names = (one.address for one in resource.spec.endpoints if not one.address.replace(".", "").isdigit())
    return next((name for name in names if ":" not in name), "")


def _names(wanted: TlsVerification) -> tuple[NameMatch, ...]:
    return tuple(
        ("uri" if "://" in one.value else "dns", "exact" if one.type == "Exact" else "prefix", one.value)
        for one in wanted.subject_alt_names
    )
