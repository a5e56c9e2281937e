"""The status a Gateway should have: its own conditions, its addresses, and each listener's."""

from collections.abc import Iterator
from typing import Any

from sekisho.engine import Read, index, query
from sekisho.model.gateway import Gateway
from sekisho.model.names import ResourceId
from sekisho.model.routes import ROUTE_KINDS
from sekisho.translate.facts import SYNCED, ProxyState
from sekisho.translate.gateway.attachment import attached_doors
from sekisho.translate.gateway.certificates import Presented, presented
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.gateway.gateways import Admission, admission
from sekisho.translate.gateway.listeners import Door, door, doors, overlaps, supported_kinds
from sekisho.translate.gateway.rejections import LISTENER_TYPE, NO_SUCH_ADDRESS, SECRET_TYPE, of_resource
from sekisho.translate.gateway.routes import plan
from sekisho.translate.gateway.sockets import socket_name


def _counted(read: Read, route: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    if not plan(read, route).is_void:
        for one in attached_doors(read, route):
            yield one.gateway, one.name


_ATTACHED = index("attached routes", source=ROUTE_KINDS, emit=_counted)


@query
def attached_routes(read: Read, gateway: ResourceId, listener: str) -> int:
    """How many routes are accepted on a listener: a size, so that an edit of one of them changes nothing."""
    return read.count(_ATTACHED, (gateway, listener))


@query
def rejections(read: Read, gateway: ResourceId, listener: str) -> tuple[str, ...]:
    """Why proxies refused the sockets or certificates of a listener, sorted; empty when they did not."""
    found, one = admission(read, gateway), door(read, gateway, listener)
    if found is None or one is None:
        return ()
    causes = {
        f"port {one.port}: {cause}"
        for address in found.addresses
        if (cause := of_resource(read, gateway, LISTENER_TYPE, socket_name(one, address)))
    }
    if one.ends_tls:
        for name in presented(read, gateway, listener).certificates:
            if cause := of_resource(read, gateway, SECRET_TYPE, name):
                causes.add(f"{name}: {cause}")
    return tuple(sorted(causes))


@query
def gateway_status(read: Read, gateway: ResourceId) -> dict[str, Any] | None:
    """Everything but transition times; None for a Gateway that is not ours."""
    found = admission(read, gateway)
    if found is None:
        return None
    resource: Gateway = read.leaf(gateway)
    return {
        "addresses": [{"type": "IPAddress", "value": address} for address in found.addresses],
        "conditions": [
            _accepted(read, resource, found),
            _programmed(read, resource, found),
        ],
        "listeners": [listener_status(read, gateway, one.name) for one in resource.spec.listeners],
    }


@query
def listener_status(read: Read, gateway: ResourceId, name: str) -> dict[str, Any]:
    """The status of one listener."""
    resource: Gateway = read.leaf(gateway)
    listener = next(one for one in resource.spec.listeners if one.name == name)
    one = door(read, gateway, name)
    if one is None:
        raise LookupError(f"{gateway} has no listener {name}")
    supported, unknown = supported_kinds(listener)
    generation = resource.metadata.generation
    said = [
        _listener_accepted(one, generation),
        _conflicted(one, generation),
        _resolved(read, one, unknown, generation),
        _listener_programmed(read, one, generation),
    ]
    overlapping = _overlapping(read, one, generation)
    return {
        "name": name,
        "supportedKinds": list(supported),
        "attachedRoutes": attached_routes(read, gateway, name),
        "conditions": said if overlapping is None else [*said, overlapping],
    }


def _accepted(read: Read, resource: Gateway, found: Admission) -> dict[str, Any]:
    generation = resource.metadata.generation
    if found.reason != "Accepted":
        return condition("Accepted", "False", found.reason, sentence(found.message), generation)
    wrong = {one.name: problem for one in doors(read, resource.id) if (problem := _invalidity(read, one))}
    if not wrong:
        return condition("Accepted", "True", "Accepted", "", generation)
    # True with this reason when others do serve (GatewayReasonListenersNotValid).
    any_good = any(one.fault is None for one in doors(read, resource.id))
    told = sentence("; ".join(f"listener {name}: {problem}" for name, problem in wrong.items()))
    return condition("Accepted", "True" if any_good else "False", "ListenersNotValid", told, generation)


def _programmed(read: Read, resource: Gateway, found: Admission) -> dict[str, Any]:
    generation = resource.metadata.generation

    def no(reason: str, message: str) -> dict[str, Any]:
        return condition("Programmed", "False", reason, sentence(message), generation)

    if found.reason != "Accepted":
        return no("Invalid", "the Gateway is not accepted")
    if found.unusable:
        return no("AddressNotUsable", f"{', '.join(found.unusable)} cannot be bound: not an IP address")
    if found.is_waiting:
        return no("AddressNotAssigned", "all addresses for Gateways are taken")
    if all(_closed(read, one) for one in doors(read, resource.id)):
        return no("Invalid", "no listener can be served")
    refused = {cause for one in doors(read, resource.id) for cause in rejections(read, resource.id, one.name)}
    if refused:
        unusable = any(NO_SUCH_ADDRESS in cause for cause in refused)
        return no("AddressNotUsable" if unusable else "Invalid", "; ".join(sorted(refused)))
    if read.leaf(ProxyState.of(resource.id)) != SYNCED:
        return no("Pending", "waiting for a proxy to take the configuration")
    return condition("Programmed", "True", "Programmed", "", generation)


def _listener_accepted(one: Door, generation: int | None) -> dict[str, Any]:
    if one.fault is None:
        return condition("Accepted", "True", "Accepted", "", generation)
    return condition("Accepted", "False", one.fault.reason, sentence(one.fault.message), generation)


def _conflicted(one: Door, generation: int | None) -> dict[str, Any]:
    if one.fault is None or not one.fault.is_conflict:
        return condition("Conflicted", "False", "NoConflicts", "", generation)
    return condition("Conflicted", "True", one.fault.reason, sentence(one.fault.message), generation)


def _resolved(read: Read, one: Door, unknown: tuple[str, ...], generation: int | None) -> dict[str, Any]:
    if unknown:
        told = sentence(f"allowedRoutes.kinds: {', '.join(unknown)} cannot attach here")
        return condition("ResolvedRefs", "False", "InvalidRouteKinds", told, generation)
    if one.ends_tls:
        found: Presented = presented(read, one.gateway, one.name)
        if found.problems:
            told = sentence("; ".join(problem.message for problem in found.problems))
            return condition("ResolvedRefs", "False", found.problems[0].reason, told, generation)
    return condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)


