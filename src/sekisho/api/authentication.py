"""Who is calling: by a bearer token, or by a client certificate."""

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

MAX_TOKEN_BYTES = 4096
"""A longer token is refused unread (reliability.md 5.2)."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody we know."""

    name: str
    roles: frozenset[str]
    """Rows of the table in `authorization.py`; an unknown role allows nothing."""
    proxies: tuple[str, ...] = ()
    """The proxies it speaks for, as patterns (`identity.tokens.Token.proxies`)."""
    token: str = ""
    """Id of the token it came in with, or that its certificate descends from; empty for none."""


CERTIFICATE = "sekisho.certificate"
"""Key in the ASGI scope's `extensions`: the client's certificate (DER), verified by TLS, if it sent one."""


class Authenticator(Protocol):
    """Turns a bearer token or a client certificate into a user."""

    async def authenticate(self, token: str) -> User | None:
        """The user, or None for any token that is not known. Never raises for a malformed token."""
        ...

    async def recognise(self, certificate: bytes) -> User | None:
        """Whose certificate (DER, its chain verified by TLS) this is, or None for one that lets nobody in."""
        ...


async def caller(authenticator: Authenticator, request: Request) -> User | None:
    """Who sent the request. One that names a token is judged by it alone, whatever the certificate."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        token = bearer_token(authorization)
        return await authenticator.authenticate(token) if token else None
    certificate = request.scope.get("extensions", {}).get(CERTIFICATE)
    return await authenticator.recognise(certificate) if certificate else None


def bearer_token(authorization: str | None) -> str | None:
    """The token in an `Authorization` header (RFC 6750 2.1); None for another scheme or an oversized one."""
    if authorization is None or len(authorization) > MAX_TOKEN_BYTES:
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None
