"""Certificates for tests: an authority and what it signs, and those that sign themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)
_SIGNS = x509.BasicConstraints(ca=True, path_length=None)
_SIGNS_HANDSHAKES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Leaf:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """As files; (certificate, key)."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.certificate)
        key.write_bytes(self.key)
        return certificate, key


class TestAuthority:
    """Signs whatever a test asks for."""

    __test__ = False

    def __init__(self, name: str = "test") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        builder = _builder(self._name, self._name, self._key).add_extension(_SIGNS, critical=True)
        self.certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def leaf(self, *, uris: Sequence[str] = (), dns: Sequence[str] = ()) -> Leaf:
        """A leaf with these subject alternative names."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, dns)]
        return _leaf(_named(_builder(_name("leaf"), self._name, key), names), key, self._key)

    def svid(self, *uris: str, ends: timedelta = _DAY) -> Leaf:
        """A leaf that may speak for a workload (SPIFFE X.509-SVID); one URI unless a test wants more."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = _named(
            _builder(_name("svid"), self._name, key, ends), map(x509.UniformResourceIdentifier, uris)
        )
        constrained = named.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return _leaf(constrained.add_extension(_SIGNS_HANDSHAKES, critical=True), key, self._key)


def self_signed(*hosts: str, ends: timedelta = _DAY, stapled: bool = False) -> Leaf:
    """For these host names and addresses, good until `ends` from now."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("self-signed")
    builder = _named(_builder(name, name, key, ends), map(_host, hosts))
    if stapled:
        builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    return _leaf(builder.add_extension(_SIGNS, critical=True), key, key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends: timedelta = _DAY
) -> x509.CertificateBuilder:
    end = datetime.now(UTC) + ends
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(end - 2 * _DAY).not_valid_after(end)


def _named(builder: x509.CertificateBuilder, names: Iterable[x509.GeneralName]) -> x509.CertificateBuilder:
    wanted = x509.SubjectAlternativeName(names)
    return builder.add_extension(wanted, critical=False) if len(wanted) else builder


def _leaf(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> Leaf:
    certificate = builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)
    return Leaf(certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
