"""Self-signed certificates for trying things out, as Secrets."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sekisho.model.fields import Hostname

LIFETIME = timedelta(days=90)


def secret(
    namespace: str, name: str, hostnames: Sequence[str], now: datetime | None = None
) -> dict[str, Any]:
    """A `kubernetes.io/tls` Secret with a fresh P-256 key and a certificate for `hostnames` (or IPs).

    It is good for 90 days from an hour ago. Raises ValueError for a name that cannot stand in a certificate.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    start = (now or datetime.now(UTC)) - timedelta(hours=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostnames[0][:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(text) for text in hostnames]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": base64.b64encode(certificate.public_bytes(serialization.Encoding.PEM)).decode(),
            "tls.key": base64.b64encode(private).decode(),
        },
    }


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(_hostname(text))


def _hostname(text: str) -> str:
    try:
        return msgspec.convert(text, Hostname)
    except msgspec.ValidationError:
        raise ValueError(f"{text!r} is neither a hostname in lower case nor an IP address") from None


def kept(path: Path, hostnames: Sequence[str], now: datetime | None = None) -> dict[str, Any] | None:
    """The Secret that an earlier run put into `path`; None unless it fits these names and has time left."""
    try:
        document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        certificate = x509.load_pem_x509_certificate(base64.b64decode(document["data"]["tls.crt"]))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, KeyError, TypeError, msgspec.DecodeError, x509.ExtensionNotFound):
        return None
    left = certificate.not_valid_after_utc - (now or datetime.now(UTC))
    return document if list(names) == [_name(text) for text in hostnames] and left > LIFETIME / 3 else None
