"""The status a Gateway should have: its own conditions, its addresses, and each of its own listeners'."""

from typing import Any

from sekisho.engine import Read, query
from sekisho.model.gateway import Gateway
from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, ProxyState
from sekisho.translate.gateway.callers import INSECURE, lets_anybody_in
from sekisho.translate.gateway.certificates import Unusable
from sekisho.translate.gateway.client_certificate import client_certificate
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.gateway.doors import doors
from sekisho.translate.gateway.gateways import Admission, admission
from sekisho.translate.gateway.listener_set_status import attached_listener_sets
from sekisho.translate.gateway.listener_status import (
    closed,
    invalidity,
    listener_status,
    rejections,
    unresolved,
)
from sekisho.translate.gateway.openings import is_taken
from sekisho.translate.gateway.ports import open_ports
from sekisho.translate.gateway.rejections import NO_SUCH_ADDRESS


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
            _resolved(read, resource),
            *_insecure(resource),
        ],
        "listeners": [listener_status(read, gateway, one.name) for one in resource.spec.listeners],
        "attachedListenerSets": attached_listener_sets(read, gateway),
    }


def _accepted(read: Read, resource: Gateway, found: Admission) -> dict[str, Any]:
    generation = resource.metadata.generation
    if found.reason != "Accepted":
        return condition("Accepted", "False", found.reason, sentence(found.message), generation)
    wrong = {one.name: problem for one in doors(read, resource.id) if (problem := invalidity(read, one))}
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
    if all(closed(read, one) for one in doors(read, resource.id)) and not open_ports(read, resource.id):
        return no("Invalid", "no listener can be served")
    refused = {cause for one in doors(read, resource.id) for cause in rejections(read, resource.id, one.name)}
    if refused:
        unusable = any(NO_SUCH_ADDRESS in cause for cause in refused)
        return no("AddressNotUsable" if unusable else "Invalid", "; ".join(sorted(refused)))
    is_known = read.leaf(ProxyState.of(resource.id)) == SYNCED
    if not is_known or not all(is_taken(read, one) for one in doors(read, resource.id)):
        return no("Pending", "waiting for a proxy to take the configuration")
    return condition("Programmed", "True", "Programmed", "", generation)


def _resolved(read: Read, resource: Gateway) -> dict[str, Any]:
    """Its own references, then in sum those of its listeners; neither says anything about Accepted."""
    generation = resource.metadata.generation
    shown = client_certificate(read, resource.id)
    if isinstance(shown, Unusable):
        return condition("ResolvedRefs", "False", shown.reason, sentence(shown.message), generation)
    broken = [one.name for one in doors(read, resource.id) if unresolved(read, one)]
    if broken:
        told = sentence(f"see listener {', '.join(broken)}")
        return condition("ResolvedRefs", "False", "ListenersNotResolved", told, generation)
    return condition("ResolvedRefs", "True", "ResolvedRefs", "", generation)


def _insecure(resource: Gateway) -> tuple[dict[str, Any], ...]:
    """There only while it holds."""
    if not lets_anybody_in(resource):
        return ()
    told = sentence(f"mode {INSECURE} lets in callers without a valid certificate")
    generation = resource.metadata.generation
    return (condition("InsecureFrontendValidationMode", "True", "ConfigurationChanged", told, generation),)
