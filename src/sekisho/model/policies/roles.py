"""In whose name a policy speaks; it follows from where it stands and what it is about."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.meta import Resource
from sekisho.model.targets import ToTargetRef

_OWN_KINDS = frozenset({"Service", "ZoneService", "HTTPRoute"})
"""A namespace has one owner, in all zones: so a ZoneService is his as a Service is."""


class Role(StrEnum):
    """Who wrote a policy, as seen from the traffic."""

    SYSTEM = "system"
    """The operators: the policy stands in the system namespace."""
    PRODUCER = "producer"
    """The owner of a service, about calls to it, for callers everywhere."""
    CONSUMER = "consumer"
    """The owner of callers, about calls from his namespace."""
    WORKLOAD_OWNER = "workload-owner"
    """The owner of proxies, about what they take in and tell."""


def is_own(namespace: str, destination: ToTargetRef) -> bool:
    """Whether it names one Service or route of the policy's namespace."""
    return (
        destination.kind in _OWN_KINDS
        and destination.name is not None
        and destination.namespace in (None, namespace)
    )


def destinations(policy: Resource) -> tuple[ToTargetRef, ...]:
    """The destinations a policy is about, in the order written; none where it is about no calls."""
    items: Sequence[Any] = getattr(_spec(policy), "to", ())
    return tuple(item.target_ref for item in items)


def roles(policy: Resource) -> frozenset[Role]:
    """The roles the parts of a policy have; more than one is refused when it is written."""
    namespace = policy.metadata.namespace
    if namespace == SYSTEM_NAMESPACE:
        return frozenset({Role.SYSTEM})
    found = {
        Role.PRODUCER if is_own(namespace, destination) else Role.CONSUMER
        for destination in destinations(policy)
    }
    return frozenset(found or {Role.WORKLOAD_OWNER})


def role(policy: Resource) -> Role:
    """The role of a policy that was checked when it was written."""
    return min(roles(policy), key=list(Role).index)


def _spec(policy: Resource) -> Any:
    return getattr(policy, "spec", None)
