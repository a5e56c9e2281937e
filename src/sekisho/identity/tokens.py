"""Bearer tokens of the API: random, kept as hashes only, with a role, an end, and for some a single use."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import structlog

from sekisho.aio.clock import Clock, SystemClock
from sekisho.aio.repeats import Repeats
from sekisho.identity.files import PRIVATE_DIRECTORY, write_private
from sekisho.identity.secret import Secret

log = structlog.get_logger(__name__)

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
JOIN_LIFETIME = timedelta(minutes=10)
ZONE_LIFETIME = timedelta(hours=1)
"""Of a zone token: time to bring it to another machine by hand."""
ALL_PROXIES = ("*",)
"""Of tokens whose holder runs whatever there is: the agent on the control plane's own host."""
_PROXIES = re.compile(r"(\*|(gateway|workload)/(\*|[a-z0-9.-]+/(\*|[a-z0-9.-]+)))")


class Role(StrEnum):
    """What the holder of a token may do; the API's authorisation gives it its meaning."""

    ADMIN = "admin"
    AGENT = "agent"
    READER = "reader"
    JOIN = "join"
    """Good for the first certificate of one proxy, once."""
    ZONE = "zone"
    """Good for the first certificate of one zone's control plane, once."""


class TokensBroken(Exception):
    """The file of tokens cannot be read. Nobody is let in until it is repaired or removed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored: everything but the token."""

    id: str
    """Public name, the middle part of the token: for listing, revocation and logs."""
    name: str
    """Whose it is: `admin`, the host of an agent, or the proxy or zone that joins."""
    role: Role
    expires: datetime
    digest: str
    """SHA-256 of the whole token, hexadecimal."""
    proxies: tuple[str, ...] = ()
    """Whom its holder gets certificates for: `workload/<namespace>/<name>`, `gateway/<namespace>/*`, `*` for
    all proxies, `zone/<name>`."""
    spent: bool = False
    """One that is good once and was used: kept until its end, to recognise whoever sends it again."""


def covers(patterns: Iterable[str], proxy: str) -> bool:
    """Whether one of the patterns (see `Token.proxies`) is, or stands for, this proxy."""
    return any(
        proxy.startswith(pattern[:-1]) if pattern.endswith("*") else proxy == pattern for pattern in patterns
    )


def is_pattern(text: str) -> bool:
    """Whether it can stand in `Token.proxies`."""
    return _PROXIES.fullmatch(text) is not None


class Tokens:
    """All tokens of one control plane, in one 0600 file that is replaced as a whole.

    Every change is on the disk when its method returns. Raises TokensBroken when the file is damaged.
    """

    def __init__(self, file: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        self._file = file
        self._now = clock.now
        self._repeats = Repeats(clock)
        self._tokens = _load(file)

    def issue(self, name: str, role: Role, lifetime: timedelta, proxies: tuple[str, ...] = ()) -> Secret[str]:
        """A new token, shown this once. `proxies`: see `Token.proxies`."""
        id_, secret = secrets.token_hex(6), secrets.token_urlsafe(TOKEN_BYTES)
        text = f"{PREFIX}_{id_}_{secret}"
        made = Token(id_, name, role, self._now() + lifetime, _digest(text), proxies)
        self._save({**self._living(), id_: made})
        return Secret(text)

    def authenticate(self, text: str) -> Token | None:
        """Whose token this is; None when it is unknown, revoked or expired.

        Takes the same time whatever is wrong with it: a hash and one constant-time comparison.
        """
        text = text[:LONGEST_TOKEN]
        token = self._tokens.get(text.split("_", 2)[1] if text.count("_") > 1 else "", _NOBODY)
        same = hmac.compare_digest(_digest(text), token.digest)
        if not same:
            return None
        if not self.is_valid(token):
            self._tell(token)
            return None
        return token

    def is_valid(self, token: Token) -> bool:
        """Whether it is neither revoked, expired nor spent. For streams that outlive their first check."""
        held = self._tokens.get(token.id)
        return held is not None and not held.spent and self._now() < held.expires

    def spend(self, id: str) -> bool:
        """Uses up a token for good, on the disk, before what it buys is handed out.

        False when it was spent, revoked or has ended meanwhile: of two who use it at once, one gets nothing.
        """
        held = self._tokens.get(id)
        if held is None:
            return False
        if not self.is_valid(held):
            self._tell(held)
            return False
        self._save({**self._living(), id: replace(held, spent=True)})
        return True

    def revoke(self, id: str) -> bool:
        """Ends a token at once. False when there is none of that id."""
        if id not in self._tokens:
            return False
        self._save({key: token for key, token in self._living().items() if key != id})
        return True

    def all(self) -> tuple[Token, ...]:
        """Every token that is good now, by name."""
        good = (token for token in self._living().values() if not token.spent)
        return tuple(sorted(good, key=lambda token: (token.name, token.id)))

    def ensure(
        self, file: Path, name: str, role: Role, lifetime: timedelta, proxies: tuple[str, ...] = ()
    ) -> Path:
        """Sees to it that `file` (0600) holds a good token of this name, role and proxies; returns `file`.

        A token past half of its life is replaced by a new one. The old one stays good until its end, for
        whoever has read it just now.
        """
        held = self.authenticate(_read(file))
        fresh = held is not None and held.expires - self._now() > lifetime / 2
        if held is None or not fresh or (held.name, held.role, held.proxies) != (name, role, proxies):
            file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            write_private(file, self.issue(name, role, lifetime, proxies).reveal().encode() + b"\n")
        return file

    def ensure_admin(self, file: Path) -> Path:
        """The admin token's file, made at first start; see `ensure`."""
        return self.ensure(file, "admin", Role.ADMIN, ADMIN_LIFETIME)

    def _tell(self, token: Token) -> None:
        """Of one that is good no more, now and then: who sends it on and on fills no log."""
        what = (
            "a token was sent again after its only use" if token.spent else "a token was sent after its end"
        )
        if (more := self._repeats.news(token.id)) is not None:
            log.warning(what, token=token.id, name=token.name, **more)

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
