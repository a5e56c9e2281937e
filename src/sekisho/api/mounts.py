"""Applications below a path of their own: the front door lets callers in, and says who they are."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sekisho.api.authentication import User

_USER = "sekisho.user"
"""Key in the ASGI scope's `extensions`: the `User`."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One application. What its callers may do is its own to decide."""

    path: str
    """`/federation/v1`: it gets what is below."""
    app: ASGIApp
    stop: Callable[[], Awaitable[None]]
    """Ends what it streams, when the server stops."""

    def holds(self, path: str) -> bool:
        """Whether a request for this path is for it."""
        return path.startswith(f"{self.path}/")

    def of(self, user: User, request: Request) -> "Mount":
        """The same, for a request of this user."""
        extensions: dict[str, Any] = request.scope.setdefault("extensions", {})
        extensions[_USER] = user
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self.app(scope, receive, send)


def user_of(request: Request) -> User:
    """Who sent a request to an application that is mounted."""
    user: User = request.scope["extensions"][_USER]
    return user