def _listener_programmed(read: Read, one: Door, generation: int | None) -> dict[str, Any]:
    if closed := _closed(read, one):
        return condition("Programmed", "False", "Invalid", sentence(closed), generation)
    if refused := rejections(read, one.gateway, one.name):
        return condition("Programmed", "False", "Invalid", sentence("; ".join(refused)), generation)
    if read.leaf(ProxyState.of(one.gateway)) != SYNCED:
        told = sentence("waiting for a proxy to take the configuration")
        return condition("Programmed", "False", "Pending", told, generation)
    return condition("Programmed", "True", "Programmed", "", generation)


def _closed(read: Read, one: Door) -> str:
    """Why the listener has no socket; empty when it should have one."""
    found = admission(read, one.gateway)
    if found is None or found.reason != "Accepted":
        return "the Gateway is not accepted"
    if one.fault is not None:
        return one.fault.message
    if one.ends_tls and not presented(read, one.gateway, one.name).certificates:
        return "there is no certificate to present"
    return "" if found.addresses else "there is no usable address"


def _invalidity(read: Read, one: Door) -> str:
    """What is wrong with the listener as written; empty when nothing is."""
    if one.fault is not None:
        return one.fault.message
    status = listener_status(read, one.gateway, one.name)
    unresolved = (said for said in status["conditions"] if said["type"] == "ResolvedRefs")
    return next((said["message"].rstrip(".") for said in unresolved if said["status"] == "False"), "")


def _overlapping(read: Read, one: Door, generation: int | None) -> dict[str, Any] | None:
    """Two TLS listeners share hosts: a client may reuse one's connection for the other (RFC 9113, 9.1.1)."""
    others = overlaps(doors(read, one.gateway), one)
    if not others:
        return None
    told = sentence(f"hostname overlaps with that of listener {', '.join(others)}")
    return condition("OverlappingTLSConfig", "True", "OverlappingHostnames", told, generation)
