"""Rules of MeshIdentity and MeshTrust."""

from collections.abc import Iterator

from cryptography import x509

from sekisho.kit import durations
from sekisho.model import paths
from sekisho.model.identity import (
    PATH_FIELDS,
    TRUST_DOMAIN_FIELDS,
    IdentityProvider,
    MeshIdentity,
    MeshTrust,
)
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.spiffe import path_fault, trust_domain_fault
from sekisho.model.validation import metadata
from sekisho.model.validation.shared import of_the_system
from sekisho.model.validation.templates import template

SHORTEST_LIFE = 60_000
"""Milliseconds a certificate of a workload must be valid: below, it would be renewed all the time."""
LONGEST_LIFE = 90 * 24 * 3_600_000
"""Milliseconds: longer ones could not be taken back in any sensible time."""


def mesh_identity(resource: MeshIdentity) -> Iterator[Problem]:
    """Place, templates and provider."""
    yield from of_the_system(resource)
    spec = resource.spec
    if spec.selector and spec.selector.workload:
        yield from metadata.labels("spec.selector.workload.matchLabels", spec.selector.workload.match_labels)
    path, look = "spec.spiffeID", spec.spiffe_id
    domain = paths.field(path, "trustDomain")
    yield from template(domain, look.trust_domain, TRUST_DOMAIN_FIELDS, trust_domain_fault, labels=False)
    yield from template(paths.field(path, "path"), look.path, PATH_FIELDS, path_fault)
    yield from _provider("spec.provider", spec.provider)


def _provider(path: str, provider: IdentityProvider) -> Iterator[Problem]:
    given = {"Bundled": ("bundled", provider.bundled), "Spire": ("spire", provider.spire)}
    for type_, (name, value) in given.items():
        if value is not None and type_ != provider.type:
            message = f"belongs to type {type_}, and the type is {provider.type}"
            yield Problem(paths.field(path, name), message, reason=Reason.FORBIDDEN)
    if provider.type == "Spire" and provider.spire is None:
        yield Problem(paths.field(path, "spire"), "is required for type Spire", reason=Reason.REQUIRED)
    if provider.spire:
        yield from _absolute(paths.field(path, "spire.socketPath"), provider.spire.socket_path)
        yield from _absolute(paths.field(path, "spire.bundleSocketPath"), provider.spire.bundle_socket_path)
    if provider.bundled:
        where = paths.field(path, "bundled.certificateParameters.expiry")
        expiry = durations.parse(provider.bundled.certificate_parameters.expiry)
        if not SHORTEST_LIFE <= expiry <= LONGEST_LIFE:
            range_ = f"{durations.format(SHORTEST_LIFE)} to {durations.format(LONGEST_LIFE)}"
            yield Problem(where, f"expected {range_}, found {durations.format(expiry)}")


def _absolute(path: str, socket: str | None) -> Iterator[Problem]:
    if socket is not None and not socket.startswith("/"):
        yield Problem(path, "expected an absolute path")


def mesh_trust(resource: MeshTrust) -> Iterator[Problem]:
    """Place, trust domain and certificates."""
    yield from of_the_system(resource)
    if fault := trust_domain_fault(resource.spec.trust_domain):
        yield Problem("spec.trustDomain", f"expected {fault}")
    for index, bundle in enumerate(resource.spec.ca_bundles):
        where = paths.field(paths.item("spec.caBundles", index), "pem.value")
        yield from _authorities(where, bundle.pem.value)


def _authorities(path: str, text: str) -> Iterator[Problem]:
    """Never shows what was written: it could be the wrong file."""
    if "PRIVATE KEY" in text:
        yield Problem(path, "holds a private key", "replace the key, and write certificates only")
        return
    try:
        certificates = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        yield Problem(path, "expected certificates in PEM")
        return
    for number, certificate in enumerate(certificates, 1):
        if not _is_authority(certificate):
            message = f"certificate {number} is not of an authority (basicConstraints CA:TRUE)"
            yield Problem(path, message)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False
