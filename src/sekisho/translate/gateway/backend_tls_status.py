"""The status a BackendTLSPolicy should have: one entry per Gateway of ours that its Services answer."""

from typing import Any

from sekisho.engine import Read, query
from sekisho.model.backend_tls_policy import BackendTLSPolicy
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backend_tls import Trusted, targets, trusted, winner
from sekisho.translate.gateway.backend_users import gateways_of, parent_reference
from sekisho.translate.gateway.classes import CONTROLLER_NAME
from sekisho.translate.gateway.conditions import condition, sentence

_MOST = 16
"""Ancestors in a status (the CRD's limit)."""


@query
def backend_tls_status(read: Read, policy: ResourceId) -> dict[str, Any]:
    """`ancestors` has our entries only, by namespace and name of the Gateway."""
    resource: BackendTLSPolicy = read.leaf(policy)
    wanted = tuple(targets(resource))
    gateways = set().union(*(gateways_of(read, one.service) for one in wanted))
    lost = bool(wanted) and not any(winner(read, one) == policy for one in wanted)
    said = _conditions(trusted(read, policy), resource.metadata.generation, lost=lost)
    return {
        "ancestors": [
            {"ancestorRef": parent_reference(gateway), "controllerName": CONTROLLER_NAME, "conditions": said}
            for gateway in sorted(gateways)[:_MOST]
        ]
    }


def _conditions(found: Trusted, generation: int | None, *, lost: bool) -> list[dict[str, Any]]:
    told = sentence("; ".join(problem.message for problem in found.problems))
    accepted = condition("Accepted", "True", "Accepted", "", generation)
    if lost:
        message = sentence("an older policy is for the same Services")
        accepted = condition("Accepted", "False", "Conflicted", message, generation)
    elif not found.is_usable:
        reason = "Invalid" if found.problems[0].reason == "Invalid" else "NoValidCACertificate"
        accepted = condition("Accepted", "False", reason, told, generation)
    broken = [problem for problem in found.problems if problem.reason != "Invalid"]
    if broken:
        return [accepted, condition("ResolvedRefs", "False", broken[0].reason, told, generation)]
    return [accepted, condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)]
