"""Bearer tokens of the API: random, stored as hashes only, with a role, an end, and revocation."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity.files import PRIVATE_DIRECTORY, write_private
from sekisho.identity.secret import Secret

SYSTEM_CLOCK = SystemClock()
PREFIX = "sekisho"
"""Starts every token, so that secret scanners recognise a leaked one."""
TOKEN_BYTES = 32
"""256 random bits: not to be guessed, so a plain SHA-256 protects the stored form."""
LONGEST_TOKEN = 128
"""Characters looked at; ours have 62."""
ADMIN_LIFETIME = timedelta(days=90)
"""The admin token's file is renewed at every start in the second half of this."""
AGENT_LIFETIME = timedelta(days=90)


class Role(StrEnum):
    """What the holder of a token may do; the API's authorisation gives it its meaning."""

    ADMIN = "admin"
    AGENT = "agent"
    READER = "reader"


class TokensBroken(Exception):
    """The file of tokens cannot be read. Nobody is let in until it is repaired or removed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored: everything but the token."""

    id: str
    """Public name, the middle part of the token: for listing, revocation and logs."""
    name: str
    """Whose it is: `admin`, or the host of an agent."""
    role: Role
    expires: datetime
    digest: str
    """SHA-256 of the whole token, hexadecimal."""


class Tokens:
    """All tokens of one control plane, in one 0600 file that is replaced as a whole.

    Every change is on the disk when its method returns. Raises TokensBroken when the file is damaged.
    """

    def __init__(self, file: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        self._file = file
        self._now = clock.now
        self._tokens = _load(file)

    def issue(self, name: str, role: Role, lifetime: timedelta) -> Secret[str]:
        """A new token, shown this once."""
        id_, secret = secrets.token_hex(6), secrets.token_urlsafe(TOKEN_BYTES)
        text = f"{PREFIX}_{id_}_{secret}"
        self._save({**self._living(), id_: Token(id_, name, role, self._now() + lifetime, _digest(text))})
        return Secret(text)

    def authenticate(self, text: str) -> Token | None:
        """Whose token this is; None when it is unknown, revoked or expired.

        Takes the same time whatever is wrong with it: a hash and one constant-time comparison.
        """
        text = text[:LONGEST_TOKEN]
        token = self._tokens.get(text.split("_", 2)[1] if text.count("_") > 1 else "", _NOBODY)
        same = hmac.compare_digest(_digest(text), token.digest)
        return token if same and self.is_valid(token) else None

    def is_valid(self, token: Token) -> bool:
        """Whether it is neither revoked nor expired. For streams that outlive their first check."""
        return token.id in self._tokens and self._now() < token.expires

    def revoke(self, id: str) -> bool:
        """Ends a token at once. False when there is none of that id."""
        if id not in self._tokens:
            return False
        self._save({key: token for key, token in self._living().items() if key != id})
        return True

    def all(self) -> tuple[Token, ...]:
        """Every token that is good now, by name."""
        return tuple(sorted(self._living().values(), key=lambda token: (token.name, token.id)))

    def ensure(self, file: Path, name: str, role: Role, lifetime: timedelta) -> Path:
        """Sees to it that `file` (0600) holds a good token of this name and role; returns `file`.

        A token past half of its life is replaced by a new one. The old one stays good until its end, for
        whoever has read it just now.
        """
        held = self.authenticate(_read(file))
        fresh = held is not None and held.expires - self._now() > lifetime / 2
        if held is None or not fresh or (held.name, held.role) != (name, role):
            file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            write_private(file, self.issue(name, role, lifetime).reveal().encode() + b"\n")
        return file

    def ensure_admin(self, file: Path) -> Path:
        """The admin token's file, made at first start; see `ensure`."""
        return self.ensure(file, "admin", Role.ADMIN, ADMIN_LIFETIME)

    def _living(self) -> dict[str, Token]:
        now = self._now()
        return {key: token for key, token in self._tokens.items() if now < token.expires}

    def _save(self, tokens: Mapping[str, Token]) -> None:
        document = {"tokens": [asdict(token) for token in tokens.values()]}
        write_private(self._file, msgspec.json.encode(document))
        self._tokens = dict(tokens)  # only now: what the disk refused did not happen


_NOBODY = Token("", "", Role.READER, datetime.max.replace(tzinfo=UTC), "0" * 64)
"""Compared with when no token has the id, so that this takes as long."""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _load(file: Path) -> dict[str, Token]:
    if not file.exists():
        return {}
    try:
        document: dict[str, Any] = msgspec.json.decode(file.read_bytes(), type=dict[str, list[Token]])
        return {token.id: token for token in document["tokens"]}
    except (msgspec.MsgspecError, OSError, KeyError) as error:
        raise TokensBroken(f"{file} cannot be read: {error}") from error
