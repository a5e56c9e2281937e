"""Which policies there are for whom: indexes by mesh, kind and target, so that an edit moves few readers."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from sekisho.engine import Read, index, query
from sekisho.model.kinds import POLICY_KINDS
from sekisho.model.mesh import EFFECT_LABEL, SYSTEM_NAMESPACE
from sekisho.model.meta import Resource
from sekisho.model.names import Origin, ResourceId
from sekisho.model.targets import TargetRef, ToTargetRef
from sekisho.policies import merging
from sekisho.policies.collectors import at_home
from sekisho.policies.merging import Order, Part
from sekisho.policies.registry import BY_KIND
from sekisho.policies.roles import is_for_all, role
from sekisho.translate.facts import ShadowKey
from sekisho.translate.mesh.meshes import mesh_of, named_mesh

SHADOW = "shadow"
EVERYWHERE = ""
"""Instead of a namespace."""
_SECTIONS: tuple[Literal["to", "rules"], ...] = ("to", "rules")
_SERVER_TARGETS = ("Workload", "Service", "HTTPRoute", "ExternalService", "ZoneService")
GATEWAY_SERVERS = "Gateway"
"""`ServerScope.target` of all policies for Gateways: each has to be looked at, and Workloads need not."""


class ClientScope(NamedTuple):
    """Policies about calls, for some proxies."""

    mesh: str
    kind: str
    """Of the policy; empty for all, where proxies are picked one by one."""
    proxies: str
    """Mesh for all, Workload for all sidecars, `Workload?` and `Gateway?` where each has to be looked at."""
    namespace: str
    """EVERYWHERE, or the only one it is for."""


class ServerScope(NamedTuple):
    """Policies about incoming traffic, for some workloads."""

    mesh: str
    target: str
    """Kind and name of what is targeted by name, `Service/cart`; `GATEWAY_SERVERS`; empty where each has
    to be looked at."""
    namespace: str


class ByName(NamedTuple):
    """Entries of `to` about one destination or route."""

    kind: str
    namespace: str
    name: str
    """Empty for those that choose by labels, wherever; then `namespace` is empty, too."""


class Entry(NamedTuple):
    """One entry of `to` or of `rules`, or the one `default` of a policy."""

    section: Literal["to", "rules", "default"]
    destination: ToTargetRef | None
    matches: tuple[Any, ...]
    """`targets.CallerMatch`."""
    part: Part


def is_live(read: Read, policy: Resource) -> bool:
    """Whether it counts: not in shadow, or this engine asks what would be if shadows counted."""
    return policy.metadata.labels.get(EFFECT_LABEL) != SHADOW or bool(read.leaf(ShadowKey()))


def target_of(policy: Resource) -> TargetRef | None:
    """`spec.targetRef`."""
    target: TargetRef | None = getattr(policy, "spec").target_ref  # noqa: B009  every policy has it
    return target


@query
def mesh_of_policy(read: Read, policy: ResourceId) -> str:
    """The mesh whose proxies it is for; empty where there is none of the name: then for Gateways outside."""
    resource: Resource = read.leaf(policy)
    if policy.namespace != SYSTEM_NAMESPACE:
        return mesh_of(read, policy.namespace)
    named = named_mesh(resource)
    return named if read.leaf(ResourceId("Mesh", "", named)) is not None else ""


@query
def entries(read: Read, policy: ResourceId) -> tuple[Entry, ...]:
    """What a policy says, entry by entry; none when it does not exist (any more)."""
    resource: Resource | None = read.leaf(policy)
    if resource is None:
        return ()
    return tuple(_entries(resource))


def _entries(resource: Resource) -> Iterator[Entry]:
    spec: Any = getattr(resource, "spec")  # noqa: B009  every policy has it
    for section in _SECTIONS:
        for number, item in enumerate(getattr(spec, section, ())):
            destination = getattr(item, "target_ref", None)
            part = _part(resource, destination, number, f"spec.{section}[{number}].default", item.default)
            yield Entry(section, destination, tuple(getattr(item, "matches", ())), part)
    if hasattr(spec, "default"):
        yield Entry("default", None, (), _part(resource, None, 0, "spec.default", spec.default))


def _part(resource: Resource, destination: ToTargetRef | None, number: int, path: str, default: Any) -> Part:
    place: Order = merging.order(resource, target_of(resource), destination, number)
    document = at_home(merging.written(default), resource.metadata.namespace)
    return Part(place, Origin(resource.id, path), document)


def _speaks_to_clients(resource: Resource) -> bool:
    spec: Any = getattr(resource, "spec")  # noqa: B009  every policy has it
    return bool(getattr(spec, "to", ())) or hasattr(spec, "default")


def _clients(read: Read, policy: ResourceId) -> Iterator[ClientScope]:
    resource: Resource = read.leaf(policy)
    target = target_of(resource)
    kind = target.kind if target else "Mesh"
    if not _speaks_to_clients(resource) or not is_live(read, resource) or kind == "HTTPRoute":
        return
    namespace = EVERYWHERE if is_for_all(role(resource)) else policy.namespace
    mesh = mesh_of_policy(read, policy)
    if target and target.namespace:
        namespace = target.namespace
    if target and (kind == "Gateway" or target.name or target.labels):
        yield ClientScope(mesh, "", f"{kind}?", namespace)
    else:
        yield ClientScope(mesh, policy.kind, kind, namespace)


def _routes(read: Read, policy: ResourceId) -> Iterator[ByName]:
    """The routes that a policy is attached to. One of them is its owner's."""
    resource: Resource = read.leaf(policy)
    target = target_of(resource)
    if target and target.kind == "HTTPRoute" and target.name and is_live(read, resource):
        yield ByName("HTTPRoute", target.namespace or policy.namespace, target.name)


