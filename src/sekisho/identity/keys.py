"""Key pairs made where they are used, the request for a certificate, and what comes of both."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.identity.secret import Secret


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as an authority hands it out: nothing in it is secret."""

    chain: bytes
    """PEM, leaf first, then the issuing certificate; without the root."""
    bundle: bytes
    """PEM of the roots to trust in this trust domain."""
    not_before: datetime
    not_after: datetime
    serial: int
    """Of the leaf, by which logs and revocations name it."""

    @classmethod
    def of(cls, chain: bytes, bundle: bytes) -> "Issued":
        """What an authority's answer holds; the dates are read from the leaf. Raises ValueError."""
        return cls._with(x509.load_pem_x509_certificate(chain), chain, bundle)

    @classmethod
    def of_leaf(cls, leaf: x509.Certificate, above: bytes, bundle: bytes) -> "Issued":
        """What an authority hands out that has just signed it; `above` (PEM): who vouches for the leaf."""
        return cls._with(leaf, leaf.public_bytes(serialization.Encoding.PEM) + above, bundle)

    @classmethod
    def _with(cls, leaf: x509.Certificate, chain: bytes, bundle: bytes) -> "Issued":
        return cls(chain, bundle, leaf.not_valid_before_utc, leaf.not_valid_after_utc, leaf.serial_number)

    def leaf(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.chain)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A private key with its certificate: enough to serve or to call over mutual TLS."""

    key: Secret[bytes]
    """PEM, PKCS #8, not encrypted."""
    issued: Issued


def new_key() -> Secret[bytes]:
    """A new P-256 key, PEM. P-256 because every TLS stack has it and a signature takes 40 µs."""
    return key_pem(ec.generate_private_key(ec.SECP256R1()))


def key_pem(key: ec.EllipticCurvePrivateKey) -> Secret[bytes]:
    """PEM of a key, PKCS #8, not encrypted: file modes protect it."""
    return Secret(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError when it is not the PEM of an elliptic curve key."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic curve key")  # noqa: TRY004  a wrong value in a file, not a wrong call
    return key


def signing_request(key: Secret[bytes]) -> bytes:
    """A signing request, PEM. It asks for no name: names come from the authority's registration."""
    request = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
    return request.sign(load_key(key.reveal()), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def belongs(key: Secret[bytes], certificate: x509.Certificate) -> bool:
    """Whether the certificate was issued for this key."""
    return load_key(key.reveal()).public_key() == certificate.public_key()
