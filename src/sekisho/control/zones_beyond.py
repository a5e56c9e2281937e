"""The way on into other zones, as far as this control plane knows it: by their records."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from sekisho import ir
from sekisho.control.rows import Row, counted
from sekisho.engine import Read
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.mesh.multizone import members
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.zone.remote import doors, healthy_instances, is_open, remote_zone


def zone_rows(read: Read, destination: Destination) -> Iterator[Row]:
    """The zone of a ZoneService, who takes requests there, and where it lets us in."""
    record = destination.resource
    name = remote_zone(read, record)
    if not is_open(read, name):
        yield Row(
            "zone",
            name,
            Origin(ResourceId("Zone", "", name)),
            "closed: there is no such zone, or it is disabled",
        )
        return
    number = healthy_instances(read, record, destination.port)
    take = "takes" if number == 1 else "take"
    yield Row("zone", name, Origin(record), f"{counted(number, 'instance')} there {take} requests")
    found = doors(read, name)
    for door in found:
        yield Row("ingress", f"{door.address}:{door.port}", None, "passes it on by server name, unopened")
    if not found:
        yield Row("ingress", "none", None, f"zone {name} has no ingress that is ready")
    elif number:
        yield Row("permission", "asked there", None, f"`sekisho permissions --zone {name}` says what it is")


def of_members(
    read: Read, cluster: ir.Cluster, destination: Destination
) -> Iterator[tuple[Destination, ir.Cluster]]:
    """What stands behind a MultiZoneService, each with the way to it alone."""
    ways: Mapping[str, ir.MeshTransport] = {}
    if isinstance(cluster.transport, ir.MembersTransport):
        ways = dict(cluster.transport.members)
    for member in members(read, destination):
        name = cluster_name(member)
        yield member, replace(cluster, name=name, transport=ways.get(name), origin=member.origin)
