"""A certificate of an authority and its key, as a pair of private files that a crash never mixes up."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.identity.files import write_private
from sekisho.identity.keys import key_pem, load_key


class AuthorityBroken(Exception):
    """The authority's directory is not usable; it is never replaced by a new root behind the user's back."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and the private key it was made for."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"Pair({self.certificate.subject.rfc4514_string()})"

    @property
    def start(self) -> datetime:
        """The beginning of its life."""
        return self.certificate.not_valid_before_utc

    @property
    def end(self) -> datetime:
        """The end of its life."""
        return self.certificate.not_valid_after_utc

    def fits(self) -> bool:
        """Whether key and certificate belong together."""
        return self.key.public_key() == self.certificate.public_key()

    def issued_by(self, parent: x509.Certificate) -> bool:
        """Whether `parent` signed the certificate."""
        try:
            self.certificate.verify_directly_issued_by(parent)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def pem(certificate: x509.Certificate) -> bytes:
    """PEM of one certificate."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def save(directory: Path, name: str, pair: Pair) -> Pair:
    """Writes `<name>.key` and `<name>.crt`. Raises OSError."""
    # The key first: a certificate on the disk means that its key is there too.
    write_private(directory / f"{name}.key", key_pem(pair.key).reveal())
    write_private(directory / f"{name}.crt", pem(pair.certificate))
    return pair


def load(directory: Path, name: str) -> Pair | None:
    """Both files of a pair; None when there is no certificate. Raises AuthorityBroken.

    Whether they fit each other is for the caller to see: a crash comes between two files.
    """
    certificate = load_certificate(directory, name)
    if certificate is None:
        return None
    key = load_private_key(directory, name)
    if key is None:
        raise AuthorityBroken(f"{directory / name}.crt or its key cannot be read: there is no {name}.key")
    return Pair(certificate, key)


def load_certificate(directory: Path, name: str) -> x509.Certificate | None:
    """The certificate of a pair; None when there is none. Raises AuthorityBroken."""
    file = directory / f"{name}.crt"
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AuthorityBroken(f"{file} or its key cannot be read: {error}") from error


def load_private_key(directory: Path, name: str) -> ec.EllipticCurvePrivateKey | None:
    """The key of a pair; None when it was taken away. Raises AuthorityBroken."""
    try:
        return load_key((directory / f"{name}.key").read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AuthorityBroken(f"{directory / name}.crt or its key cannot be read: {error}") from error


def remove(directory: Path, name: str) -> None:
    """Takes a pair away, its certificate first, for the same reason. Raises OSError."""
    (directory / f"{name}.crt").unlink(missing_ok=True)
    (directory / f"{name}.key").unlink(missing_ok=True)
