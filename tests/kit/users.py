"""A few users of an API, known by the tokens a test chooses."""

from collections.abc import Mapping

from sekisho.api import User


class TokenTable:
    """Implements `api.authentication.Authenticator`: these tokens, and no certificates."""

    def __init__(self, users: Mapping[str, User]) -> None:
        """`users`: by their tokens."""
        self._users = users

    async def authenticate(self, token: str) -> User | None:
        """See `Authenticator.authenticate`."""
        return self._users.get(token)

    async def recognise(self, _certificate: bytes) -> User | None:
        """Nobody."""
        return None
