"""The status a BackendTLSPolicy should have: one entry per Gateway of ours that its Services answer."""

from collections.abc import Iterator
from typing import Any

from sekisho.engine import Read, index, query
from sekisho.model.backend_tls_policy import BackendTLSPolicy
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backend_tls import Trusted, targets, trusted, winner
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.gateway.classes import CONTROLLER_NAME
from sekisho.translate.gateway.clusters import CLUSTERS_IN_USE
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.mesh.names import leads_outside

_MOST = 16
"""Ancestors in a status (the CRD's limit)."""


@query
def backend_tls_status(read: Read, policy: ResourceId) -> dict[str, Any]:
    """`ancestors` has our entries only, by namespace and name of the Gateway."""
    resource: BackendTLSPolicy = read.leaf(policy)
    wanted = tuple(targets(resource))
    gateways = {key[0] for one in wanted for key in read.bucket(_USED_BY, one.service)}
    lost = bool(wanted) and not any(winner(read, one) == policy for one in wanted)
    said = _conditions(trusted(read, policy), lost, resource.metadata.generation)
    return {
        "ancestors": [
            {"ancestorRef": _reference(gateway), "controllerName": CONTROLLER_NAME, "conditions": said}
            for gateway in sorted(gateways)[:_MOST]
        ]
    }


def _reference(gateway: ResourceId) -> dict[str, str]:
    return {
        "group": GATEWAY_GROUP, "kind": "Gateway", "namespace": gateway.namespace, "name": gateway.name
    }  # fmt: skip


def _conditions(found: Trusted, lost: bool, generation: int | None) -> list[dict[str, Any]]:  # noqa: FBT001
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


def _service(_: Read, key: tuple[ResourceId, str]) -> Iterator[ResourceId]:
    if not leads_outside(key[1]):
        yield way_of(key[1]).service


_USED_BY = index("gateways by service", source=CLUSTERS_IN_USE, emit=_service)
"""Service → (gateway, cluster name)."""
