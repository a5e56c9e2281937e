"""XBackendTrafficPolicies: bounds on retries, and sessions, whichever route leads to a backend.

Of several policies for one backend the oldest counts, whole (GEP-713: it is attached directly, and never
merged).
"""

from collections.abc import Iterator
from math import ceil

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.kit import durations
from sekisho.model.httproute import SessionPersistence
from sekisho.model.kinds import SEKISHO_GROUP
from sekisho.model.names import ResourceId
from sekisho.model.xbackend_traffic_policy import RetryRate, XBackendTrafficPolicy
from sekisho.model.xmesh import EXPERIMENTAL_GROUP
from sekisho.translate.gateway.backends import way_of

_TARGETS = frozenset(
    {
        ("", "Service"),
        (EXPERIMENTAL_GROUP, "XBackend"),
        *((SEKISHO_GROUP, kind) for kind in ("ExternalService", "ZoneService", "MultiZoneService")),
    }
)
"""Group and kind of what can be a backend."""
_RATE, _SECOND = 10, 1_000
"""Retries in a time (ms) that are always allowed where nothing is said (RetryConstraint.minRetryRate)."""


def targets(policy: XBackendTrafficPolicy) -> Iterator[ResourceId]:
    """The backends a policy is for; what is no kind of backend is left out."""
    for one in policy.spec.target_refs:
        if (one.group, one.kind) in _TARGETS:
            yield ResourceId(one.kind, policy.id.namespace, one.name)


def policy_of(read: Read, backend: ResourceId) -> ResourceId | None:
    """The policy that counts for a backend."""
    return _winner(read, backend) if read.any(_POLICIES) else None


@query
def _winner(read: Read, backend: ResourceId) -> ResourceId | None:
    claims = read.bucket(_POLICIES, backend)
    return min(claims, key=lambda one: (read.leaf(one).metadata.creation_timestamp or "", one), default=None)


def session_of(read: Read, backend: ResourceId) -> SessionPersistence | None:
    """How callers stay with one instance of a backend; None for not at all."""
    policy = policy_of(read, backend)
    if policy is None:
        return None
    found: SessionPersistence | None = read.leaf(policy).spec.session_persistence
    return found


def retry_budget(read: Read, backend: ResourceId) -> ir.RetryBudget | None:
    """How much of what is sent to a backend may be retries; None where nobody bounds it."""
    policy = policy_of(read, backend)
    wanted = read.leaf(policy).spec.retry_constraint if policy is not None else None
    if wanted is None:
        return None
    return ir.RetryBudget(
        percent=wanted.budget.percent,
        interval_ms=durations.parse(wanted.budget.interval),
        least=_at_a_time(wanted.min_retry_rate),
    )


def with_retry_budgets(read: Read, forward: ir.Forward) -> ir.Forward:
    """Says of which backends the budget may keep a request from being tried again: RetryConstraint wants 503
    then, and not the last answer."""
    if forward.retry is None or not read.any(_POLICIES):
        return forward
    shares = tuple(_with_retry_budget(read, share) for share in forward.shares)
    return forward if shares == forward.shares else replace(forward, shares=shares)


def _with_retry_budget(read: Read, share: ir.Share) -> ir.Share:
    is_bounded = share.cluster is not None and retry_budget(read, way_of(share.cluster).service) is not None
    return replace(share, has_retry_budget=True) if is_bounded else share


def _at_a_time(rate: RetryRate) -> int:
    """A proxy counts retries under way. So many are at a rate if each takes a second; never less than one."""
    interval = _SECOND if rate.interval is None else durations.parse(rate.interval)
    return ceil((_RATE if rate.count is None else rate.count) * _SECOND / interval)


def _targeted(read: Read, policy: ResourceId) -> Iterator[ResourceId]:
    yield from targets(read.leaf(policy))


_POLICIES = index("backend traffic policies", source="XBackendTrafficPolicy", emit=_targeted)
