"""The status a ListenerSet should have: whether its Gateway has it, and each of its listeners'."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sekisho.engine import Read, index, query
from sekisho.model.listener_set import ListenerSet
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.conditions import Status, condition, sentence
from sekisho.translate.gateway.doors import doors
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listener_sets import gateway_of, parent
from sekisho.translate.gateway.listener_status import invalidity, listener_status, rejections, unserved
from sekisho.translate.gateway.openings import is_taken


class _Verdict(NamedTuple):
    """What is to be said of Accepted."""

    is_accepted: bool
    reason: str
    """ListenerSetConditionReason."""
    message: str = ""


@query
def listener_set_status(read: Read, listener_set: ResourceId) -> dict[str, Any] | None:
    """Everything but transition times; None where it names no Gateway of ours."""
    gateway = parent(read, listener_set)
    if gateway is None:
        return None
    resource: ListenerSet = read.leaf(listener_set)
    generation, found = resource.metadata.generation, _verdict(read, listener_set)
    status: Status = "True" if found.is_accepted else "False"
    return {
        "conditions": [
            condition("Accepted", status, found.reason, sentence(found.message), generation),
            _programmed(read, listener_set, gateway, found, generation),
        ],
        "listeners": [listener_status(read, listener_set, one.name) for one in doors(read, listener_set)],
    }


def attached_listener_sets(read: Read, gateway: ResourceId) -> int:
    """How many ListenerSets a Gateway has accepted."""
    return read.count(_ACCEPTED, gateway)


@query
def _verdict(read: Read, listener_set: ResourceId) -> _Verdict:
    """Accepted where at least one of its listeners can be served."""
    gateway = parent(read, listener_set)
    if gateway is None or gateway_of(read, listener_set) is None:
        return _Verdict(is_accepted=False, reason="NotAllowed", message=_NOT_LET_IN)
    found = admission(read, gateway)
    if found is None or found.reason != "Accepted":
        return _Verdict(is_accepted=False, reason="ParentNotAccepted", message=f"{gateway} is not accepted")
    own = doors(read, listener_set)
    wrong = {one.name: said for one in own if (said := unserved(read, one) or invalidity(read, one))}
    if not wrong:
        return _Verdict(is_accepted=True, reason="Accepted")
    any_good = any(not unserved(read, one) for one in own)
    told = "; ".join(f"listener {name}: {problem}" for name, problem in wrong.items())
    return _Verdict(is_accepted=any_good, reason="ListenersNotValid", message=told)


_NOT_LET_IN = "spec.allowedListeners of the Gateway does not name this namespace"


def _programmed(
    read: Read, listener_set: ResourceId, gateway: ResourceId, found: _Verdict, generation: int | None
) -> dict[str, Any]:
    def no(reason: str, message: str) -> dict[str, Any]:
        return condition("Programmed", "False", reason, sentence(message), generation)

    if not found.is_accepted:
        parent_fails = found.reason == "ParentNotAccepted"
        return no("ParentNotProgrammed" if parent_fails else found.reason, found.message)
    admitted = admission(read, gateway)
    if admitted is None or not admitted.addresses:
        return no("ParentNotProgrammed", f"{gateway} has no usable address")
    own = doors(read, listener_set)
    refused = {cause for one in own for cause in rejections(read, listener_set, one.name)}
    if refused:
        return no("PortUnavailable", "; ".join(sorted(refused)))
    if not all(is_taken(read, one) for one in own):
        return no("Pending", "waiting for a proxy to take the configuration")
    return condition("Programmed", "True", "Programmed", "", generation)


def _accepted_by(read: Read, listener_set: ResourceId) -> Iterator[ResourceId]:
    gateway = parent(read, listener_set)
    if gateway is not None and _verdict(read, listener_set).is_accepted:
        yield gateway


_ACCEPTED = index("accepted listener sets", source="ListenerSet", emit=_accepted_by)
"""Gateway → the ListenerSets it has accepted."""
