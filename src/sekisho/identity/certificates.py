"""The certificates an authority signs: root, issuing, leaf; every extension stated."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sekisho.identity.authority import BACKDATED, Registration
from sekisho.identity.lineage import serial_number
from sekisho.identity.spiffe import SCHEME

Life: TypeAlias = tuple[datetime, datetime]
"""The moment of issue, and the end. NotBefore is a little earlier than the issue."""
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
Extension: TypeAlias = x509.Extension[x509.ExtensionType]

_NOBODY = x509.Name([])
_ISSUERS = 64
"""So many issuing certificates are remembered, of all meshes."""


def root(key: ec.EllipticCurvePrivateKey, trust_domain: str, life: Life) -> x509.Certificate:
    """A self-signed root that allows one level of issuing certificates below it."""
    name, public = _authority_name(trust_domain, "root"), key.public_key()
    extensions = _of_authority(trust_domain, public, levels=1)
    return _builder(name, name, public, life, extensions).sign(key, hashes.SHA256())


def issuer(
    parent: x509.Certificate,
    parent_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePublicKey,
    trust_domain: str,
    life: Life,
) -> x509.Certificate:
    """A certificate that signs leaves, and nothing below them."""
    name = _authority_name(trust_domain, "issuer")
    extensions = _of_authority(trust_domain, parent_key.public_key(), levels=0)
    return _builder(name, parent.subject, key, life, extensions).sign(parent_key, hashes.SHA256())


def leaf(
    parent: x509.Certificate,
    parent_key: ec.EllipticCurvePrivateKey,
    key: PublicKey,
    registration: Registration,
    life: Life,
) -> x509.Certificate:
    """An X.509-SVID for the registration. No subject: the alternative names, critical, are the identity."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(str(registration.identity))]
    names += [x509.DNSName(name) for name in registration.dns_names]
    names += [x509.IPAddress(address) for address in registration.addresses]
    alternative = _extension(x509.SubjectAlternativeName(names), critical=True)
    extensions = (alternative, *_OF_EVERY_LEAF, _issued_by_issuer(parent))
    builder = _builder(_NOBODY, parent.subject, key, life, extensions, serial_number(registration.token))
    return builder.sign(parent_key, hashes.SHA256())


def trust_domain(authority: x509.Certificate) -> str:
    """The trust domain a root or issuing certificate was made for; empty when it names none."""
    try:
        names = authority.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return "".join(u.removeprefix(SCHEME) for u in names.get_values_for_type(x509.UniformResourceIdentifier))


def _builder(
    subject: x509.Name,
    parent: x509.Name,
    key: PublicKey,
    life: Life,
    extensions: Sequence[Extension],
    serial: int | None = None,
) -> x509.CertificateBuilder:
    # All at once: the builder's own methods make a new builder each.
    start, end = (moment.astimezone(UTC).replace(tzinfo=None) for moment in (life[0] - BACKDATED, life[1]))
    own = _extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    return x509.CertificateBuilder(
        parent, subject, key, serial or serial_number(), start, end, [own, *extensions]
    )


def _of_authority(domain: str, parent: ec.EllipticCurvePublicKey, *, levels: int) -> tuple[Extension, ...]:
    # An authority's SPIFFE identity has no path (X.509-SVID section 2): it authenticates nobody.
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"{SCHEME}{domain}")])
    return (
        _extension(x509.BasicConstraints(ca=True, path_length=levels), critical=True),
        _extension(_key_usage(authority=True), critical=True),
        _extension(name, critical=False),
        _extension(_issued_by(parent), critical=False),
    )


@lru_cache(_ISSUERS)
def _issued_by_issuer(issuer: x509.Certificate) -> Extension:
    """Of leaves: an issuer signs many."""
    key: Any = issuer.public_key()
    return _extension(_issued_by(key), critical=False)


def _issued_by(parent: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(parent)


def _authority_name(domain: str, role: str) -> x509.Name:
    # X.520 allows 64 characters in a common name; the whole domain stands in the alternative names.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sekisho"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{role} {domain}"[:64]),
        ]
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _extension(value: x509.ExtensionType, *, critical: bool) -> Extension:
    return x509.Extension(value.oid, critical, value)


_OF_EVERY_LEAF = (
    _extension(x509.BasicConstraints(ca=False, path_length=None), critical=True),
    _extension(_key_usage(authority=False), critical=True),
    _extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
        critical=False,
    ),
)
