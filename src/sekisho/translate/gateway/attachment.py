"""Which listeners a route attaches to, parent by parent, and where that puts its hostnames."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from sekisho.engine import Read, index, query
from sekisho.kit.hostnames import EVERY, intersect
from sekisho.model.byteroutes import ByteRoute
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.grpcroute import GRPCRoute
from sekisho.model.httproute import HTTPRoute
from sekisho.model.names import ResourceId
from sekisho.model.normalise import NAME_LABEL
from sekisho.model.routes import ROUTE_KINDS, ParentReference
from sekisho.model.selectors import selects
from sekisho.translate.gateway.classes import serves
from sekisho.translate.gateway.listeners import Door, doors

AnyRoute: TypeAlias = HTTPRoute | GRPCRoute | ByteRoute


class Parent(Struct, frozen=True, kw_only=True, gc=False):
    """What came of one declared parentRef to a Gateway of ours."""

    index: int
    """Position in `spec.parentRefs`."""
    gateway: ResourceId
    doors: tuple[str, ...] = ()
    """Names of the listeners it attaches to, in their order; empty when refused."""
    reason: str = "Accepted"
    """RouteConditionReason of Accepted, as far as the listeners decide."""
    message: str = ""


class Place(NamedTuple):
    """Where the index of placed routes keeps a route."""

    gateway: ResourceId
    door: str
    hostname: str
    """One of the route's own hostnames, `*` when it has none."""


@query
def parents(read: Read, route: ResourceId) -> tuple[Parent, ...]:
    """One entry per declared parentRef that names a Gateway of ours, in the order written."""
    resource: AnyRoute = read.leaf(route)
    found = []
    for position, reference in enumerate(resource.spec.parent_refs):
        gateway = ResourceId("Gateway", reference.namespace or route.namespace, reference.name)
        if (reference.group, reference.kind) == (GATEWAY_GROUP, "Gateway") and serves(read, gateway):
            found.append(_attach(read, route, resource, position, gateway))
    return tuple(found)


def gateways(read: Read, route: ResourceId) -> tuple[ResourceId, ...]:
    """The Gateways whose proxies carry the route, sorted."""
    return tuple(sorted({parent.gateway for parent in parents(read, route) if parent.doors}))


def own_hostnames(route: AnyRoute) -> tuple[str, ...]:
    """The hostnames of a route in lower case; `*` when it gives none, or is of a kind that knows none."""
    names = getattr(route.spec, "hostnames", ())
    return tuple(dict.fromkeys(name.lower() for name in names)) or (EVERY,)


def attached_doors(read: Read, route: ResourceId) -> Iterable[Door]:
    """The listeners a route is attached to, each once."""
    found: dict[tuple[ResourceId, str], Door] = {}
    for parent in parents(read, route):
        for one in doors(read, parent.gateway):
            if one.name in parent.doors:
                found[parent.gateway, one.name] = one
    return found.values()


def _attach(read: Read, route: ResourceId, resource: AnyRoute, position: int, gateway: ResourceId) -> Parent:
    """Narrow the listeners step by step; the first step that leaves none names the reason."""

    def refused(reason: str, message: str) -> Parent:
        return Parent(index=position, gateway=gateway, reason=reason, message=message)

    reference = resource.spec.parent_refs[position]
    named = [one for one in doors(read, gateway) if _is_named(one, reference)]
    if not named:
        return refused("NoMatchingParent", f"{gateway} has no listener {_wanted(reference)}")
    valid = [one for one in named if one.fault is None]
    if not valid:
        reasons = "; ".join(f"{one.name}: {one.fault.message}" for one in named if one.fault is not None)
        return refused("NotAllowedByListeners", f"no valid listener: {reasons}")
    allowed = [one for one in valid if route.kind in one.kinds and _admits(read, one, route.namespace)]
    if not allowed:
        return refused("NotAllowedByListeners", f"no listener takes {route.kind}s from {route.namespace}")
    hostnames = own_hostnames(resource)
    met = [one for one in allowed if any(intersect(one.hostname, name) for name in hostnames)]
    if not met:
        listening = ", ".join(sorted(one.hostname for one in allowed))
        return refused("NoMatchingListenerHostname", f"no hostname of the route is one of {listening}")
    return Parent(index=position, gateway=gateway, doors=tuple(one.name for one in met))


def _is_named(one: Door, reference: ParentReference) -> bool:
    return reference.section_name in (None, one.name) and reference.port in (None, one.port)


def _wanted(reference: ParentReference) -> str:
    named = f" named {reference.section_name}" if reference.section_name else ""
    return f"{named} on port {reference.port}".strip() if reference.port else named.strip() or "at all"


def _admits(read: Read, one: Door, namespace: str) -> bool:
    match one.namespaces.from_:
        case "All":
            return True
        case "Same":
            return namespace == one.gateway.namespace
        case "Selector":
            selector = one.namespaces.selector
            return selector is not None and selects(selector, dict(namespace_labels(read, namespace)))


@query
def namespace_labels(read: Read, namespace: str) -> tuple[tuple[str, str], ...]:
    """The labels of a namespace, sorted; Kubernetes gives each its own name as a label."""
    resource = read.leaf(ResourceId("Namespace", "", namespace))
    labels = {} if resource is None else resource.metadata.labels
    return tuple(sorted({**labels, NAME_LABEL: namespace}.items()))


def _places(read: Read, route: ResourceId) -> Iterator[Place]:
    hostnames = own_hostnames(read.leaf(route))
    for one in attached_doors(read, route):
        for hostname in hostnames:
            if intersect(one.hostname, hostname):
                yield Place(one.gateway, one.name, hostname)


PLACED = index("placed routes", source=ROUTE_KINDS, emit=_places)
"""`Place` → the routes that have this hostname and are attached to this listener."""
