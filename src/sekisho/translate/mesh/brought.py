"""Authorities that MeshIdentities bring along: which Secret they are in, and whom their members believe."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sekisho.engine import Read, query
from sekisho.model.core import Secret
from sekisho.model.identity import IdentityProvider
from sekisho.model.names import ResourceId


def brought_secret(provider: IdentityProvider, namespace: str) -> ResourceId | None:
    """The Secret with the authority of a MeshIdentity in `namespace`; None where it brings none."""
    if provider.type != "Bundled" or provider.bundled is None or provider.bundled.ca is None:
        return None
    return ResourceId("Secret", namespace, provider.bundled.ca.secret_ref.name)


@query
def brought_roots(read: Read, secret: ResourceId) -> bytes:
    """PEM of the roots: `ca.crt`, else the last certificate of `tls.crt`; empty where there is none to be
    read: then nobody is believed because of it."""
    resource: Secret | None = read.leaf(secret)
    if resource is None:
        return b""
    own = resource.data.get("ca.crt", b"")
    try:
        certificates = x509.load_pem_x509_certificates(own or resource.data.get("tls.crt", b""))
    except ValueError:
        return b""
    if own:
        return own
    last = certificates[-1]
    return _pem(last) if last.issuer == last.subject else b""


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
