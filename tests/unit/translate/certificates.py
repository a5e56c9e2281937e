"""Certificates for tests, each made once."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.unit.translate.world import NAMESPACE, Document, document

NOT_AFTER = datetime(2040, 1, 1, tzinfo=UTC)


@cache
def key_pair(hostname: str, kind: str = "ec", not_after: datetime = NOT_AFTER) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, PEM."""
    key: Any = ec.generate_private_key(ec.SECP256R1())
    if kind.startswith("rsa"):
        key = rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))  # 1024 is weak on purpose
    elif kind == "p224":
        key = ec.generate_private_key(ec.SECP224R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(not_after - timedelta(days=3650))
        .not_valid_after(not_after)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
    )
    if kind == "stapled":
        builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), private


def tls_secret(name: str, hostname: str, *, namespace: str = NAMESPACE, **fields: Any) -> Document:
    chain, key = key_pair(hostname, **fields)
    return secret(name, chain, key, namespace=namespace)


def secret(name: str, chain: bytes, key: bytes, *, namespace: str = NAMESPACE) -> Document:
    data = {"tls.crt": base64.b64encode(chain).decode(), "tls.key": base64.b64encode(key).decode()}
    return document("Secret", name, namespace, type="kubernetes.io/tls", data=data)
