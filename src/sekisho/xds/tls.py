"""TLS by hand: SSLObjects over memory buffers, which all connections have in common.

`asyncio`'s own TLS keeps 256 KB per connection; this keeps an eighth of it.
"""

import re
import ssl
import threading
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography import x509

_RECORD = 2**14
"""Octets that a TLS record carries at most (RFC 8446 section 5.1)."""
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+")
_LONGEST_SPIFFE_ID = 2_048


class NotVerified(Exception):
    """The handshake failed, or the certificate names no identity. What is outgoing is the alert."""


def server_context(certificate: Path, key: Path, authorities: str) -> ssl.SSLContext:
    """A context that demands a client certificate signed by one of `authorities` (PEM).

    TLS 1.2 or later, HTTP/2 only. A session can be resumed for as long as the context is used for new
    connections (see contexts.py). It is kept here and not in the client's ticket, from which the certificates
    would have to be parsed again: that is most of what a handshake costs.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 1
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(cadata=authorities)
    return context


class Peer(str):
    """The SPIFFE ID of a verified certificate, and which of its holder's certificates that was."""

    __slots__ = ("not_after", "not_before", "serial")

    not_before: int
    """The beginning of its validity: seconds since 1970."""
    not_after: int
    """The end of it."""
    serial: int
    """Its serial number."""


@lru_cache(maxsize=4_096)
def peer_of(certificate: bytes) -> Peer:
    """The holder of a verified certificate (DER). Raises NotVerified, and what parsing raises.

    X509-SVID section 2: exactly one URI, and it is a SPIFFE ID. Section 5.1: authorities authenticate nobody;
    OpenSSL asks only whom it takes for one. Remembered, as those who come back have the same one.
    """
    parsed = x509.load_der_x509_certificate(certificate)
    uris: list[str] = []
    for one in parsed.extensions:
        if isinstance(one.value, x509.SubjectAlternativeName):
            uris += one.value.get_values_for_type(x509.UniformResourceIdentifier)
        elif isinstance(one.value, x509.BasicConstraints) and one.value.ca:
            raise NotVerified("the client certificate is an authority's")
    if len(uris) != 1 or len(uris[0]) > _LONGEST_SPIFFE_ID or not _SPIFFE_ID.fullmatch(uris[0]):
        raise NotVerified("the client certificate does not carry exactly one SPIFFE ID")
    peer = Peer(uris[0])
    peer.serial = parsed.serial_number
    peer.not_before = int(parsed.not_valid_before_utc.timestamp())
    peer.not_after = int(parsed.not_valid_after_utc.timestamp())
    return peer


class _Buffers(threading.local):
    """What goes to and from OpenSSL. A buffer never shrinks, and between two calls nothing is in it, so one
    each way is enough for all connections of a thread: 9 KB less for each.
    """

    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()


_buffers = _Buffers()


class TlsPipe:
    """The TLS of one connection: cipher text in, plain text out, and back. Used in the thread that made it.

    OpenSSL itself keeps what came of an unfinished record. Whatever it makes is taken away before anybody
    else's turn, or it would go out on another connection.
    """

    __slots__ = ("_incoming", "_object", "_outgoing", "_unsent", "peer")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = _buffers.incoming, _buffers.outgoing
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._unsent = b""
        """Cipher text that nobody has asked for yet: handshake, alerts."""
        self.peer: Peer | None = None
        """The client; None until its certificate was verified."""

    def lifetime(self) -> float:
        """Seconds that the client's certificate is good for from now."""
        return self.peer.not_after - time.time() if self.peer is not None else 0.0

    def feed(self, data: bytes) -> bytes:
        """Decrypts. Gives nothing before the client certificate was verified. Raises NotVerified."""
        try:
            self._incoming.write(data)
            return self._decrypt(len(data)) if self.peer or self._shake_hands() else b""
        except ssl.SSLError as error:
            raise NotVerified(error.reason or str(error)) from None
        finally:
            if self._incoming.pending:  # after a failure
                self._incoming.read()
            if self._outgoing.pending:
                self._unsent += self._outgoing.read()

    def _decrypt(self, length: int) -> bytes:
        """What so many octets of cipher text say."""
        plain, size = b"", min(length, _RECORD) + 1  # an answer needs no room for a whole record
        try:
            while True:
                piece = self._object.read(size)
                if not piece:
                    raise NotVerified("closed by the peer")
                plain = plain + piece if plain else piece
                if len(piece) < size and not self._incoming.pending:
                    return plain  # the end of a record; asking in vain would cost an exception
                size = _RECORD + 1  # the rest of a record that has come in pieces
        except ssl.SSLWantReadError:
            return plain

    def _shake_hands(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.peer = self._verified()
        return True

    def _verified(self) -> Peer:
        """The client, as its certificate says: when a session was resumed, the one shown when it began."""
        try:
            peer = peer_of(self._object.getpeercert(binary_form=True) or b"")
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
            raise NotVerified("the client certificate does not parse") from None
        if peer.not_after <= time.time():  # OpenSSL does not look when a session is resumed
            raise NotVerified("the client certificate has ended")
        if self._object.selected_alpn_protocol() not in ("h2", None):
            raise NotVerified("HTTP/2 was not agreed on")  # pragma: no cover - h2 is all we offer
        return peer

    def close(self) -> None:
        """The connection is gone. OpenSSL forgets the session of one that was not closed in good order, but a
        network that fails is what proxies come back from.
        """
        if self.peer:
            with suppress(ssl.SSLError):
                self._object.unwrap()
            self._outgoing.read()

    @property
    def resumed(self) -> bool:
        """Whether the client came back to an earlier session."""
        return bool(self._object.session_reused)

    def outgoing(self) -> bytes:
        """Cipher text to be written: handshake, alerts."""
        unsent, self._unsent = self._unsent, b""
        return unsent

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Cipher text of `data`, after what is outgoing already."""
        if self._unsent:
            return self.outgoing() + self.encrypt(data)
        try:
            if len(data) <= _RECORD:
                self._object.write(data)
            else:
                records = memoryview(data)
                for at in range(0, len(data), _RECORD):
                    self._object.write(records[at : at + _RECORD])
        finally:
            encrypted = self._outgoing.read()
        return encrypted
