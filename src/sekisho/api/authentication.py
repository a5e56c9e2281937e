"""Who is calling: bearer tokens, kept as hashes only."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_TOKEN_BYTES = 4096
"""A longer token is refused unread (reliability.md 5.2)."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody we know."""

    name: str
    roles: frozenset[str]
    """Rows of the table in `authorization.py`; an unknown role allows nothing."""


class Authenticator(Protocol):
    """Turns a bearer token into a user."""

    async def authenticate(self, token: str) -> User | None:
        """The user, or None for any token that is not known. Never raises for a malformed token."""
        ...


def token_hash(token: str) -> bytes:
    """What is stored of a token: its SHA-256. Tokens are random and long: a slow hash adds nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class TokenTable:
    """The tokens of a small, fixed set of users."""

    def __init__(self, users: Iterable[tuple[bytes, User]]) -> None:
        """`users` are pairs of `token_hash` and user."""
        self._users: Sequence[tuple[bytes, User]] = tuple(users)

    def __repr__(self) -> str:
        return f"TokenTable({len(self._users)} users)"

    async def authenticate(self, token: str) -> User | None:
        """Compares with every entry, so that the time taken tells nothing about which one came close."""
        digest = token_hash(token)
        found: User | None = None
        for known, user in self._users:
            if hmac.compare_digest(known, digest):
                found = user
        return found


def bearer_token(authorization: str | None) -> str | None:
    """The token in an `Authorization` header (RFC 6750 2.1); None for another scheme or an oversized one."""
    if authorization is None or len(authorization) > MAX_TOKEN_BYTES:
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None
