"""An authority somebody brings along: an issuing certificate with its key, from a Secret of the operators."""

from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity import certificates, pairs
from sekisho.identity.authority import LEAF_LIFETIME, Refused, Registration
from sekisho.identity.keys import Issued, load_key
from sekisho.identity.pairs import Pair
from sekisho.identity.requests import requested_key

SYSTEM_CLOCK = SystemClock()


class BroughtAuthority:
    """Implements `Authority` by what it is given; nothing of it is written anywhere, and it has no successor.

    Whoever brings it replaces it in time, with both roots in the bundle while there are certificates of both.
    """

    def __init__(
        self, trust_domain: str, chain: bytes, key: bytes, roots: bytes, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        """`chain` (PEM): the issuing certificate and those above it, but for the root. `key` (PEM, elliptic
        curve) is its own, `roots` (PEM) are who is believed. Raises ValueError, in words that show no key.
        """
        self._trust_domain = trust_domain
        self._now = clock.now
        issuing = _certificates(chain, "tls.crt")
        self._pair = Pair(issuing[0], _key(key))
        self._chain = b"".join(pairs.pem(one) for one in issuing if not _is_root(one))
        self._bundle = b"".join(map(pairs.pem, _certificates(roots, "ca.crt")))
        self._check(issuing, _certificates(roots, "ca.crt"))

    def __repr__(self) -> str:
        return f"BroughtAuthority({self._trust_domain!r})"

    @property
    def trust_domain(self) -> str:
        """See `Authority.trust_domain`."""
        return self._trust_domain

    @property
    def bundle(self) -> bytes:
        """See `Authority.bundle`."""
        return self._bundle

    async def issue(
        self, request: bytes, registration: Registration, lifetime: timedelta = LEAF_LIFETIME
    ) -> Issued:
        """See `Authority.issue`."""
        registration.require(self._trust_domain, lifetime)
        now = self._now()
        if not self._pair.start <= now < self._pair.end:
            raise Refused(f"the issuing certificate that was brought ends on {self._pair.end:%Y-%m-%d}")
        life = (now, min(now + lifetime, self._pair.end))
        key = requested_key(request)
        leaf = certificates.leaf(self._pair.certificate, self._pair.key, key, registration, life)
        return Issued.of_leaf(leaf, self._chain, self._bundle)

    def _check(self, issuing: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> None:
        if not self._pair.fits():
            raise ValueError("tls.key does not belong to the first certificate of tls.crt")
        if not all(map(_may_sign, issuing)):
            raise ValueError("tls.crt holds a certificate that may sign none")
        if certificates.trust_domain(issuing[0]) not in {"", self._trust_domain}:
            raise ValueError(f"the issuing certificate is not of the trust domain {self._trust_domain}")
        below = issuing[0]
        for above in issuing[1:]:
            if not _is_signed(below, above):
                raise ValueError("tls.crt is no chain: a certificate is not signed by the one after it")
            below = above
        if below not in roots and not any(_is_signed(below, root) for root in roots):
            raise ValueError("tls.crt does not lead to a root in ca.crt")


def _certificates(text: bytes, where: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError:
        raise ValueError(f"{where} holds no certificate in PEM") from None


def _key(text: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        return load_key(text)
    except (ValueError, TypeError):
        raise ValueError("tls.key is no elliptic curve key in PEM without a passphrase") from None


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject and _is_signed(certificate, certificate)


def _is_signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return basic.ca and usage.key_cert_sign