def _servers(read: Read, policy: ResourceId) -> Iterator[ServerScope]:
    resource: Resource = read.leaf(policy)
    if not getattr(getattr(resource, "spec"), "rules", ()) or not is_live(read, resource):  # noqa: B009
        return
    target = target_of(resource)
    mesh = mesh_of_policy(read, policy)
    if target and target.kind in _SERVER_TARGETS and target.name:
        yield ServerScope(mesh, f"{target.kind}/{target.name}", target.namespace or policy.namespace)
    else:
        namespace = EVERYWHERE if policy.namespace == SYSTEM_NAMESPACE else policy.namespace
        kind = GATEWAY_SERVERS if target and target.kind == "Gateway" else ""
        yield ServerScope(mesh, kind, target.namespace if target and target.namespace else namespace)


def _of_routes(read: Read, policy: ResourceId) -> Iterator[tuple[str, str]]:
    resource: Resource = read.leaf(policy)
    target = target_of(resource)
    if is_live(read, resource) and (
        (target and target.kind == "HTTPRoute")
        or any(one.destination and one.destination.kind == "HTTPRoute" for one in entries(read, policy))
    ):
        yield mesh_of_policy(read, policy), policy.kind


def _destinations(read: Read, policy: ResourceId) -> Iterator[ByName]:
    """Where a policy says something special; what it says about the whole mesh is no matter here."""
    resource: Resource = read.leaf(policy)
    if not is_live(read, resource):
        return
    for entry in entries(read, policy):
        wanted = entry.destination
        if wanted is None or wanted.kind == "Mesh":
            continue
        if wanted.name:
            yield ByName(wanted.kind, wanted.namespace or policy.namespace, wanted.name)
        else:
            yield ByName(wanted.kind, "", "")


def _consumers(read: Read, policy: ResourceId) -> Iterator[str]:
    """Namespaces that have a policy about calls for all their own sidecars, which others do not have."""
    if BY_KIND[policy.kind].tells_clients:
        for scope in _clients(read, policy):
            if scope.namespace and scope.proxies in ("Mesh", "Workload"):
                yield scope.namespace


CLIENTS = index("policies for clients", source=POLICY_KINDS, emit=_clients)
"""`ClientScope` → policies."""

ROUTES = index("policies for routes", source=POLICY_KINDS, emit=_routes)
"""`ByName` of an HTTPRoute → policies whose targetRef it is."""

OF_ROUTES = index("policies of routes by kind", source=POLICY_KINDS, emit=_of_routes)
"""(mesh, kind) → policies that say something about an HTTPRoute."""

SERVERS = index("policies for servers", source=POLICY_KINDS, emit=_servers)
"""`ServerScope` → policies."""

DESTINATIONS = index("policies by destination", source=POLICY_KINDS, emit=_destinations)
"""`ByName` → policies that say something about it in `to`."""

CONSUMERS = index("namespaces with policies of their own", source=POLICY_KINDS, emit=_consumers)
"""Namespace → the policies."""
