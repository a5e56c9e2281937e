"""The built-in authority: a root and an issuing certificate with their keys in a private directory."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity import certificates
from sekisho.identity.authority import LEAF_LIFETIME, Refused, Registration
from sekisho.identity.files import private_directory, write_private
from sekisho.identity.keys import Issued, key_pem, load_key
from sekisho.identity.requests import requested_key
from sekisho.identity.spiffe import SpiffeId, svid_faults

SYSTEM_CLOCK = SystemClock()
ROOT_LIFETIME = timedelta(days=3650)
ISSUER_LIFETIME = timedelta(days=365)
"""Renewed from the root at half of it. Chains carry the issuing certificate, so nobody has to be told."""


class AuthorityBroken(Exception):
    """The authority's directory is not usable; it is never replaced by a new root behind the user's back."""


@dataclass(frozen=True, slots=True)
class _Signer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def fits(self) -> bool:
        return self.key.public_key() == self.certificate.public_key()

    def issued_by(self, parent: "_Signer") -> bool:
        try:
            self.certificate.verify_directly_issued_by(parent.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def __repr__(self) -> str:
        return f"_Signer({self.certificate.subject.rfc4514_string()})"


class BuiltInAuthority:
    """Implements `Authority` with files: `root.crt`, `root.key`, `issuer.crt`, `issuer.key`, all 0600.

    Made on first use. Its keys are in no store, no API and no log. Raises AuthorityBroken.
    """

    def __init__(self, directory: Path, trust_domain: str, clock: Clock = SYSTEM_CLOCK) -> None:
        SpiffeId.make(trust_domain, "check")
        self._trust_domain = trust_domain
        self._directory = private_directory(directory)
        self._now = clock.now
        self._root = self._load("root") or self._make_root()
        self._check_root()
        self._issuer = self._load_issuer() or self._make_issuer()

    def __repr__(self) -> str:
        return f"BuiltInAuthority({self._trust_domain!r})"

    @property
    def trust_domain(self) -> str:
        """See `Authority.trust_domain`."""
        return self._trust_domain

    @property
    def bundle(self) -> bytes:
        """See `Authority.bundle`."""
        return self._root.certificate.public_bytes(serialization.Encoding.PEM)

    async def issue(
        self, request: bytes, registration: Registration, lifetime: timedelta = LEAF_LIFETIME
    ) -> Issued:
        """See `Authority.issue`."""
        if registration.identity.trust_domain != self._trust_domain:
            raise Refused(f"{registration.identity} is not of the trust domain {self._trust_domain}")
        if lifetime <= timedelta():
            raise Refused("the lifetime must be more than nothing")
        key = requested_key(request)
        issuer = self._current_issuer()
        end = min(self._now() + lifetime, issuer.certificate.not_valid_after_utc)
        leaf = certificates.leaf(issuer.certificate, issuer.key, key, registration, (self._now(), end))
        if faults := svid_faults(leaf):
            raise Refused("; ".join(faults))
        chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (leaf, issuer.certificate))
        return Issued.of(chain, self.bundle)

    def _current_issuer(self) -> _Signer:
        end = self._issuer.certificate.not_valid_after_utc
        # At half its life at the latest, so that a leaf is never cut short by its issuer.
        if end - self._now() < min(ISSUER_LIFETIME / 2, (self._root_end() - self._now()) / 2):
            self._issuer = self._make_issuer()
        return self._issuer

    def _root_end(self) -> datetime:
        return self._root.certificate.not_valid_after_utc

    def _make_root(self) -> _Signer:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = certificates.root(key, self._trust_domain, (self._now(), self._now() + ROOT_LIFETIME))
        return self._save("root", _Signer(certificate, key))

    def _make_issuer(self) -> _Signer:
        key = ec.generate_private_key(ec.SECP256R1())
        life = (self._now(), min(self._now() + ISSUER_LIFETIME, self._root_end()))
        made = certificates.issuer(
            self._root.certificate, self._root.key, key.public_key(), self._trust_domain, life
        )
        return self._save("issuer", _Signer(made, key))

    def _check_root(self) -> None:
        if not self._root.fits():
            raise AuthorityBroken(f"{self._directory}/root.key does not belong to root.crt")
        if self._root_end() <= self._now():
            raise AuthorityBroken(f"{self._directory}/root.crt ended on {self._root_end():%Y-%m-%d}")
        held = certificates.trust_domain(self._root.certificate)
        if held != self._trust_domain:
            raise AuthorityBroken(
                f"{self._directory} is the authority of {held!r}, not of {self._trust_domain!r}"
            )

    def _save(self, name: str, signer: _Signer) -> _Signer:
        # The key first: a certificate on the disk means that its key is there too.
        write_private(self._directory / f"{name}.key", key_pem(signer.key).reveal())
        pem = signer.certificate.public_bytes(serialization.Encoding.PEM)
        write_private(self._directory / f"{name}.crt", pem)
        return signer

    def _load(self, name: str) -> _Signer | None:
        certificate_file = self._directory / f"{name}.crt"
        if not certificate_file.exists():
            return None
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            key = load_key((self._directory / f"{name}.key").read_bytes())
        except (OSError, ValueError) as error:
            raise AuthorityBroken(f"{certificate_file} or its key cannot be read: {error}") from error
        return _Signer(certificate, key)

    def _load_issuer(self) -> _Signer | None:
        # One that does not fit is no fault: a crash comes between its two files, the root makes another.
        found = self._load("issuer")
        return found if found and found.fits() and found.issued_by(self._root) else None
