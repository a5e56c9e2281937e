"""The certificates that a control plane vouches by or serves with: watched, and told of."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from cryptography import x509

from sekisho.app.identities.known import Identities
from sekisho.client.system_status import CertificateState
from sekisho.control.loop import ControlLoop
from sekisho.control.metrics import CERTIFICATE_EXPIRY
from sekisho.identity.lifetimes import LAST, Life, Lifetimes
from sekisho.kit.clocks import rfc3339

LOOK_SECONDS = 60.0
"""How often."""
_KEPT = 4096
"""So many certificates of Secrets are not read again."""


class Lives:
    """Roots and issuing certificates of all authorities here, and the Secrets that Gateways serve with."""

    def __init__(self, identities: Identities, loop: ControlLoop) -> None:
        self._identities = identities
        self._loop = loop
        self._lifetimes = Lifetimes(loop.clock)

    async def watch(self) -> None:
        """Looks now and then, until cancelled."""
        while True:
            self.look()
            await self._loop.clock.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Sets the metric, and tells the log what has come to a step of its life."""
        found = (*_of_authorities(self._identities), *self._of_secrets())
        CERTIFICATE_EXPIRY.clear()
        for life in found:
            CERTIFICATE_EXPIRY.labels(life.name).set(life.end.timestamp())
        self._lifetimes.look(found)

    def _of_secrets(self) -> Iterator[Life]:
        for end, id in self._loop.expiry.soonest():
            secret = self._loop.engine.read.leaf(id)
            if secret is not None:
                yield Life(str(id), _start(secret.data.get("tls.crt", b"")), end)


def ending(identities: Identities, now: datetime) -> tuple[CertificateState, ...]:
    """Those of authorities in the last part of their lives, soonest first. Secrets: `control.expiry`."""
    last = sorted((life.end, life.name) for life in _of_authorities(identities) if life.left(now) <= LAST)
    return tuple(CertificateState(name=name, expires=rfc3339(end)) for end, name in last)


def _of_authorities(identities: Identities) -> Iterator[Life]:
    yield from identities.authority.lives
    for held in identities.trusts.authorities:
        yield from held.authority.signing.lives


@lru_cache(_KEPT)
def _start(chain: bytes) -> datetime:
    """Of a certificate that the translators took: it can be read."""
    return x509.load_pem_x509_certificate(chain).not_valid_before_utc
