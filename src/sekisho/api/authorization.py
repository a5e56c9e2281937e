"""Who may do what: the one table, deny by default."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Verb(StrEnum):
    """What is done to a resource, in Kubernetes' words."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"
    DELETE_COLLECTION = "deletecollection"


class Surface(StrEnum):
    """A path that is no resource."""

    PROBE = "probe"
    """/livez and /readyz: the only ones that need no token; they say `ok` or not, nothing else."""
    DISCOVERY = "discovery"
    """/api, /apis, /version, /openapi, /healthz."""
    METRICS = "metrics"


ALL_VERBS = frozenset(Verb)
READ = frozenset({Verb.GET, Verb.LIST, Verb.WATCH})
CREATE = frozenset({Verb.CREATE})


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: a role may use these verbs on these resources."""

    role: str
    verbs: frozenset[Verb]
    resources: frozenset[str] | None = None
    """Kinds, or `Kind/status`; None is all of them."""
    without: frozenset[str] = frozenset()
    """Kinds taken out of `resources`, with their subresources."""

    def covers(self, role: str, verb: Verb, resource: str) -> bool:
        """Whether this row allows it."""
        if role != self.role or verb not in self.verbs or resource.partition("/")[0] in self.without:
            return False
        return self.resources is None or resource in self.resources


RESOURCE_RULES: tuple[Rule, ...] = (
    Rule("admin", ALL_VERBS),
    Rule("agent", READ, frozenset({"Gateway", "GatewayClass"})),
    Rule("agent", CREATE, frozenset({"CertificateRequest"})),
    Rule("reader", READ, without=frozenset({"Secret"})),
)
"""Resources. Reviews add their own rows, see `Table`."""

SURFACE_RULES: Mapping[Surface, frozenset[str] | None] = {
    Surface.PROBE: None,
    Surface.DISCOVERY: frozenset({"admin", "agent", "reader"}),
    Surface.METRICS: frozenset({"admin", "reader"}),
}
"""Other paths: the roles that may read them; None asks for no token at all."""


class Table:
    """The rules in force: those above and one row for each role of each review."""

    def __init__(self, reviews: Iterable[tuple[str, frozenset[str]]] = ()) -> None:
        """`reviews` are pairs of kind and the roles that may create it."""
        rows = [Rule(role, CREATE, frozenset({kind})) for kind, roles in reviews for role in sorted(roles)]
        self._rules = RESOURCE_RULES + tuple(rows)
        self._allows = lru_cache(maxsize=4096)(self._compute)

    def allows(self, roles: frozenset[str], verb: Verb, kind: str, subresource: str = "") -> bool:
        """Whether any of the roles may do `verb` to `kind` (or its subresource)."""
        return self._allows(roles, verb, f"{kind}/{subresource}" if subresource else kind)

    def _compute(self, roles: frozenset[str], verb: Verb, resource: str) -> bool:
        return any(rule.covers(role, verb, resource) for role in roles for rule in self._rules)

    @staticmethod
    def opens(roles: frozenset[str], surface: Surface) -> bool:
        """Whether any of the roles may read `surface`."""
        allowed = SURFACE_RULES[surface]
        return allowed is None or bool(allowed & roles)
