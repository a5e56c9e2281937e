"""Certificates of proxies that are refused before their end, on the disk for as long as any of them lives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity.files import PRIVATE_DIRECTORY, write_private
from sekisho.identity.lineage import token_of
from sekisho.identity.peer import Peer

SYSTEM_CLOCK = SystemClock()


class RevocationsBroken(Exception):
    """The file cannot be read. Nobody is let in until it is repaired: it may say that they must not be."""


class _Record(msgspec.Struct, frozen=True):
    at: datetime
    """Certificates issued up to this moment are refused."""
    until: datetime
    """By then the last of them has ended by itself."""


class _Document(msgspec.Struct, frozen=True):
    tokens: dict[str, _Record] = {}
    """By the id of the token that the certificates descend from."""
    proxies: dict[str, _Record] = {}
    """By the name of the proxy they are for."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """One entry, for a list."""

    what: str
    """`token <id>` or the name of a proxy."""
    at: datetime
    until: datetime


class Revocations:
    """All revocations of one control plane, in one 0600 file that is replaced as a whole.

    Every change is on the disk when its method returns, and its listeners have been called then. Raises
    RevocationsBroken when the file is damaged.
    """

    def __init__(self, file: Path, lifetime: timedelta, clock: Clock = SYSTEM_CLOCK) -> None:
        """`lifetime`: how long the certificates in question live at most."""
        file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        self._file = file
        self._lifetime = lifetime
        self._now = clock.now
        self._document = _load(file)
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after each new revocation, to close what lives on an older check."""
        self._listeners.append(listener)

    def revoke_token(self, id: str) -> None:
        """Ends every certificate that descends from the token."""
        self._save(_Document({**self._document.tokens, id: self._record()}, self._document.proxies))

    def revoke_proxy(self, proxy: str) -> None:
        """Ends every certificate the proxy has been given so far."""
        self._save(_Document(self._document.tokens, {**self._document.proxies, proxy: self._record()}))

    def refusal(self, peer: Peer) -> str:
        """Why the holder of a certificate is not let in; empty when nothing is against it."""
        token = token_of(peer.serial)
        if token in self._document.tokens:
            return f"the token {token} that its certificate descends from was revoked"
        record = self._document.proxies.get(peer.identity.path)
        if record is not None and peer.issued <= record.at:
            return (
                f"the certificates of {peer.identity.path} were revoked at {record.at:%Y-%m-%d %H:%M:%S} UTC"
            )
        return ""

    def all(self) -> tuple[Revoked, ...]:
        """Every entry that is in force, the newest last."""
        tokens = ((f"token {id_}", record) for id_, record in self._document.tokens.items())
        found = (*tokens, *self._document.proxies.items())
        living = (Revoked(what, one.at, one.until) for what, one in found if self._now() < one.until)
        return tuple(sorted(living, key=lambda one: (one.at, one.what)))

    def _record(self) -> _Record:
        now = self._now()
        return _Record(now, now + self._lifetime)

    def _save(self, document: _Document) -> None:
        living = _Document(self._living(document.tokens), self._living(document.proxies))
        write_private(self._file, msgspec.json.encode(living))
        self._document = living  # only now: what the disk refused did not happen
        for listener in self._listeners:
            listener()

    def _living(self, records: dict[str, _Record]) -> dict[str, _Record]:
        now = self._now()
        return {key: record for key, record in records.items() if now < record.until}


def _load(file: Path) -> _Document:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Document)
    except FileNotFoundError:
        return _Document()
    except (msgspec.MsgspecError, OSError) as error:
        raise RevocationsBroken(f"{file} cannot be read: {error}") from error
