"""The status a route of any kind should have: one entry per declared parent that is ours, none for others."""

from functools import lru_cache
from typing import Any, NamedTuple

from sekisho.engine import Read
from sekisho.model.names import ResourceId
from sekisho.model.routes import ParentReference
from sekisho.translate.gateway.attachment import AnyRoute, Parent, parents
from sekisho.translate.gateway.classes import CONTROLLER_NAME
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.gateway.default_gateways import references
from sekisho.translate.gateway.plans import Plan
from sekisho.translate.gateway.rejections import of_route
from sekisho.translate.gateway.routes import mesh_plan, plan
from sekisho.translate.mesh.attachment import ServiceParent, is_beaten, service_parents
from sekisho.translate.mesh.rejections import refused


def route_status(read: Read, route: ResourceId) -> dict[str, Any]:
    """`parents` has our entries only, in the order written, default Gateways last; empty when the route names
    no Gateway of ours and no Service in a mesh."""
    resource: AnyRoute = read.leaf(route)
    named = references(read, route, resource)
    gateways = [_of_gateway(read, parent, plan(read, route), route) for parent in parents(read, route)]
    services = [_of_service(read, parent, route) for parent in service_parents(read, route)]
    told = sorted((*gateways, *services), key=lambda one: one.place)
    generation = resource.metadata.generation
    if all(said.is_well for said in told):
        return _all_well(tuple(named[said.place] for said in told), generation)
    return {"parents": [_entry(named[said.place], _conditions(said, generation)) for said in told]}


@lru_cache(maxsize=4_096)
def _all_well(parents: tuple[ParentReference, ...], generation: int | None) -> dict[str, Any]:
    """Of a route that every parent takes as it is. Never to be changed: thousands have the same."""
    accepted = condition("Accepted", "True", "Accepted", "", generation)
    resolved = condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)
    return {"parents": [_entry(one, [accepted, resolved]) for one in parents]}


def _entry(parent: ParentReference, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"parentRef": _reference(parent), "controllerName": CONTROLLER_NAME, "conditions": conditions}


class _Said(NamedTuple):
    """What there is to say about one parent."""

    kind: str
    """Of the route."""
    place: int
    """Position in `default_gateways.references`."""
    reason: str
    """Of Accepted, as far as the parent decides."""
    message: str
    asked: Plan
    refused: tuple[str, ...]
    """What proxies refused."""

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to complain of."""
        asked = self.asked
        is_good = not (asked.is_void or asked.faults or asked.broken or self.refused)
        return is_good and self.reason == "Accepted"


def _of_gateway(read: Read, parent: Parent, asked: Plan, route: ResourceId) -> _Said:
    refused = of_route(read, parent.gateway, route)
    return _Said(route.kind, parent.index, parent.reason, parent.message, asked, refused)


def _of_service(read: Read, parent: ServiceParent, route: ResourceId) -> _Said:
    asked, reason, message = mesh_plan(read, route), parent.reason, parent.message
    if is_beaten(read, route, parent):
        reason, message = "Conflicted", f"routes of another kind are attached to {parent.service}"
    return _Said(route.kind, parent.index, reason, message, asked, refused(read, route))


@lru_cache(maxsize=4_096)
def _reference(reference: ParentReference) -> dict[str, Any]:
    """The parentRef exactly as declared, with its defaults: that is how its author finds the entry.

    Never to be changed: many routes have the same.
    """
    said: dict[str, Any] = {"group": reference.group, "kind": reference.kind}
    if reference.namespace is not None:
        said["namespace"] = reference.namespace
    said["name"] = reference.name
    if reference.section_name is not None:
        said["sectionName"] = reference.section_name
    if reference.port is not None:
        said["port"] = reference.port
    return said


def _conditions(parent: _Said, generation: int | None) -> list[dict[str, Any]]:
    asked = parent.asked
    said = [_accepted(parent, generation), _resolved(asked, generation)]
    if asked.faults and not asked.is_void:
        told = f"Dropped Rule, its requests are answered {_error(parent)}: {_faults(asked)}."
        said.append(condition("PartiallyInvalid", "True", asked.faults[0][1].reason, told, generation))
    if parent.refused:
        # Accepted stays: the last version the proxy took still serves. Named as on a Gateway.
        told = sentence(f"the proxy refused it and keeps the last good version: {'; '.join(parent.refused)}")
        said.append(condition("Programmed", "False", "Rejected", told, generation))
    return said


def _accepted(parent: _Said, generation: int | None) -> dict[str, Any]:
    asked = parent.asked
    if parent.reason != "Accepted":
        return condition("Accepted", "False", parent.reason, sentence(parent.message), generation)
    if asked.is_void:
        told = sentence(f"no rule can be honoured, requests are answered {_error(parent)}: {_faults(asked)}")
        return condition("Accepted", "False", asked.faults[0][1].reason, told, generation)
    return condition("Accepted", "True", "Accepted", "", generation)


def _resolved(asked: Plan, generation: int | None) -> dict[str, Any]:
    if not asked.broken:
        return condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)
    told = sentence("; ".join(broken.message for broken in asked.broken))
    return condition("ResolvedRefs", "False", asked.broken[0].reason, told, generation)


def _error(parent: _Said) -> str:
    return "UNAVAILABLE" if parent.kind == "GRPCRoute" else "500"


def _faults(asked: Plan) -> str:
    return "; ".join(f"spec.rules[{index}].{fault.message}" for index, fault in asked.faults)
