"""The tokens of `identity` as the API's authenticator."""

from sekisho.api import User
from sekisho.identity.tokens import Tokens


class TokenAuthenticator:
    """Implements `api.authentication.Authenticator`."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def authenticate(self, token: str) -> User | None:
        """See `Authenticator.authenticate`."""
        known = self._tokens.authenticate(token)
        return User(known.name, frozenset({known.role.value})) if known else None
