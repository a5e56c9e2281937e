"""Whoever is at the other end of a connection over mutual TLS, as its certificate says."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from sekisho.identity.authority import BACKDATED
from sekisho.identity.spiffe import SpiffeId, peer_identity

_REMEMBERED = 4096
"""Certificates: a proxy asks again and again on few connections."""


class Peer(NamedTuple):
    """The holder of a certificate that TLS has verified."""

    identity: SpiffeId
    serial: int
    issued: datetime
    """When it was signed: NotBefore without what it is backdated by."""

    @classmethod
    def of(cls, certificate: bytes) -> "Peer":
        """Of a certificate in DER. Raises ValueError when it is no X.509-SVID."""
        return _read(certificate)


@lru_cache(maxsize=_REMEMBERED)
def _read(certificate: bytes) -> Peer:
    leaf = x509.load_der_x509_certificate(certificate)
    return Peer(peer_identity(leaf), leaf.serial_number, leaf.not_valid_before_utc + BACKDATED)
