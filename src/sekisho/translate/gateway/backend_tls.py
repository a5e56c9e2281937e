"""BackendTLSPolicies: how a Gateway speaks TLS to a Service port, and why it does not.

A policy that cannot be honoured closes the way: nothing goes to its Service in plain text.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

from sekisho.engine import Read, index, query
from sekisho.ir.transport import AuthorityBundle, ServerTls
from sekisho.model.backend_tls_policy import BackendTLSPolicy, BackendTlsValidation, SubjectAltName
from sekisho.model.httpfilters import LocalObjectReference
from sekisho.model.kinds import SEKISHO_GROUP
from sekisho.model.names import ResourceId
from sekisho.model.xbackend import XBackend
from sekisho.translate.gateway.authorities import authorities
from sekisho.translate.gateway.certificates import Unusable

_PREFIX = "authorities"
_SOURCES = ("BackendTLSPolicy", "XBackend")
"""Kinds that say whom to believe."""
_SYSTEM = "System"
_TARGETS = frozenset({("", "Service"), (SEKISHO_GROUP, "ZoneService")})
"""Group and kind."""


class Target(NamedTuple):
    """What a policy is for."""

    service: ResourceId
    section: str
    """Name of a port; empty for all without a policy of their own."""


class Trusted(Struct, frozen=True, kw_only=True, gc=False):
    """The authorities a policy names."""

    certificates: bytes = b""
    """PEM; empty for none, and for those of the proxy's host."""
    problems: tuple[Unusable, ...] = ()
    is_usable: bool
    """Whether anybody is believed."""


def targets(policy: BackendTLSPolicy) -> Iterator[Target]:
    """The Services a policy is for, here and in other zones."""
    for one in policy.spec.target_refs:
        if (one.group, one.kind) in _TARGETS:
            yield Target(ResourceId(one.kind, policy.id.namespace, one.name), one.section_name or "")


@query
def winner(read: Read, target: Target) -> ResourceId | None:
    """Of the policies for one target the oldest, then the first by name (GEP-713, conflict resolution)."""
    claims = read.bucket(_POLICIES, target)
    return min(claims, key=lambda one: (read.leaf(one).metadata.creation_timestamp or "", one), default=None)


def policy_of(read: Read, service: ResourceId, port: str) -> ResourceId | None:
    """The policy for a port, by its name: one for it alone counts before one for all."""
    if not has_policies(read):
        return None
    own = winner(read, Target(service, port)) if port else None
    return own or winner(read, Target(service, ""))


def has_policies(read: Read) -> bool:
    """Whether there is any policy at all."""
    return read.any(_POLICIES)


@query
def trusted(read: Read, source: ResourceId) -> Trusted:
    """Whom a policy or an XBackend believes. The good ones of several are believed, also beside bad ones."""
    wanted = _validation(read, source)
    if wanted is None:
        return Trusted(is_usable=True)
    if wanted.well_known_ca_certificates is not None:
        known = wanted.well_known_ca_certificates == _SYSTEM
        message = f"wellKnownCACertificates {wanted.well_known_ca_certificates} is not known; System is"
        return Trusted(is_usable=known, problems=() if known else (Unusable("Invalid", message),))
    found = [_authorities(read, source, reference) for reference in wanted.ca_certificate_refs]
    good = [one for one in found if isinstance(one, bytes)]
    bad = tuple(one for one in found if isinstance(one, Unusable))
    return Trusted(certificates=b"\n".join(good), problems=bad, is_usable=bool(good))


def backend_transport(
    read: Read, service: ResourceId, port: str, *, over_http2: bool
) -> ServerTls | Unusable | None:
    """How a port is spoken to; None for without TLS, because no policy wants it."""
    policy = policy_of(read, service, port)
    if policy is None:
        return None
    found = trusted(read, policy)
    if not found.is_usable:
        return Unusable("NoValidCACertificate", f"{policy} believes nobody")
    alpn = ("h2",) if over_http2 else ("http/1.1",)
    return server_tls(policy, read.leaf(policy).spec.validation, found, alpn=alpn)


def server_tls(
    source: ResourceId,
    wanted: BackendTlsValidation,
    found: Trusted,
    *,
    certificate: str = "",
    alpn: tuple[str, ...],
) -> ServerTls:
    """TLS to a server that `source` says how to verify. `certificate`: as `ServerTls` has it."""
    return ServerTls(
        server_name=wanted.hostname,
        authorities=authorities_name(source) if found.certificates else "",
        alternative_names=tuple(_name(one) for one in wanted.subject_alt_names),
        certificate=certificate,
        alpn=alpn,
    )


def authorities_name(source: ResourceId) -> str:
    """`AuthorityBundle.name`."""
    return f"{_PREFIX}/{source.kind}/{source.namespace}/{source.name}"


def policy_bundle(read: Read, name: str) -> AuthorityBundle | None:
    """The authorities of a policy or an XBackend, by the name of the bundle; None for a bundle that is of
    neither."""
    source = ResourceId(*name.split("/")[1:])
    if source.kind not in _SOURCES or read.leaf(source) is None:
        return None
    found = trusted(read, source)
    return AuthorityBundle(name=name, authorities=found.certificates) if found.certificates else None


def _validation(read: Read, source: ResourceId) -> BackendTlsValidation | None:
    """None for an XBackend that says nothing."""
    resource: BackendTLSPolicy | XBackend = read.leaf(source)
    if isinstance(resource, BackendTLSPolicy):
        return resource.spec.validation
    return resource.spec.tls.validation if resource.spec.tls is not None else None


def _authorities(read: Read, source: ResourceId, reference: LocalObjectReference) -> bytes | Unusable:
    if (reference.group, reference.kind) != ("", "ConfigMap"):
        return Unusable("InvalidKind", f"{reference.kind} holds no authorities; ConfigMap does")
    found = authorities(read, ResourceId("ConfigMap", source.namespace, reference.name))
    return Unusable("InvalidCACertificateRef", found) if isinstance(found, str) else found


def _name(wanted: SubjectAltName) -> tuple[Literal["dns", "uri"], Literal["exact"], str]:
    if wanted.type == "URI":
        return "uri", "exact", wanted.uri or ""
    return "dns", "exact", wanted.hostname or ""


def _targeted(read: Read, policy: ResourceId) -> Iterator[Target]:
    yield from targets(read.leaf(policy))


_POLICIES = index("backend TLS policies", source="BackendTLSPolicy", emit=_targeted)
