"""What a route asks for, wherever it is attached: the words that routes of all kinds share."""

from typing import NamedTuple

from msgspec import Struct

from sekisho import ir
from sekisho.translate.gateway.backends import Broken
from sekisho.translate.gateway.filters import Fault
from sekisho.translate.gateway.matches import Precedence


class Order(NamedTuple):
    """Sort key among all routes of one hostname, after the hostname itself (HTTPRouteRule.matches)."""

    match: Precedence
    created: str
    """RFC 3339 in UTC, whole seconds: the oldest route wins."""
    namespace: str
    name: str
    rule: int
    number: int
    part: int
    """Of the several routes one match may need; no two entries have one place."""


class Entry(NamedTuple):
    """One match of one rule."""

    order: Order
    route: ir.Route
    """A redirect in it still needs `at_listener`."""


class Plan(Struct, frozen=True, kw_only=True, gc=False):
    """What a route asks for, wherever it is attached."""

    entries: tuple[Entry, ...] = ()
    """Of routes for requests."""
    shares: tuple[tuple[str | None, int], ...] = ()
    """Of routes for bytes: cluster and weight (> 0); None for a backend that cannot be resolved."""
    clusters: tuple[str, ...] = ()
    """Names of the clusters traffic may be sent to, sorted."""
    broken: tuple[Broken, ...] = ()
    """Backend references that lead nowhere, in the order written."""
    faults: tuple[tuple[int, Fault], ...] = ()
    """By rule, why its requests are answered with an error."""
    is_void: bool = False
    """No rule can be honoured."""
