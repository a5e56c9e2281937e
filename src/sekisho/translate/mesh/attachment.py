"""Routes whose parent is a Service (GAMMA): for which of its ports, and for whose requests.

In the namespace of the Service they are its *producer's* and hold for all clients; from another namespace
they are a *consumer's* and hold for the clients of that namespace, in place of the producer's (GEP-1324).
Of routes of several kinds on one port those of one kind count (GEP-1294, Route precedence).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.model.names import ResourceId
from sekisho.model.routes import ParentReference
from sekisho.translate.gateway.attachment import AnyRoute
from sekisho.translate.mesh.meshes import mesh_of
from sekisho.translate.mesh.ports import is_headless, service_ports

_FOR_REQUESTS = ("GRPCRoute", "HTTPRoute")
_FOR_BYTES = ("TLSRoute", "TCPRoute")
PRECEDENCE = (*_FOR_REQUESTS, *_FOR_BYTES)
"""Kinds that may have a Service as parent; of several on one port the first counts."""
_NO_ROUTES: frozenset[ResourceId] = frozenset()


class ServiceParent(Struct, frozen=True, kw_only=True, gc=False):
    """What came of one declared parentRef to a Service of a mesh."""

    index: int
    """Position in `spec.parentRefs`."""
    service: ResourceId
    ports: tuple[int, ...] = ()
    """Those it attaches to; none when refused."""
    reason: str = "Accepted"
    """RouteConditionReason of Accepted, as far as the Service decides."""
    message: str = ""


class Frontend(NamedTuple):
    """One port of a Service, as some clients meet it."""

    service: ResourceId
    port: int
    consumer: str
    """The namespace whose clients are meant; empty for everybody."""


@query
def service_parents(read: Read, route: ResourceId) -> tuple[ServiceParent, ...]:
    """One entry per declared parentRef that names a Service in a mesh, in the order written."""
    resource: AnyRoute = read.leaf(route)
    found = []
    if route.kind not in PRECEDENCE:
        return ()
    for position, reference in enumerate(resource.spec.parent_refs):
        if (reference.group, reference.kind) == ("", "Service"):
            service = ResourceId("Service", reference.namespace or route.namespace, reference.name)
            if mesh_of(read, service.namespace):
                found.append(_attach(read, position, service, reference))
    return tuple(found)


def routes(read: Read, service: ResourceId, port: int, client: str) -> frozenset[ResourceId]:
    """The routes that hold for clients of a namespace (empty: of one that has none of its own)."""
    attached = _winners(read, service)
    own = attached.get(Frontend(service, port, client)) if client else None
    return own or attached.get(Frontend(service, port, ""), _NO_ROUTES)


@query
def _winners(read: Read, service: ResourceId) -> Mapping[Frontend, frozenset[ResourceId]]:
    """Of all that is attached to a Service, what is of the kind that counts. For all clients at once: most
    Services have no routes."""
    return {
        frontend: _of_one_kind(read.bucket(_ATTACHED, frontend)) for frontend in read.bucket(_AT, service)
    }


def _of_one_kind(attached: frozenset[ResourceId]) -> frozenset[ResourceId]:
    first = min(PRECEDENCE.index(route.kind) for route in attached)
    return frozenset(route for route in attached if route.kind == PRECEDENCE[first])


def is_beaten(read: Read, route: ResourceId, parent: ServiceParent) -> bool:
    """Whether routes of another kind count at every port the route is attached to."""
    frontends = tuple(_frontends_of(route, parent))
    winners = _winners(read, parent.service)
    return bool(frontends) and not any(route in winners.get(one, _NO_ROUTES) for one in frontends)


def is_routed(read: Read, service: ResourceId, port: int) -> bool:
    """Whether any route for requests is attached, for whomever: then the port speaks HTTP."""
    return read.count(_ROUTED, (service, port)) > 0


def passes_bytes(read: Read, service: ResourceId, port: int, client: str) -> bool:
    """Whether routes say where the bytes go that clients of a namespace send, whatever is spoken."""
    return any(route.kind in _FOR_BYTES for route in routes(read, service, port, client))


def may_pass_bytes(read: Read, service: ResourceId, port: int) -> bool:
    """Whether they say so for clients of any namespace."""
    return any(
        frontend.port == port and any(route.kind in _FOR_BYTES for route in attached)
        for frontend, attached in _winners(read, service).items()
    )


def spoken_by_routes(read: Read, service: ResourceId, port: int) -> ir.Protocol:
    """What routes make of a port that says nothing of itself: HTTP, or gRPC where calls are routed."""
    if read.count(_CALLED, (service, port)):
        return ir.Protocol.GRPC
    return ir.Protocol.HTTP1 if is_routed(read, service, port) else ir.Protocol.TCP


@query
def routed_services(read: Read, mesh: str) -> frozenset[ResourceId]:
    """The Services of a mesh that any route is attached to."""
    return frozenset(frontend.service for frontend in read.bucket(_OF_MESH, mesh))


def has_consumer_routes(read: Read, namespace: str) -> bool:
    """Whether clients of this namespace have routes of their own to some Service."""
    return read.count(_CONSUMERS, namespace) > 0


def _attach(read: Read, position: int, service: ResourceId, reference: ParentReference) -> ServiceParent:
    def refused(reason: str, message: str) -> ServiceParent:
        return ServiceParent(index=position, service=service, reason=reason, message=message)

    if is_headless(read, service):
        return refused("NoMatchingParent", f"{service} is headless: it has no address to route by")
    ports = tuple(
        port.number
        for port in service_ports(read, service)
        if reference.port in (None, port.number) and reference.section_name in (None, port.name)
    )
    if not ports:
        return refused("NoMatchingParent", f"{service} has no TCP port {_wanted(reference)}")
    return ServiceParent(index=position, service=service, ports=ports)


def _wanted(reference: ParentReference) -> str:
    named = [f"named {reference.section_name}"] if reference.section_name else []
    numbered = [str(reference.port)] if reference.port else []
    return " ".join([*numbered, *named]) or "at all"


def _frontends(read: Read, route: ResourceId) -> Iterator[Frontend]:
    for parent in service_parents(read, route):
        yield from _frontends_of(route, parent)


def _frontends_of(route: ResourceId, parent: ServiceParent) -> Iterator[Frontend]:
    consumer = "" if parent.service.namespace == route.namespace else route.namespace
    for port in parent.ports:
        yield Frontend(parent.service, port, consumer)


def _service(_: Read, frontend: Frontend) -> tuple[ResourceId, ...]:
    return (frontend.service,)


def _consumer(_: Read, frontend: Frontend) -> tuple[str, ...]:
    return (frontend.consumer,) if frontend.consumer else ()


def _asked_port(read: Read, frontend: Frontend) -> tuple[tuple[ResourceId, int], ...]:
    return _port_of(read, frontend, _FOR_REQUESTS)


def _called_port(read: Read, frontend: Frontend) -> tuple[tuple[ResourceId, int], ...]:
    return _port_of(read, frontend, ("GRPCRoute",))


def _port_of(read: Read, frontend: Frontend, kinds: tuple[str, ...]) -> tuple[tuple[ResourceId, int], ...]:
    """Where routes of these kinds are attached."""
    attached = any(route.kind in kinds for route in read.bucket(_ATTACHED, frontend))
    return ((frontend.service, frontend.port),) if attached else ()


def _mesh(read: Read, frontend: Frontend) -> tuple[str, ...]:
    return (mesh_of(read, frontend.service.namespace),)


_ATTACHED = index("service routes", source=PRECEDENCE, emit=_frontends)
"""`Frontend` → the routes attached there."""

_AT = index("frontends of services", source=_ATTACHED, emit=_service)
"""Service → `Frontend`."""

_CONSUMERS = index("namespaces with consumer routes", source=_ATTACHED, emit=_consumer)
_CALLED = index("service ports of calls", source=_ATTACHED, emit=_called_port)
_ROUTED = index("routed service ports", source=_ATTACHED, emit=_asked_port)
_OF_MESH = index("service routes by mesh", source=_ATTACHED, emit=_mesh)
