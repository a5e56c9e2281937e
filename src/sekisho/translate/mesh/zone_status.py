"""What the statuses of ZoneServices and MultiZoneServices should say, each zone for itself."""

from typing import Any

from sekisho.engine import Read, query
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.conditions import condition, sentence
from sekisho.translate.mesh.destinations import addresses, destinations
from sekisho.translate.mesh.hostnames import hostnames
from sekisho.translate.mesh.meshes import mesh_of_called, zone
from sekisho.translate.mesh.multizone import matched
from sekisho.translate.mesh.multizone_way import placed_members
from sekisho.translate.mesh.rejections import refused
from sekisho.translate.mesh.status import rejected
from sekisho.translate.zone.egress import egress_places, is_through_egress
from sekisho.translate.zone.remote import doors, healthy_instances, is_open, remote_zone

Status = dict[str, Any]


def zone_service_status(read: Read, service: ResourceId) -> Status | None:
    """Its address and names here, and whether it can be called; none for what is of this zone itself."""
    if not mesh_of_called(read, service):
        return None
    generation = read.leaf(service).metadata.generation
    reason, told = _availability(read, service)
    return _status(read, service, [_available(reason, told, generation)])


def multi_zone_service_status(read: Read, service: ResourceId) -> Status | None:
    """Its address and names, what stands behind it, and whether any of that can be called."""
    if not mesh_of_called(read, service):
        return None
    generation, found = read.leaf(service).metadata.generation, matched(read, service)
    conditions = [
        _available(*_availability_of_any(read, service), generation),
        condition("ResolvedRefs", "True", "ResolvedRefs", "", generation),
    ]
    members = [_member(read, one) for one in found]
    return {**_status(read, service, conditions), "matched": members}


def _status(read: Read, service: ResourceId, conditions: list[Status]) -> Status:
    generation = read.leaf(service).metadata.generation
    virtual = addresses(read, service, "")
    if virtual:
        accepted = condition("Accepted", "True", "Accepted", "", generation)
    else:
        told = "No virtual address is free for it."
        accepted = condition("Accepted", "False", "AddressNotAvailable", told, generation)
    refusals = refused(read, service)
    return {
        **({"vip": {"ip": virtual[0]}} if virtual else {}),
        "addresses": [{"hostname": hostname} for hostname in hostnames(read, service)],
        "conditions": [accepted, *conditions, *([rejected(refusals, generation)] if refusals else [])],
    }


def _available(reason: str, told: str, generation: int | None) -> Status:
    return condition("Available", "False" if told else "True", reason, told and sentence(told), generation)


@query
def _availability(read: Read, service: ResourceId) -> tuple[str, str]:
    """Reason and, where it cannot be called, why; so that one instance more or less moves nothing."""
    there = remote_zone(read, service)
    if not is_open(read, there):
        return "ZoneDisabled", f"zone {there} is disabled, or gone"
    if not doors(read, there):
        return "NoIngress", f"zone {there} has no ingress that is ready"
    if is_through_egress(read, service) and not egress_places(read, mesh_of_called(read, service)):
        return "NoEgress", "the mesh has one way out, and there is no zone egress"
    if not any(healthy_instances(read, service, port.port) for port in destinations(read, service)):
        return "NoInstances", f"no instance in zone {there} takes requests"
    return "Available", ""


@query
def _availability_of_any(read: Read, service: ResourceId) -> tuple[str, str]:
    if not matched(read, service):
        return "NothingMatched", "no Service and no ZoneService of its namespace has these labels"
    if not any(next(placed_members(read, port), None) for port in destinations(read, service)):
        return "NoInstances", "no instance takes requests in any zone"
    return "Available", ""


def _member(read: Read, member: ResourceId) -> Status:
    there = remote_zone(read, member) if member.kind == "ZoneService" else zone(read)
    return {"kind": member.kind, "name": member.name, "zone": there}
