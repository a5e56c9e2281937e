"""BackendTLSPolicies: how a Gateway speaks TLS to a Service port, and why it does not.

A policy that cannot be honoured closes the way: nothing goes to its Service in plain text.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

from sekisho.engine import Read, index, query
from sekisho.ir.transport import AuthorityBundle, ServerTls
from sekisho.model.backend_tls_policy import BackendTLSPolicy, SubjectAltName
from sekisho.model.httpfilters import LocalObjectReference
from sekisho.model.kinds import SEKISHO_GROUP
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.authorities import authorities
from sekisho.translate.gateway.certificates import Unusable

_PREFIX = "authorities/BackendTLSPolicy/"
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
def trusted(read: Read, policy: ResourceId) -> Trusted:
    """Whom a policy believes. The good ones of several are believed, also beside bad ones."""
    resource: BackendTLSPolicy = read.leaf(policy)
    wanted = resource.spec.validation
    if wanted.well_known_ca_certificates is not None:
        known = wanted.well_known_ca_certificates == _SYSTEM
        message = f"wellKnownCACertificates {wanted.well_known_ca_certificates} is not known; System is"
        return Trusted(is_usable=known, problems=() if known else (Unusable("Invalid", message),))
    found = [_authorities(read, policy, reference) for reference in wanted.ca_certificate_refs]
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
    wanted = read.leaf(policy).spec.validation
    return ServerTls(
        server_name=wanted.hostname,
        authorities=authorities_name(policy) if found.certificates else "",
        alternative_names=tuple(_name(one) for one in wanted.subject_alt_names),
        alpn=("h2",) if over_http2 else ("http/1.1",),
    )


def authorities_name(policy: ResourceId) -> str:
    """`AuthorityBundle.name`."""
    return f"{_PREFIX}{policy.namespace}/{policy.name}"


def policy_bundle(read: Read, name: str) -> AuthorityBundle | None:
    """The authorities of a policy, by the name of the bundle; None for a bundle that is of no policy."""
    if not name.startswith(_PREFIX):
        return None
    policy = ResourceId("BackendTLSPolicy", *name.removeprefix(_PREFIX).split("/"))
    if read.leaf(policy) is None:
        return None
    found = trusted(read, policy)
    return AuthorityBundle(name=name, authorities=found.certificates) if found.certificates else None


def _authorities(read: Read, policy: ResourceId, reference: LocalObjectReference) -> bytes | Unusable:
    if (reference.group, reference.kind) != ("", "ConfigMap"):
        return Unusable("InvalidKind", f"{reference.kind} holds no authorities; ConfigMap does")
    found = authorities(read, ResourceId("ConfigMap", policy.namespace, reference.name))
    return Unusable("InvalidCACertificateRef", found) if isinstance(found, str) else found


def _name(wanted: SubjectAltName) -> tuple[Literal["dns", "uri"], Literal["exact"], str]:
    if wanted.type == "URI":
        return "uri", "exact", wanted.uri or ""
    return "dns", "exact", wanted.hostname or ""


def _targeted(read: Read, policy: ResourceId) -> Iterator[Target]:
    yield from targets(read.leaf(policy))


_POLICIES = index("backend TLS policies", source="BackendTLSPolicy", emit=_targeted)
