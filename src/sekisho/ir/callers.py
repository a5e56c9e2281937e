"""Who calls, and what for: conditions under which a server lets a request in, or treats it differently."""

from enum import StrEnum
from typing import Generic, Literal, TypeVar

from msgspec import Struct

from sekisho.model.names import Origin

T = TypeVar("T")


class Text(Struct, frozen=True, gc=False):
    """A string that must be this, begin with this, or (RE2, the whole of it) match this."""

    kind: Literal["exact", "prefix", "suffix", "regex", "present"]
    value: str = ""


class Caller(Struct, frozen=True, kw_only=True, gc=False):
    """All parts that are given must hold; of the values of one part, one. Without parts it is everybody."""

    identities: tuple[Text, ...] = ()
    """SPIFFE ID, exact, or a prefix that ends at a whole segment: `spiffe://a.b/ns/x` covers
    `spiffe://a.b/ns/x/sa/y` and not `spiffe://a.b/ns/xy`."""
    source_ranges: tuple[str, ...] = ()
    """CIDR of the peer's address."""
    server_names: tuple[str, ...] = ()
    """SNI, exact."""
    methods: tuple[str, ...] = ()
    paths: tuple[Text, ...] = ()
    """On the normalised path without the query. A prefix covers whole segments."""
    headers: tuple[tuple[str, Text], ...] = ()
    """Name in lower case; all of them must hold."""
    claims: tuple[tuple[str, Text], ...] = ()
    """Claims of a verified JWT, `a.b` for a nested one; all of them must hold."""

    @property
    def needs_http(self) -> bool:
        """Whether it can be decided only where the proxy reads HTTP."""
        return bool(self.methods or self.paths or self.headers or self.claims)


class TokenIssuer(Struct, frozen=True, kw_only=True, gc=False):
    """Whose tokens (JWT) are believed: only what one of these has signed has claims."""

    name: str
    issuer: str
    audiences: tuple[str, ...] = ()
    """One of these; none for any."""
    keys: str
    """A JSON Web Key Set."""


class Effect(StrEnum):
    """What a rule of TrafficPermission does."""

    DENY = "deny"
    ALLOW = "allow"
    SHADOW_DENY = "allowWithShadowDeny"
    """Allows, and counts what a denial would have stopped."""


class PermissionRule(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of `rules[].default.deny`, `.allow` or `.allowWithShadowDeny`."""

    effect: Effect
    caller: Caller
    origin: Origin


class Permissions(Struct, frozen=True, kw_only=True, gc=False):
    """Any deny denies; then any allow (or shadow deny) allows; then no."""

    rules: tuple[PermissionRule, ...] = ()
    """Sorted by effect and origin. None at all denies everybody."""


class Conditional(Struct, Generic[T], frozen=True, kw_only=True, gc=False):
    """A value for some callers; of several, the first whose caller fits counts (most specific first)."""

    caller: Caller | None
    """None for everybody: at most one, the last."""
    value: T
    origin: Origin
