"""Which listeners a route attaches to, parent by parent, and where that puts its hostnames."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from sekisho.engine import Read, index, query
from sekisho.kit.hostnames import EVERY, intersect
from sekisho.model.byteroutes import ByteRoute
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.grpcroute import GRPCRoute
from sekisho.model.httproute import HTTPRoute
from sekisho.model.names import ResourceId
from sekisho.model.routes import ROUTE_KINDS, ParentReference
from sekisho.translate.gateway.default_gateways import references
from sekisho.translate.gateway.doors import doors
from sekisho.translate.gateway.listener_sets import SOURCES, gateway_of, parent
from sekisho.translate.gateway.listeners import Door
from sekisho.translate.gateway.namespaces import namespace_selected

AnyRoute: TypeAlias = HTTPRoute | GRPCRoute | ByteRoute


class Parent(Struct, frozen=True, kw_only=True, gc=False):
    """What came of one parentRef to a Gateway of ours, or to a ListenerSet of one."""

    index: int
    """Position in `default_gateways.references`."""
    gateway: ResourceId
    source: ResourceId
    """The Gateway, or the ListenerSet: whose listeners are meant."""
    doors: tuple[str, ...] = ()
    """Names of the listeners it attaches to, in their order; empty when refused."""
    reason: str = "Accepted"
    """RouteConditionReason of Accepted, as far as the listeners decide."""
    message: str = ""


class Place(NamedTuple):
    """Where the index of placed routes keeps a route."""

    source: ResourceId
    """The Gateway or ListenerSet."""
    door: str
    hostname: str
    """One of the route's own hostnames, `*` when it has none."""


@query
def parents(read: Read, route: ResourceId) -> tuple[Parent, ...]:
    """One entry per parentRef that names a Gateway of ours or a ListenerSet of one, in the order written;
    then one for each default Gateway that the route asks for."""
    resource: AnyRoute = read.leaf(route)
    found = []
    for position, reference in enumerate(references(read, route, resource)):
        if reference.group == GATEWAY_GROUP and reference.kind in SOURCES:
            source = ResourceId(reference.kind, reference.namespace or route.namespace, reference.name)
            gateway = gateway_of(read, source) if source.kind == "Gateway" else parent(read, source)
            if gateway is not None:
                to = Parent(index=position, gateway=gateway, source=source)
                found.append(_attach(read, route, reference, to))
    return tuple(found)


def gateways(read: Read, route: ResourceId) -> tuple[ResourceId, ...]:
    """The Gateways whose proxies carry the route, sorted."""
    return tuple(sorted({one.gateway for one in parents(read, route) if one.doors}))


def own_hostnames(route: AnyRoute) -> tuple[str, ...]:
    """The hostnames of a route in lower case; `*` when it gives none, or is of a kind that knows none."""
    names = getattr(route.spec, "hostnames", ())
    return tuple(dict.fromkeys(name.lower() for name in names)) or (EVERY,)


def attached_doors(read: Read, route: ResourceId) -> Iterable[Door]:
    """The listeners a route is attached to, each once."""
    found: dict[tuple[ResourceId, str], Door] = {}
    for attached in parents(read, route):
        for one in doors(read, attached.source):
            if one.name in attached.doors:
                found[attached.source, one.name] = one
    return found.values()


def _attach(read: Read, route: ResourceId, reference: ParentReference, to: Parent) -> Parent:
    """Narrow the listeners step by step; the first step that leaves none names the reason."""

    def refused(reason: str, message: str) -> Parent:
        return replace(to, reason=reason, message=message)

    if gateway_of(read, to.source) is None:
        return refused("NoMatchingParent", f"{to.gateway} does not let {to.source} in")
    named = [one for one in doors(read, to.source) if _is_named(one, reference)]
    if not named:
        return refused("NoMatchingParent", f"{to.source} has no listener {_wanted(reference)}")
    valid = [one for one in named if one.fault is None]
    if not valid:
        reasons = "; ".join(f"{one.name}: {one.fault.message}" for one in named if one.fault is not None)
        return refused("NotAllowedByListeners", f"no valid listener: {reasons}")
    allowed = [one for one in valid if route.kind in one.kinds and _admits(read, one, route.namespace)]
    if not allowed:
        return refused("NotAllowedByListeners", f"no listener takes {route.kind}s from {route.namespace}")
    hostnames = own_hostnames(read.leaf(route))
    met = [one for one in allowed if any(intersect(one.hostname, name) for name in hostnames)]
    if not met:
        listening = ", ".join(sorted(one.hostname for one in allowed))
        return refused("NoMatchingListenerHostname", f"no hostname of the route is one of {listening}")
    return replace(to, doors=tuple(one.name for one in met))


def _is_named(one: Door, reference: ParentReference) -> bool:
    return reference.section_name in (None, one.name) and reference.port in (None, one.port)


def _wanted(reference: ParentReference) -> str:
    named = f" named {reference.section_name}" if reference.section_name else ""
    return f"{named} on port {reference.port}".strip() if reference.port else named.strip() or "at all"


def _admits(read: Read, one: Door, namespace: str) -> bool:
    wanted = one.namespaces
    return namespace_selected(read, wanted.from_, wanted.selector, one.source.namespace, namespace)


def _places(read: Read, route: ResourceId) -> Iterator[Place]:
    hostnames = own_hostnames(read.leaf(route))
    for one in attached_doors(read, route):
        for hostname in hostnames:
            if intersect(one.hostname, hostname):
                yield Place(one.source, one.name, hostname)


PLACED = index("placed routes", source=ROUTE_KINDS, emit=_places)
"""`Place` → the routes that have this hostname and are attached to this listener."""
