"""Certificates of listeners: which Secrets they name, and whether Envoy can present what is inside."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.model.core import Secret
from sekisho.model.gateway import GATEWAY_GROUP, Gateway, SecretReference
from sekisho.model.listener_set import ListenerSet
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.facts import ExpiredCertificate
from sekisho.translate.gateway.grants import Referrer, is_permitted
from sekisho.translate.gateway.listener_sets import SOURCES, gateway_of

_TLS_SECRET = "kubernetes.io/tls"  # noqa: S105 - the type of a Secret, not a secret
_LEAST_RSA_BITS, _MOST_RSA_BITS = 2048, 8192
"""BoringSSL in Envoy refuses shorter keys (ssl/context_impl.cc); longer ones take its workers' time."""
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


class Unusable(NamedTuple):
    """Why a certificate reference or a Secret cannot be used."""

    reason: str
    """ListenerConditionReason of ResolvedRefs: InvalidCertificateRef or RefNotPermitted."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A certificate chain and key that belong together."""

    chain: bytes
    key: bytes
    not_after: datetime

    def __repr__(self) -> str:
        return f"_Pair(not_after={self.not_after})"


@dataclass(frozen=True, slots=True)
class Presented:
    """What one HTTPS listener can present."""

    certificates: tuple[str, ...] = ()
    """Names of `ir.Certificate`s, sorted."""
    problems: tuple[Unusable, ...] = ()


def client_certificate_reference(gateway: Gateway) -> SecretReference | None:
    """What a Gateway shows to backends (`spec.tls.backend`); None when nothing is asked for."""
    tls = gateway.spec.tls
    return None if tls is None or tls.backend is None else tls.backend.client_certificate_ref


def certificate_name(secret: ResourceId) -> str:
    """`ir.Certificate.name` of a Secret."""
    return f"secret/{secret.namespace}/{secret.name}"


def secret_of(name: str) -> ResourceId:
    """The inverse of `certificate_name`."""
    _, namespace, secret = name.split("/")
    return ResourceId("Secret", namespace, secret)


@query
def pair(read: Read, secret: ResourceId) -> _Pair | Unusable:
    """The checked content of a `kubernetes.io/tls` Secret, whether its time is over or not."""
    resource: Secret | None = read.leaf(secret)
    if resource is None:
        return Unusable("InvalidCertificateRef", f"{secret} does not exist")
    if resource.type != _TLS_SECRET:
        return Unusable("InvalidCertificateRef", f"{secret} has type {resource.type}, not {_TLS_SECRET}")
    found = _checked(resource.data.get("tls.crt", b""), resource.data.get("tls.key", b""))
    return Unusable("InvalidCertificateRef", f"{secret}: {found}") if isinstance(found, str) else found


@query
def not_after(read: Read, secret: ResourceId) -> datetime | None:
    """When the certificate in a Secret ends (UTC); None when there is no usable one.

    The control loop sets the leaf `ExpiredCertificate` at that time.
    """
    found = pair(read, secret)
    return found.not_after if isinstance(found, _Pair) else None


@query
def certificate(read: Read, secret: ResourceId) -> ir.Certificate | Unusable:
    """What Envoy gets, shared by all Gateways that present it."""
    found = pair(read, secret)
    if isinstance(found, Unusable):
        return found
    ended: datetime | None = read.leaf(ExpiredCertificate.of(secret))
    if ended is not None and found.not_after <= ended:
        return Unusable("InvalidCertificateRef", f"{secret}: the certificate expired on {found.not_after}")
    return ir.Certificate(
        name=certificate_name(secret), chain=found.chain, key=found.key, origin=Origin(secret, "data")
    )


@query
def presented(read: Read, source: ResourceId, listener: str) -> Presented:
    """The certificates of one listener of a Gateway or ListenerSet, and why others it names are missing.

    The good ones are presented beside bad ones; with none left the listener stays closed.
    """
    names, problems = [], []
    for path, reference in _references(read.leaf(source), listener):
        found = resolve_certificate(read, source, reference)
        if isinstance(found, Unusable):
            problems.append(Unusable(found.reason, f"{path}: {found.message}"))
        else:
            names.append(found.name)
    if not names and not problems:
        problems.append(Unusable("InvalidCertificateRef", "tls.certificateRefs names no certificate"))
    return Presented(tuple(sorted(set(names))), tuple(problems))


