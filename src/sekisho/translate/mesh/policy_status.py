"""The status a policy should have: whether it counts, and how many proxies it reaches."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sekisho.engine import Read, index, query
from sekisho.model.meta import Resource
from sekisho.model.names import ResourceId
from sekisho.model.targets import TargetRef
from sekisho.policies.health_check import may_ask
from sekisho.policies.matching import covers
from sekisho.policies.roles import is_for_all, role
from sekisho.translate.facts import PatchRefusals
from sekisho.translate.gateway.conditions import condition
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.external import external_cluster
from sekisho.translate.mesh.gateway_policies import guards
from sekisho.translate.mesh.inbounds import inbound_ports
from sekisho.translate.mesh.instances import is_meshed
from sekisho.translate.mesh.meshes import has_proxies, mesh_of, mesh_spec
from sekisho.translate.mesh.policy_index import EVERYWHERE, entries, is_live, mesh_of_policy, target_of
from sekisho.translate.mesh.policy_values import called_at, picked_one_by_one, server_policies
from sekisho.translate.zone.egress import egresses, is_through_egress


class _Members(NamedTuple):
    """Proxies of one kind, of a mesh or of one namespace of it."""

    mesh: str
    kind: str
    namespace: str


@query
def policy_status(read: Read, policy: ResourceId) -> dict[str, Any]:
    """Accepted, as it was checked when it was written, and Attached."""
    resource: Resource = read.leaf(policy)
    generation = resource.metadata.generation
    if not is_live(read, resource):
        told = "In shadow: it changes nothing."
        return {"conditions": [condition("Accepted", "True", "Shadow", told, generation)]}
    accepted = condition("Accepted", "True", "Accepted", "", generation)
    more = (*_programmed(read, resource), *_incomplete(read, resource), *_unasked(read, resource))
    return {"conditions": [accepted, _attached(read, resource, generation), *more]}


def _incomplete(read: Read, resource: Resource) -> Iterator[dict[str, Any]]:
    """Of a TrafficPermission that denies by path: a path can be spelled in more ways than a proxy knows."""
    if resource.kind != "TrafficPermission":
        return
    spellings = [
        f"{entry.part.origin.path}.deny[{index}]"
        for entry in entries(read, resource.id)
        for index, match in enumerate(entry.part.document.get("deny", ()))
        if match.get("paths")
    ]
    if spellings:
        told = (
            f"{', '.join(spellings)}: paths are compared after `//`, `/./`, `/../` and %2F are resolved, "
            "with the case as it is. A server that reads them otherwise (;parameters, %25, any case) answers "
            "for spellings that this does not deny. Surer: permit the paths that are meant, and no others."
        )
        yield condition("PathsIncomplete", "True", "DeniedByPath", told, resource.metadata.generation)


def _unasked(read: Read, resource: Resource) -> Iterator[dict[str, Any]]:
    """Of a HealthCheck: whose names could lead anywhere, and are not asked."""
    if resource.kind != "HealthCheck":
        return
    wanted = [entry.destination for entry in entries(read, resource.id) if entry.destination]
    found = [
        service
        for service in sorted(read.bucket(_UNPROVEN, mesh_of_policy(read, resource.id)))
        for destination in destinations(read, service)
        if any(covers(resource.metadata.namespace, each, called_at(read, destination)) for each in wanted)
    ]
    if found:
        told = (
            f"{', '.join(map(str, found))}: not asked: a name may lead to this host or a metadata service. "
            "Asked are addresses, and names over TLS that verifies the server by its name."
        )
        yield condition("ChecksIncomplete", "True", "UnprovenNames", told, resource.metadata.generation)


def _unproven(read: Read, service: ResourceId) -> Iterator[str]:
    for destination in destinations(read, service):
        found = external_cluster(read, destination)
        if found is not None and not may_ask(found):
            yield mesh_of(read, service.namespace)


def _programmed(read: Read, resource: Resource) -> Iterator[dict[str, Any]]:
    """Of a ProxyPatch: whether all of it is done. What is not leaves no trace in any proxy."""
    if resource.kind != "ProxyPatch":
        return
    refusals: tuple[str, ...] = read.leaf(PatchRefusals.of(resource.id)) or ()
    generation = resource.metadata.generation
    if refusals:
        yield condition("Programmed", "False", "Rejected", "; ".join(refusals), generation)
    else:
        yield condition("Programmed", "True", "Programmed", "", generation)


def _attached(read: Read, resource: Resource, generation: int | None) -> dict[str, Any]:
    target = target_of(resource)
    if target and target.kind == "HTTPRoute":
        route = ResourceId("HTTPRoute", target.namespace or resource.metadata.namespace, target.name or "")
        if read.leaf(route) is None:
            return condition("Attached", "False", "TargetNotFound", f"{route} does not exist.", generation)
        return condition("Attached", "True", "Attached", f"For requests that {route} routes.", generation)
    if not has_proxies(read):
        told = "It is for proxies of the zones: each says for how many."
        return condition("Attached", "Unknown", "InZones", told, generation)
    number = _number(read, resource, target)
    if number == 0:
        return condition("Attached", "False", "NoProxies", "No proxy is picked.", generation)
    told = f"For {number} {'proxy' if number == 1 else 'proxies'}."
    return condition("Attached", "True", "Attached", told, generation)


def _number(read: Read, resource: Resource, target: TargetRef | None) -> int:
    """Of a whole mesh or namespace they are counted, not looked at: they come and go."""
    mesh = mesh_of_policy(read, resource.id)
    if target is not None and target.kind in ("ExternalService", "ZoneService"):
        return len(egresses(read, mesh)) if _goes_through_egresses(read, mesh, resource, target) else 0
    if target is not None and not _is_broad(target):
        return read.count(_PICKED, resource.id)
    namespace = EVERYWHERE if is_for_all(role(resource)) else resource.metadata.namespace
    if target is not None and target.namespace:
        namespace = target.namespace
    number = read.count(_MEMBERS, _Members(mesh, "Workload", namespace))
    if (target is None or target.kind == "Mesh") and not getattr(resource.spec, "rules", ()):  # type: ignore[attr-defined]
        number += read.count(_MEMBERS, _Members(mesh, "Gateway", namespace))
    return number


def _goes_through_egresses(read: Read, mesh: str, resource: Resource, target: TargetRef) -> bool:
    """Whether calls to what is outside of the zone meet somebody who asks for permission: its egresses."""
    if target.name:
        named = ResourceId(target.kind, target.namespace or resource.metadata.namespace, target.name)
        return read.leaf(named) is not None and is_through_egress(read, named)
    spec = mesh_spec(read, mesh)
    return (spec.egress if target.kind == "ExternalService" else spec.zone_egress) == "Required"


def _is_broad(target: TargetRef) -> bool:
    if target.kind == "Mesh":
        return True
    return target.kind == "Workload" and not (target.name or target.labels or target.section_name)


def _places(read: Read, proxy: ResourceId) -> Iterator[_Members]:
    if proxy.kind == "Gateway" or is_meshed(read, proxy):
        mesh = mesh_of(read, proxy.namespace)
        yield _Members(mesh, proxy.kind, EVERYWHERE)
        yield _Members(mesh, proxy.kind, proxy.namespace)


def _policies(read: Read, proxy: ResourceId) -> Iterator[ResourceId]:
    """Those that pick it one by one."""
    if proxy.kind == "Workload" and not is_meshed(read, proxy):
        return
    yield from picked_one_by_one(read, proxy)
    if proxy.kind == "Gateway":
        yield from guards(read, proxy)
        return
    found = {policy for port in inbound_ports(read, proxy) for policy in server_policies(read, proxy, port)}
    for policy in found:
        resource: Resource | None = read.leaf(policy)
        target = target_of(resource) if resource is not None else None
        if target is not None and not _is_broad(target):
            yield policy


_UNPROVEN = index("external services without checks", source="ExternalService", emit=_unproven)
_MEMBERS = index("proxies by mesh", source=("Workload", "Gateway"), emit=_places)
_PICKED = index("proxies by policy", source=("Workload", "Gateway"), emit=_policies)
