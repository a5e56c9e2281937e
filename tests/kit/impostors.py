"""Certificates that must be refused wherever mutual TLS is asked, minted with all an attacker may have.

A `Victim` is what they are held against: its authority, with its keys, and the identity they pretend to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sekisho.identity.keys import key_pem
from tests.kit.pki import Leaf

_DAY = timedelta(days=1)
_BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True)
class Signer:
    """A certificate that signs others, with its key, and what comes above it in a chain."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class Victim:
    """Whom the impostors want to deceive."""

    issuer: Signer
    """Signs good certificates; believed."""
    identity: str
    """An identity that is let in: `spiffe://…`."""
    earlier: Signer
    """Of the same trust domain and name, and not believed any more: its root was retired."""


@dataclass(frozen=True)
class Draft:
    """A certificate about to be signed. What `good` makes of a victim is let in."""

    signer: Signer
    uris: Sequence[str]
    starts: timedelta = -_DAY
    ends: timedelta = _DAY
    purposes: Sequence[x509.ObjectIdentifier] = _BOTH
    key_usage: x509.KeyUsage | None = None
    is_authority: bool = False
    critical: Sequence[x509.ExtensionType] = ()
    """More extensions, critical."""

    def sign(self) -> Leaf:
        """With a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([_uri(uri) for uri in self.uris])
        builder = (
            x509.CertificateBuilder(self.signer.certificate.subject, x509.Name([]), key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + self.starts)
            .not_valid_after(now + self.ends)
            .add_extension(x509.BasicConstraints(ca=self.is_authority, path_length=None), critical=True)
            .add_extension(self.key_usage or usage(), critical=True)
            .add_extension(_above(self.signer), critical=False)
        )
        if self.uris:
            builder = builder.add_extension(names, critical=True)
        if self.purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.purposes), critical=False)
        for extension in self.critical:
            builder = builder.add_extension(extension, critical=True)
        leaf = builder.sign(self.signer.key, hashes.SHA256())
        chain = (leaf, self.signer.certificate, *self.signer.above)
        return Leaf(b"".join(each.public_bytes(Encoding.PEM) for each in chain), key_pem(key).reveal())


def good(victim: Victim) -> Draft:
    """The certificate that is let in."""
    return Draft(victim.issuer, [victim.identity])


def usage(*, signs: bool = True, issues: bool = False, enciphers: bool = False) -> x509.KeyUsage:
    """Key usage: for signatures, for certificates, for key transport."""
    return x509.KeyUsage(
        digital_signature=signs, key_cert_sign=issues, crl_sign=issues, key_encipherment=enciphers,
        content_commitment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def signer(name: str, domain: str, *, below: Signer | None = None) -> Signer:
    """A root, or an authority below another one, for a trust domain."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    parent = below.certificate.subject if below else subject
    certificate = (
        x509.CertificateBuilder(parent, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(now + 2 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(signs=False, issues=True), critical=True)
        .add_extension(x509.SubjectAlternativeName([_uri(f"spiffe://{domain}")]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(below.key if below else key, hashes.SHA256())
    )
    above = (below.certificate, *below.above) if below and below.above else ()
    return Signer(certificate, key, above)


def _below_a_leaf(victim: Victim) -> Draft:
    """Signed by a holder of a good certificate, who is no authority but has a key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a leaf")])
    leaf = (
        x509.CertificateBuilder(victim.issuer.certificate.subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(), critical=True)
        .add_extension(x509.SubjectAlternativeName([_uri(victim.identity)]), critical=False)
        .sign(victim.issuer.key, hashes.SHA256())
    )
    return Draft(Signer(leaf, key, (victim.issuer.certificate, *victim.issuer.above)), [victim.identity])


def _domain(victim: Victim) -> str:
    return victim.identity.removeprefix("spiffe://").partition("/")[0]


def _elsewhere(victim: Victim) -> str:
    return victim.identity.replace(_domain(victim), "elsewhere.test")


def _copied_root(victim: Victim) -> Signer:
    """An authority of the attacker's with the very names of the good one."""
    fake = signer("copy", _domain(victim))
    name = victim.issuer.certificate.subject
    builder = x509.CertificateBuilder(name, name, fake.key.public_key(), x509.random_serial_number())
    copy = (
        builder.not_valid_before(fake.certificate.not_valid_before_utc)
        .not_valid_after(fake.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(signs=False, issues=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(fake.key.public_key()), critical=False)
        .sign(fake.key, hashes.SHA256())
    )
    return Signer(copy, fake.key)


_NUL = "\0"
_UNHEARD_OF = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")

IMPOSTORS: Mapping[str, Callable[[Victim], Draft]] = {
    "expired": lambda v: replace(good(v), starts=-2 * _DAY, ends=-timedelta(seconds=5)),
    "not yet valid": lambda v: replace(good(v), starts=timedelta(hours=1)),
    "signed by itself": lambda v: replace(good(v), signer=signer("itself", _domain(v))),
    "of an authority with the same names": lambda v: replace(good(v), signer=_copied_root(v)),
    "of the root that was retired": lambda v: replace(good(v), signer=v.earlier),
    "of another trust domain, by its own root": lambda v: Draft(
        signer("elsewhere", "elsewhere.test"), [_elsewhere(v)]
    ),
    "of another trust domain, by the believed root": lambda v: replace(good(v), uris=[_elsewhere(v)]),
    "of this trust domain, by another's root": lambda v: replace(
        good(v), signer=signer("elsewhere", "elsewhere.test")
    ),
    "below a leaf": _below_a_leaf,
    "with two identities": lambda v: replace(good(v), uris=[v.identity, f"{v.identity}-2"]),
    "with two identities, the good one last": lambda v: replace(good(v), uris=[_elsewhere(v), v.identity]),
    "without any identity": lambda v: replace(good(v), uris=[]),
    "with an identity that is no SPIFFE ID": lambda v: replace(
        good(v), uris=[v.identity.replace("spiffe://", "https://")]
    ),
    "with an identity without a path": lambda v: replace(good(v), uris=[f"spiffe://{_domain(v)}"]),
    "with a NUL in the identity": lambda v: replace(good(v), uris=[f"{v.identity}{_NUL}.elsewhere.test"]),
    "with a trust domain in upper case": lambda v: replace(
        good(v), uris=[v.identity.replace(_domain(v), _domain(v).upper())]
    ),
    "an authority itself": lambda v: replace(good(v), is_authority=True, key_usage=usage(issues=True)),
    "whose key may not sign": lambda v: replace(good(v), key_usage=usage(signs=False, enciphers=True)),
    "for servers only": lambda v: replace(good(v), purposes=[ExtendedKeyUsageOID.SERVER_AUTH]),
    "for signing code": lambda v: replace(good(v), purposes=[ExtendedKeyUsageOID.CODE_SIGNING]),
    "with a critical extension nobody knows": lambda v: replace(good(v), critical=[_UNHEARD_OF]),
}
"""By what is wrong with it."""


def _uri(text: str) -> x509.UniformResourceIdentifier:
    # The class refuses what is no ASCII only: a NUL passes, as it does in an attacker's tool.
    return x509.UniformResourceIdentifier(text)


def _above(parent: Signer) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.key.public_key())
