"""Sessions: a caller stays with the instance that answered it first."""

from typing import Literal

from msgspec import Struct


class Session(Struct, frozen=True, kw_only=True, gc=False):
    """The caller is told its instance, and says it with each request. While that one can take no requests,
    another is chosen, and told."""

    name: str
    """Of the cookie, or of the header in lower case."""
    by: Literal["cookie", "header"]
    lifetime_ms: int | None = None
    """Of a cookie; None for as long as the caller's own session."""
