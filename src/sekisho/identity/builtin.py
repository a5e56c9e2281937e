"""The built-in authority: a root, whose key may be taken away, and its issuing certificates."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity import certificates, pairs
from sekisho.identity.authority import LEAF_LIFETIME, Refused, Registration
from sekisho.identity.files import private_directory
from sekisho.identity.keys import Issued
from sekisho.identity.lifetimes import Life
from sekisho.identity.pairs import AuthorityBroken, Pair
from sekisho.identity.requests import requested_key
from sekisho.identity.spiffe import SpiffeId
from sekisho.kit.clocks import rfc3339

__all__ = ["AuthorityBroken", "AuthorityState", "BuiltInAuthority"]

log = structlog.get_logger(__name__)

SYSTEM_CLOCK = SystemClock()
ROOT_LIFETIME = timedelta(days=3650)
ISSUER_LIFETIME = timedelta(days=90)
PREPARED_AT, ACTIVE_AT = 1 / 2, 5 / 6
"""Parts of an issuing certificate's life after which its successor is made, and after which that one signs.
Between them the root's key is needed once; chains carry the issuing certificate, so nobody has to be told."""


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """What an operator watches of an authority."""

    root_ends: datetime
    root_key_here: bool
    """False: the key was taken away. It is needed again between half and the end of `issuer_ends`."""
    issuer_ends: datetime
    successor_ends: datetime | None
    """Of the issuing certificate that comes next, once it was prepared."""


class BuiltInAuthority:
    """Implements `Authority` with 0600 files: `root`, `issuer` and, prepared, `next`, each a .crt and a .key.

    Made on first use. Its keys are in no store, no API and no log, and the root's is read only to sign an
    issuing certificate: without `root.key` the authority works until its issuing certificates have ended.
    Raises AuthorityBroken.
    """

    def __init__(self, directory: Path, trust_domain: str, clock: Clock = SYSTEM_CLOCK) -> None:
        SpiffeId.make(trust_domain, "check")
        self._trust_domain = trust_domain
        self._directory = private_directory(directory)
        self._now = clock.now
        self._root = pairs.load_certificate(directory, "root") or self._make_root()
        self._check_root()
        self._bundle = pairs.pem(self._root)
        self._next = self._load("next")
        self._issuer = self._load("issuer") or self._next or self._first_issuer()
        self._chain = pairs.pem(self._issuer.certificate)
        self._told = False

    def __repr__(self) -> str:
        return f"BuiltInAuthority({self._trust_domain!r})"

    @property
    def trust_domain(self) -> str:
        """See `Authority.trust_domain`."""
        return self._trust_domain

    @property
    def bundle(self) -> bytes:
        """See `Authority.bundle`."""
        return self._bundle

    @property
    def lives(self) -> tuple[Life, Life]:
        """Of the root, and of the issuing certificate that comes last."""
        newest = self._next or self._issuer
        root = self._root
        return (
            Life(f"root of {self._trust_domain}", root.not_valid_before_utc, root.not_valid_after_utc),
            Life(f"issuing certificate of {self._trust_domain}", newest.start, newest.end),
        )

    @property
    def state(self) -> AuthorityState:
        """Of now."""
        return AuthorityState(
            root_ends=self._root.not_valid_after_utc,
            root_key_here=(self._directory / "root.key").exists(),
            issuer_ends=self._issuer.end,
            successor_ends=self._next.end if self._next else None,
        )

    async def issue(
        self, request: bytes, registration: Registration, lifetime: timedelta = LEAF_LIFETIME
    ) -> Issued:
        """See `Authority.issue`."""
        registration.require(self._trust_domain, lifetime)
        key = requested_key(request)
        now = self._now()
        issuer = self._current_issuer(now)
        end = min(now + lifetime, issuer.end)
        leaf = certificates.leaf(issuer.certificate, issuer.key, key, registration, (now, end))
        return Issued.of_leaf(leaf, self._chain, self.bundle)

    def _current_issuer(self, now: datetime) -> Pair:
        issuer = self._issuer
        life = issuer.end - issuer.start
        if self._next is None and now >= issuer.start + PREPARED_AT * life:
            self._next = self._successor(now)
        if self._next is not None and now >= issuer.start + ACTIVE_AT * life:
            self._activate(self._next)
        if now >= self._issuer.end:
            raise Refused(
                f"the issuing certificate ended on {self._issuer.end:%Y-%m-%d}, "
                "and the key of the root that would vouch for another is not here"
            )
        return self._issuer

    def _successor(self, now: datetime) -> Pair | None:
        """None when there is no key to vouch for it, or when it would last no longer than what there is."""
        if self._issuer.end >= self._root.not_valid_after_utc:
            return None
        key = self._root_key()
        if key is None:
            if not self._told:
                self._told = True
                log.warning("the issuing certificate cannot be renewed: root.key was taken away",
                            trust_domain=self._trust_domain, ends=rfc3339(self._issuer.end))  # fmt: skip
            return None
        self._told = False
        return pairs.save(self._directory, "next", self._new_issuer(key, now))

    def _activate(self, pair: Pair) -> None:
        pairs.save(self._directory, "issuer", pair)
        pairs.remove(self._directory, "next")
        self._issuer, self._next = pair, None
        self._chain = pairs.pem(pair.certificate)
        log.info("issuing certificate active", trust_domain=self._trust_domain, ends=rfc3339(pair.end))

    def _first_issuer(self) -> Pair:
        key = self._root_key()
        if key is None:
            raise AuthorityBroken(f"{self._directory} has neither an issuing certificate nor root.key")
        return pairs.save(self._directory, "issuer", self._new_issuer(key, self._now()))

    def _new_issuer(self, root_key: ec.EllipticCurvePrivateKey, now: datetime) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        life = (now, min(now + ISSUER_LIFETIME, self._root.not_valid_after_utc))
        made = certificates.issuer(self._root, root_key, key.public_key(), self._trust_domain, life)
        return Pair(made, key)

    def _make_root(self) -> x509.Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = certificates.root(key, self._trust_domain, (self._now(), self._now() + ROOT_LIFETIME))
        return pairs.save(self._directory, "root", Pair(certificate, key)).certificate

    def _root_key(self) -> ec.EllipticCurvePrivateKey | None:
        """Read when it is needed: it may have been taken away, and brought back. Raises AuthorityBroken."""
        key = pairs.load_private_key(self._directory, "root")
        if key is not None and not Pair(self._root, key).fits():
            raise AuthorityBroken(f"{self._directory}/root.key does not belong to root.crt")
        return key

    def _check_root(self) -> None:
        self._root_key()
        if self._root.not_valid_after_utc <= self._now():
            raise AuthorityBroken(
                f"{self._directory}/root.crt ended on {self._root.not_valid_after_utc:%Y-%m-%d}"
            )
        held = certificates.trust_domain(self._root)
        if held != self._trust_domain:
            raise AuthorityBroken(
                f"{self._directory} is the authority of {held!r}, not of {self._trust_domain!r}"
            )

    def _load(self, name: str) -> Pair | None:
        # One that does not fit is no fault: a crash comes between its two files, the root makes another.
        found = pairs.load(self._directory, name)
        return found if found and found.fits() and found.issued_by(self._root) else None
