"""The hop through a zone egress: where it is, and whether it lets a caller out."""

from sekisho import ir
from sekisho.control.clients import Client
from sekisho.control.reception import arrival, failure_of, permission_rows, receive_at
from sekisho.control.rows import Row
from sekisho.engine import Read
from sekisho.ir.calls import Call
from sekisho.ir.transport import ALPN_TCP
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.mesh.meshes import mesh_of_called
from sekisho.translate.mesh.names import Destination
from sekisho.translate.zone.egress import egress_places, egresses
from sekisho.translate.zone.outlets import outlet, way_out_name


def egress_rows(
    read: Read,
    client: Client,
    cluster: ir.Cluster,
    destination: Destination,
    call: Call | None,
    *,
    shadow: bool,
) -> tuple[list[Row], str]:
    """Steps, and what fails; empty where the caller is let out."""
    mesh = mesh_of_called(read, destination.resource)
    field = "spec.egress" if destination.kind == "ExternalService" else "spec.zoneEgress"
    wanted_by = Origin(ResourceId("Mesh", "", mesh), field)
    places = egress_places(read, mesh)
    if not places:
        return [Row("egress", "none", wanted_by, "there is no other way out")], "answered 503: no zone egress"
    found, failure = judged_at_egress(read, client, cluster, destination, call, shadow=shadow)
    names = ", ".join(str(one) for one in egresses(read, mesh))
    rows = [
        Row("egress", f"{one.address}:{one.port}", wanted_by, f"asks who goes out: {names}") for one in places
    ]
    return [*rows, *found], failure


def judged_at_egress(
    read: Read,
    client: Client,
    cluster: ir.Cluster,
    destination: Destination,
    call: Call | None,
    *,
    shadow: bool,
) -> tuple[list[Row], str]:
    """Who decides there, and what fails. What goes to other zones is bytes to an egress."""
    alpn, name, read_as = ALPN_TCP, "", None
    if destination.kind == "ExternalService" and isinstance(cluster.transport, ir.MeshTransport):
        alpn, name, read_as = cluster.transport.alpn, cluster.transport.server_name, call
    arriving = arrival(client, alpn, name or way_out_name(read, destination), read_as)
    found = receive_at(outlet(read, destination), arriving, shadow=shadow)
    return list(permission_rows(found)), failure_of(found)