def resolve_certificate(
    read: Read, referrer: ResourceId, reference: SecretReference, *, group: str = GATEWAY_GROUP
) -> ir.Certificate | Unusable:
    """What a Gateway, ListenerSet or XBackend (a kind of `group`) names: each needs a grant of its own to go
    into another namespace."""
    if (reference.group, reference.kind) != ("", "Secret"):
        kind = f"{reference.kind}.{reference.group}".rstrip(".")
        return Unusable("InvalidCertificateRef", f"{kind} is not a kind of certificate; Secret is")
    secret = ResourceId("Secret", reference.namespace or referrer.namespace, reference.name)
    # Permission first: who may not look must not learn whether the Secret exists.
    if not is_permitted(read, Referrer(group, referrer.kind, referrer.namespace), "", secret):
        return Unusable("RefNotPermitted", f"no ReferenceGrant in {secret.namespace} allows {secret}")
    return certificate(read, secret)


def _references(source: Gateway | ListenerSet, listener: str) -> Iterator[tuple[str, SecretReference]]:
    for position, one in enumerate(source.spec.listeners):
        if one.name == listener and one.tls is not None:
            for number, reference in enumerate(one.tls.certificate_refs):
                yield f"spec.listeners[{position}].tls.certificateRefs[{number}]", reference


def _checked(chain: bytes, key: bytes) -> _Pair | str:
    """The pair, or what is wrong with it. Never says anything of the key's content."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        public = certificates[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "tls.crt is not a PEM certificate"
    try:
        # Proving the primes would take 0.1 s for 2048 bits and 7 s for 8192, in the loop of everybody else.
        # We compute nothing with the key: Envoy refuses one that is inconsistent, and its author is told.
        private = load_pem_private_key(key, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "tls.key is not an unencrypted PEM private key"
    if private.public_key() != public:
        return "tls.key does not belong to the certificate in tls.crt"
    if problem := _weakness(public):
        return problem
    if _demands_stapling(certificates[0]):
        return "the certificate demands OCSP stapling (must-staple), which is not supported"
    return _Pair(chain=chain, key=key, not_after=certificates[0].not_valid_after_utc)


def _weakness(public: CertificatePublicKeyTypes) -> str:
    """What Envoy refuses, said here: its refusal would keep the whole listener from starting."""
    if isinstance(public, RSAPublicKey):
        if _LEAST_RSA_BITS <= public.key_size <= _MOST_RSA_BITS:
            return ""
        return f"the RSA key has {public.key_size} bits, not {_LEAST_RSA_BITS} to {_MOST_RSA_BITS}"
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return ""
    return "the key must be RSA or ECDSA with P-256, P-384 or P-521"


def _demands_stapling(certificate: x509.Certificate) -> bool:
    """Envoy neither presents such a certificate nor tells that it does not: connections are just reset."""
    try:
        features = certificate.extensions.get_extension_for_class(x509.TLSFeature).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return x509.TLSFeatureType.status_request in features


def _named_secrets(read: Read, source: ResourceId) -> Iterator[ResourceId]:
    """Secrets that listeners of a Gateway of ours name and may use, and the Gateway itself."""
    if gateway_of(read, source) is None:
        return
    for reference in _all_references(read.leaf(source)):
        secret = ResourceId("Secret", reference.namespace or source.namespace, reference.name)
        referrer = Referrer(GATEWAY_GROUP, source.kind, source.namespace)
        if reference.kind == "Secret" and is_permitted(read, referrer, "", secret):
            yield secret


def _all_references(source: Gateway | ListenerSet) -> Iterator[SecretReference]:
    for listener in source.spec.listeners:
        if listener.tls is not None:
            yield from listener.tls.certificate_refs
    if isinstance(source, Gateway) and (reference := client_certificate_reference(source)) is not None:
        yield reference


SECRETS_IN_USE = index("secrets in use", source=SOURCES, emit=_named_secrets)

EXPIRIES = output("certificate expiries", source=SECRETS_IN_USE, build=not_after)
"""Secret → when its certificate ends (UTC), for each Secret a Gateway of ours may use: to set timers by."""
