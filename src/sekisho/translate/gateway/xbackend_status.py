"""Statuses of XBackends and XBackendTrafficPolicies: an entry per Gateway of ours that sends to a backend."""

from collections.abc import Iterable
from typing import Any

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.names import ResourceId
from sekisho.model.xbackend_traffic_policy import XBackendTrafficPolicy
from sekisho.translate.gateway.backend_traffic import policy_of, targets
from sekisho.translate.gateway.backend_users import gateways_of, parent_reference
from sekisho.translate.gateway.certificates import Unusable
from sekisho.translate.gateway.classes import CONTROLLER_NAME
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.gateway.filters import Fault
from sekisho.translate.gateway.sessions import session
from sekisho.translate.gateway.xbackends import is_shut_in, xbackend_tls

_MOST_PARENTS, _MOST_ANCESTORS = 32, 16
"""Entries in a status (the CRDs' limits)."""


@query
def xbackend_status(read: Read, backend: ResourceId) -> dict[str, Any]:
    """`parents` has our entries only, by namespace and name of the Gateway."""
    gateways = sorted(gateways_of(read, backend))[:_MOST_PARENTS]
    return {
        "parents": [
            {
                "parentRef": parent_reference(gateway),
                "controllerName": CONTROLLER_NAME,
                "conditions": [_accepted(read, backend, gateway)],
            }
            for gateway in gateways
        ]
    }


def _accepted(read: Read, backend: ResourceId, gateway: ResourceId) -> dict[str, Any]:
    generation = read.leaf(backend).metadata.generation
    if is_shut_in(read, gateway):
        told = "its mesh has one way out, zone egresses: an ExternalService goes through them"
        return condition("Accepted", "False", "EgressRequired", sentence(told), generation)
    found = xbackend_tls(read, backend, ir.Protocol.HTTP1)
    if isinstance(found, Unusable):
        return condition("Accepted", "False", found.reason, sentence(found.message), generation)
    return condition("Accepted", "True", "Accepted", "", generation)


@query
def traffic_policy_status(read: Read, policy: ResourceId) -> dict[str, Any]:
    """`ancestors` has our entries only, by namespace and name of the Gateway."""
    resource: XBackendTrafficPolicy = read.leaf(policy)
    wanted = tuple(targets(resource))
    gateways = set().union(*(gateways_of(read, one) for one in wanted))
    said = _judged(read, resource, wanted)
    return {
        "ancestors": [
            {
                "ancestorRef": parent_reference(gateway),
                "controllerName": CONTROLLER_NAME,
                "conditions": [said],
            }
            for gateway in sorted(gateways)[:_MOST_ANCESTORS]
        ]
    }


def _judged(read: Read, policy: XBackendTrafficPolicy, wanted: Iterable[ResourceId]) -> dict[str, Any]:
    generation, persistence = policy.metadata.generation, policy.spec.session_persistence
    if not any(policy_of(read, one) == policy.id for one in wanted):
        message = sentence("an older policy is for the same backends")
        return condition("Accepted", "False", "Conflicted", message, generation)
    found = session(policy.id, "", persistence) if persistence is not None else None
    if isinstance(found, Fault):
        return condition("Accepted", "False", "Invalid", sentence(f"spec.{found.message}"), generation)
    return condition("Accepted", "True", "Accepted", "", generation)
