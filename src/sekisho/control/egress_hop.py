"""The hop through a zone egress: where it is, and whether it lets a caller out."""

from sekisho import ir
from sekisho.control.departure import Departure
from sekisho.control.reception import arrival, failure_of, permission_rows, receive_at
from sekisho.control.rows import Row
from sekisho.engine import Read
from sekisho.ir.transport import ALPN_TCP
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.mesh.meshes import mesh_of_called
from sekisho.translate.zone.egress import egress_places, egresses
from sekisho.translate.zone.outlets import outlet, way_out_name


def egress_rows(read: Read, departing: Departure) -> tuple[list[Row], str]:
    """Steps, and what fails; empty where the caller is let out."""
    destination = departing.destination
    mesh = mesh_of_called(read, destination.resource)
    field = "spec.egress" if destination.kind == "ExternalService" else "spec.zoneEgress"
    wanted_by = Origin(ResourceId("Mesh", "", mesh), field)
    places = egress_places(read, mesh)
    if not places:
        return [Row("egress", "none", wanted_by, "there is no other way out")], "answered 503: no zone egress"
    found, failure = judged_at_egress(read, departing)
    names = ", ".join(str(one) for one in egresses(read, mesh))
    rows = [
        Row("egress", f"{one.address}:{one.port}", wanted_by, f"asks who goes out: {names}") for one in places
    ]
    return [*rows, *found], failure


def judged_at_egress(read: Read, departing: Departure) -> tuple[list[Row], str]:
    """Who decides there, and what fails. What goes to other zones is bytes to an egress."""
    destination, transport = departing.destination, departing.cluster.transport
    alpn, name, read_as = ALPN_TCP, "", None
    if destination.kind == "ExternalService" and isinstance(transport, ir.MeshTransport):
        alpn, name, read_as = transport.alpn, transport.server_name, departing.call
    arriving = arrival(departing.client, alpn, name or way_out_name(read, destination), read_as)
    found = receive_at(outlet(read, destination), arriving, shadow=departing.shadow)
    return list(permission_rows(found)), failure_of(found)
