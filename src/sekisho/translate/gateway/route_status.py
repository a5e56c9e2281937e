"""The status an HTTPRoute should have: one entry per declared parent that is ours, none for others."""

from typing import Any

from sekisho.engine import Read, query
from sekisho.model.httproute import HTTPRoute, ParentReference
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.attachment import Parent, parents
from sekisho.translate.gateway.classes import CONTROLLER_NAME
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.gateway.rejections import of_route
from sekisho.translate.gateway.routes import Plan, plan


@query
def route_status(read: Read, route: ResourceId) -> dict[str, Any]:
    """`parents` has our entries only, empty when the route names none of our Gateways."""
    resource: HTTPRoute = read.leaf(route)
    asked = plan(read, route)
    return {
        "parents": [
            {
                "parentRef": _reference(resource.spec.parent_refs[parent.index]),
                "controllerName": CONTROLLER_NAME,
                "conditions": _conditions(read, resource, parent, asked),
            }
            for parent in parents(read, route)
        ]
    }


def _reference(reference: ParentReference) -> dict[str, Any]:
    """The parentRef exactly as declared, with its defaults: that is how its author finds the entry."""
    said: dict[str, Any] = {"group": reference.group, "kind": reference.kind}
    if reference.namespace is not None:
        said["namespace"] = reference.namespace
    said["name"] = reference.name
    if reference.section_name is not None:
        said["sectionName"] = reference.section_name
    if reference.port is not None:
        said["port"] = reference.port
    return said


def _conditions(read: Read, resource: HTTPRoute, parent: Parent, asked: Plan) -> list[dict[str, Any]]:
    generation = resource.metadata.generation
    said = [_accepted(parent, asked, generation), _resolved(asked, generation)]
    if asked.faults and not asked.is_void:
        told = f"Dropped Rule, its requests are answered 500: {_faults(asked)}."
        said.append(condition("PartiallyInvalid", "True", asked.faults[0][1].reason, told, generation))
    refused = of_route(read, parent.gateway, resource.id)
    if refused:
        # Accepted stays: the last version the proxy took still serves. Named as on a Gateway.
        told = sentence(f"the proxy refused it and keeps the last good version: {'; '.join(refused)}")
        said.append(condition("Programmed", "False", "Rejected", told, generation))
    return said


def _accepted(parent: Parent, asked: Plan, generation: int | None) -> dict[str, Any]:
    if parent.reason != "Accepted":
        return condition("Accepted", "False", parent.reason, sentence(parent.message), generation)
    if asked.is_void:
        told = sentence(f"no rule can be honoured, requests are answered 500: {_faults(asked)}")
        return condition("Accepted", "False", asked.faults[0][1].reason, told, generation)
    return condition("Accepted", "True", "Accepted", "", generation)


def _resolved(asked: Plan, generation: int | None) -> dict[str, Any]:
    if not asked.broken:
        return condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)
    told = sentence("; ".join(broken.message for broken in asked.broken))
    return condition("ResolvedRefs", "False", asked.broken[0].reason, told, generation)


def _faults(asked: Plan) -> str:
    return "; ".join(f"spec.rules[{index}].{fault.message}" for index, fault in asked.faults)
