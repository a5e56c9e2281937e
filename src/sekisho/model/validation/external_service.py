"""Rules of ExternalService."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.external_service import ExternalService, ExternalServiceSpec, ExternalTls
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.mesh_tls import tls_versions
from sekisho.model.validation.shared import host, ip_version, unique

_CHECKS_NAMES = ("Secured", "SkipCA")
_CHECKS_AUTHORITIES = ("Secured", "SkipSAN")
_HERE = "localhost"
"""Names of loopback addresses (RFC 6761, 6.3)."""


def external_service(resource: ExternalService) -> Iterator[Problem]:
    """Endpoints, and TLS that fits them."""
    spec = resource.spec
    for index, endpoint in enumerate(spec.endpoints):
        where = paths.field(paths.item("spec.endpoints", index), "address")
        yield from host(where, endpoint.address)
        if endpoint.address == _HERE or endpoint.address.endswith(f".{_HERE}"):
            message = f"{endpoint.address} is the host of whichever proxy looks it up"
            yield Problem(where, message, "write its address, if that is meant", Reason.FORBIDDEN)
    places = ((endpoint.address.lower(), endpoint.port) for endpoint in spec.endpoints)
    yield from unique("spec.endpoints", places, "", "address and port")
    if spec.tls:
        yield from _tls("spec.tls", spec, spec.tls)


def _tls(path: str, spec: ExternalServiceSpec, tls: ExternalTls) -> Iterator[Problem]:
    if tls.version:
        yield from tls_versions(paths.field(path, "version"), tls.version)
    if tls.enabled and spec.match.protocol == "tls":
        message = "protocol tls is passed through: members speak TLS themselves"
        hint = "use protocol tcp, or http where it is"
        yield Problem(paths.field(path, "enabled"), message, hint, Reason.FORBIDDEN)
    yield from _verification(paths.field(path, "verification"), spec, tls)


def _verification(path: str, spec: ExternalServiceSpec, tls: ExternalTls) -> Iterator[Problem]:
    verification = tls.verification
    names, authorities = verification.subject_alt_names, verification.ca_certificate_ref
    if names and verification.mode not in _CHECKS_NAMES:
        message = f"mode {verification.mode} checks no names"
        yield Problem(paths.field(path, "subjectAltNames"), message, reason=Reason.FORBIDDEN)
    if authorities and verification.mode not in _CHECKS_AUTHORITIES:
        message = f"mode {verification.mode} checks no authority"
        yield Problem(paths.field(path, "caCertificateRef"), message, reason=Reason.FORBIDDEN)
    is_named = verification.server_name or names
    has_addresses = any(ip_version(endpoint.address) is not None for endpoint in spec.endpoints)
    if tls.enabled and verification.mode in _CHECKS_NAMES and has_addresses and not is_named:
        message = "is required where an endpoint is an IP address: the certificate is checked by name"
        yield Problem(paths.field(path, "serverName"), message, reason=Reason.REQUIRED)
