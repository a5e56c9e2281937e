"""What is taken from a certificate signing request: its public key, after proof that the sender holds it."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sekisho.identity.authority import Refused
from sekisho.identity.certificates import PublicKey

MAXIMUM_REQUEST = 16 * 1024
"""Bytes. One with an RSA-8192 key and many names has about 3 KiB."""
SMALLEST_RSA, LARGEST_RSA = 3072, 8192
"""Bits. Below is weak by NIST SP 800-57; above costs every handshake milliseconds."""


def requested_key(request: bytes) -> PublicKey:
    """The public key of a request in PEM, strong enough and proved to be the sender's. Raises Refused."""
    if len(request) > MAXIMUM_REQUEST:
        raise Refused(f"the signing request has {len(request)} bytes, at most {MAXIMUM_REQUEST} are read")
    try:
        parsed = x509.load_pem_x509_csr(request)
        key = parsed.public_key()
        proved = parsed.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused(f"the signing request cannot be read: {error}") from error
    if not proved:
        raise Refused("the signing request is not signed by the key it is for")
    return _strong(key)


def _strong(key: object) -> PublicKey:
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1() | ec.SECP384R1()):
            return key
        case rsa.RSAPublicKey(key_size=bits) if SMALLEST_RSA <= bits <= LARGEST_RSA:
            return key
        case _:
            raise Refused("the key must be P-256, P-384, or RSA with 3072 to 8192 bits")
