"""Who may do what: the one table, deny by default."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sekisho.api.authentication import User
from sekisho.identity.tokens import covers


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
REPORT = frozenset({Verb.GET, Verb.UPDATE, Verb.PATCH})
"""What the agent beside a workload does to its object: which fields, see `overreach`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: a role may use these verbs on these resources."""

    role: str
    verbs: frozenset[Verb]
    resources: frozenset[str] | None = None
    """Kinds, or `Kind/status`; None is all of them."""
    without: frozenset[str] = frozenset()
    """Kinds taken out of `resources`, with their subresources."""
    own: bool = False
    """Only the objects of proxies that the caller speaks for, see `owns`."""

    def covers(self, role: str, verb: Verb, resource: str, *, own: bool) -> bool:
        """Whether this row allows it."""
        if self.own and not own:
            return False
        if role != self.role or verb not in self.verbs or resource.partition("/")[0] in self.without:
            return False
        return self.resources is None or resource in self.resources


RESOURCE_RULES: tuple[Rule, ...] = (
    Rule("admin", ALL_VERBS),
    Rule("agent", READ, frozenset({"Gateway", "GatewayClass", "Workload"})),
    Rule("agent", REPORT, frozenset({"Workload", "Workload/status"}), own=True),
    Rule("proxy", REPORT, frozenset({"Workload", "Workload/status"}), own=True),
    Rule("reader", READ, without=frozenset({"Secret"})),
)
"""Resources. Reviews add their own rows, see `Table`."""

SURFACE_RULES: Mapping[Surface, frozenset[str] | None] = {
    Surface.PROBE: None,
    Surface.DISCOVERY: frozenset({"admin", "agent", "proxy", "reader"}),
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

    def allows(
        self, roles: frozenset[str], verb: Verb, kind: str, subresource: str = "", *, own: bool = False
    ) -> bool:
        """Whether any of the roles may do `verb` to `kind` (or its subresource), `own`: to one of its own."""
        return self._allows(roles, verb, f"{kind}/{subresource}" if subresource else kind, own)

    def _compute(self, roles: frozenset[str], verb: Verb, resource: str, own: bool) -> bool:  # noqa: FBT001 - cached by position
        return any(rule.covers(role, verb, resource, own=own) for role in roles for rule in self._rules)

    @staticmethod
    def opens(roles: frozenset[str], surface: Surface) -> bool:
        """Whether any of the roles may read `surface`."""
        allowed = SURFACE_RULES[surface]
        return allowed is None or bool(allowed & roles)


def owns(user: User, kind: str, namespace: str, name: str) -> bool:
    """Whether it is the object of a proxy that the user speaks for; a collection is nobody's."""
    return bool(name) and covers(user.proxies, f"{kind.lower()}/{namespace}/{name}")


_REPORTED = ("address", "ready")
"""Fields of `Workload.spec` that say how an instance is, not who it is."""
_WHO = ("labels", "annotations", "ownerReferences", "finalizers")
"""Fields of `Workload.metadata` that say who it is, or whose."""
_REPORTED_CONDITION = "Ready"


def overreach(user: User, kind: str, document: Mapping[str, Any], live: Mapping[str, Any] | None) -> str:
    """What in a write to an object is not for this user; empty when nothing. `live` is None for a new one.

    Account and labels decide whose identity an instance gets and which Services it belongs to: were its own
    agent to choose them, a join token of one workload would be one for every account of the namespace.
    """
    if kind != "Workload" or "admin" in user.roles:
        return ""
    if live is None:
        return "a Workload is registered by an administrator, not by its own agent"
    metadata, before = (_part(one, "metadata") for one in (document, live))
    changed = [field for field in _WHO if metadata.get(field) != before.get(field)]
    if metadata.get("managedFields", before.get("managedFields")) != before.get("managedFields"):
        changed.append("managedFields")  # left out, they stay
    new, old = (_part(one, "spec") for one in (document, live))
    fields = [f"spec.{key}" for key in sorted(new.keys() | old.keys()) if new.get(key) != old.get(key)]
    told = [f"metadata.{field}" for field in changed]
    told += [field for field in fields if field.removeprefix("spec.") not in _REPORTED]
    if not told:
        return ""
    return f"the agent of a workload reports its address and readiness; it may not change {', '.join(told)}"


def status_overreach(user: User, kind: str, status: Any, live: Any) -> str:
    """The same for a write to a status: of all that a Workload's says, its agent says whether it is ready."""
    if kind != "Workload" or "admin" in user.roles or _without_reports(status) == _without_reports(live):
        return ""
    return (
        f"the agent of a workload reports its condition {_REPORTED_CONDITION}, and nothing else of the status"
    )


def _without_reports(status: Any) -> Any:
    if not isinstance(status, Mapping):
        return status or {}
    conditions = status.get("conditions") or ()
    others = [one for one in conditions if _part({"": one}, "").get("type") != _REPORTED_CONDITION]
    rest = {field: value for field, value in status.items() if field != "conditions"}
    return rest | {"conditions": others} if others else rest


def _part(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = document.get(field)
    return found if isinstance(found, Mapping) else {}
