"""What is said of one listener, of a Gateway or a ListenerSet: conditions, kinds of routes, and how many."""

from collections.abc import Iterator
from typing import Any

from sekisho.engine import Read, index, query
from sekisho.model.gateway import Gateway, Listener
from sekisho.model.listener_set import ListenerSet
from sekisho.model.names import ResourceId
from sekisho.model.routes import ROUTE_KINDS
from sekisho.translate.gateway.attachment import attached_doors
from sekisho.translate.gateway.callers import believed
from sekisho.translate.gateway.certificates import Presented, Unusable, presented
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.gateway.doors import door, overlaps
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listeners import Door, supported_kinds
from sekisho.translate.gateway.openings import is_taken
from sekisho.translate.gateway.rejections import LISTENER_TYPE, SECRET_TYPE, of_resource
from sekisho.translate.gateway.routes import plan
from sekisho.translate.gateway.sockets import socket_name


def _counted(read: Read, route: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    if not plan(read, route).is_void:
        for one in attached_doors(read, route):
            yield one.source, one.name


_ATTACHED = index("attached routes", source=ROUTE_KINDS, emit=_counted)


@query
def attached_routes(read: Read, source: ResourceId, listener: str) -> int:
    """How many routes are accepted on a listener: a size, so that an edit of one of them changes nothing."""
    return read.count(_ATTACHED, (source, listener))


@query
def rejections(read: Read, source: ResourceId, listener: str) -> tuple[str, ...]:
    """Why proxies refused the sockets or certificates of a listener, sorted; empty when they did not."""
    one = door(read, source, listener)
    found = None if one is None else admission(read, one.gateway)
    if found is None or one is None:
        return ()
    causes = {
        f"port {one.port}: {cause}"
        for address in found.addresses
        if (cause := of_resource(read, one.gateway, LISTENER_TYPE, socket_name(one, address)))
    }
    if one.ends_tls:
        for name in presented(read, source, listener).certificates:
            if cause := of_resource(read, one.gateway, SECRET_TYPE, name):
                causes.add(f"{name}: {cause}")
    return tuple(sorted(causes))


@query
def listener_status(read: Read, source: ResourceId, name: str) -> dict[str, Any]:
    """The status of one listener."""
    resource: Gateway | ListenerSet = read.leaf(source)
    listener = next(one for one in resource.spec.listeners if one.name == name)
    one = door(read, source, name)
    if one is None:
        raise LookupError(f"{source} has no listener {name}")
    generation = resource.metadata.generation
    said = [
        _accepted(one, generation),
        _conflicted(one, generation),
        _resolved(read, one, listener, generation),
        _programmed(read, one, generation),
    ]
    overlapping = _overlapping(read, one, generation)
    return {
        "name": name,
        "supportedKinds": list(supported_kinds(listener)[0]),
        "attachedRoutes": attached_routes(read, source, name),
        "conditions": said if overlapping is None else [*said, overlapping],
    }


def closed(read: Read, one: Door) -> str:
    """Why the listener has no socket; empty when it should have one."""
    found = admission(read, one.gateway)
    if found is None or found.reason != "Accepted":
        return "the Gateway is not accepted"
    if problem := unserved(read, one):
        return problem
    return "" if found.addresses else "there is no usable address"


def unserved(read: Read, one: Door) -> str:
    """Why the listener would have no socket at any address; empty when it would."""
    if one.fault is not None:
        return one.fault.message
    if one.ends_tls and not presented(read, one.source, one.name).certificates:
        return "there is no certificate to present"
    return ""


def invalidity(read: Read, one: Door) -> str:
    """What is wrong with the listener as written; empty when nothing is."""
    return one.fault.message if one.fault is not None else unresolved(read, one)


def unresolved(read: Read, one: Door) -> str:
    """Which of its references lead nowhere; empty when all are resolved."""
    status = listener_status(read, one.source, one.name)
    found = (said for said in status["conditions"] if said["type"] == "ResolvedRefs")
    return next((said["message"].rstrip(".") for said in found if said["status"] == "False"), "")


def _accepted(one: Door, generation: int | None) -> dict[str, Any]:
    if one.fault is None:
        return condition("Accepted", "True", "Accepted", "", generation)
    return condition("Accepted", "False", one.fault.reason, sentence(one.fault.message), generation)


def _conflicted(one: Door, generation: int | None) -> dict[str, Any]:
    if one.fault is None or not one.fault.is_conflict:
        return condition("Conflicted", "False", "NoConflicts", "", generation)
    return condition("Conflicted", "True", one.fault.reason, sentence(one.fault.message), generation)


def _resolved(read: Read, one: Door, listener: Listener, generation: int | None) -> dict[str, Any]:
    _, unknown = supported_kinds(listener)
    if unknown:
        told = sentence(f"allowedRoutes.kinds: {', '.join(unknown)} cannot attach here")
        return condition("ResolvedRefs", "False", "InvalidRouteKinds", told, generation)
    problems = _problems(read, one)
    if problems:
        told = sentence("; ".join(problem.message for problem in problems))
        return condition("ResolvedRefs", "False", problems[0].reason, told, generation)
    return condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)


def _problems(read: Read, one: Door) -> tuple[Unusable, ...]:
    """What is wrong with its certificates, then with the authorities of its callers."""
    problems: tuple[Unusable, ...] = ()
    if one.ends_tls:
        found: Presented = presented(read, one.source, one.name)
        problems = found.problems
    if one.scheme == "https" and (callers := believed(read, one.gateway, one.port)) is not None:
        problems += callers.problems
    return problems


def _programmed(read: Read, one: Door, generation: int | None) -> dict[str, Any]:
    if why := closed(read, one):
        # ListenerSets say the conflict here too (conformance suite, ListenerSetHostnameConflict).
        is_lost = one.source != one.gateway and one.fault is not None and one.fault.is_conflict
        reason = one.fault.reason if is_lost and one.fault is not None else "Invalid"
        return condition("Programmed", "False", reason, sentence(why), generation)
    if refused := rejections(read, one.source, one.name):
        return condition("Programmed", "False", "Invalid", sentence("; ".join(refused)), generation)
    if not is_taken(read, one):
        told = sentence("waiting for a proxy to take the configuration")
        return condition("Programmed", "False", "Pending", told, generation)
    return condition("Programmed", "True", "Programmed", "", generation)


def _overlapping(read: Read, one: Door, generation: int | None) -> dict[str, Any] | None:
    """Two TLS listeners share hosts: a client may reuse one's connection for the other (RFC 9113, 9.1.1)."""
    others = overlaps(read, one)
    if not others:
        return None
    told = sentence(f"hostname overlaps with that of listener {', '.join(others)}")
    return condition("OverlappingTLSConfig", "True", "OverlappingHostnames", told, generation)
