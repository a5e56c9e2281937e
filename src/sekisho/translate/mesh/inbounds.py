"""The ports of a workload as others call them through its sidecar."""

from collections.abc import Iterable, Iterator

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.ir.callers import Permissions
from sekisho.ir.sidecar import CapturedInbound, Inbound
from sekisho.model.names import Origin, ResourceId
from sekisho.model.workload import Workload
from sekisho.translate.gateway.gateways import normal_address
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.attachment import spoken_by_routes
from sekisho.translate.mesh.instances import is_meshed, services
from sekisho.translate.mesh.meshes import mesh_of, mesh_spec
from sekisho.translate.mesh.mutual_tls import mutual_tls
from sekisho.translate.mesh.names import inbound_name, port_field
from sekisho.translate.mesh.ports import declared_protocol, is_http, service_ports, target_number

CAPTURED_NAME = "inbound"
LOOPBACK = "127.0.0.1"
_BY_WEIGHT = tuple(ir.Protocol)
"""Of several protocols said for one port, the first of these counts; TCP is the last."""


@query
def inbound_ports(read: Read, workload: ResourceId) -> tuple[int, ...]:
    """The port numbers others may call, sorted: its own, and those that Services lead to."""
    if not is_meshed(read, workload):
        return ()
    resource: Workload = read.leaf(workload)
    own = {port.port for port in resource.spec.ports if port.protocol == "TCP"}
    led = {
        target_number(resource, port.target)
        for service in services(read, workload)
        for port in service_ports(read, service)
    }
    return tuple(sorted((own | led) - {0}))


@query
def inbound(read: Read, workload: ResourceId, port: int) -> Inbound:
    """One port, with all that policies say about it."""
    resource: Workload = read.leaf(workload)
    spec = resource.spec
    own = next((one for one in spec.ports if one.port == port and one.protocol == "TCP"), None)
    bound = spec.sidecar is None or spec.sidecar.capture == "None"
    address = normal_address(spec.address) or spec.address
    protocol = _protocol(read, workload, port)
    inspected = mesh_spec(read, mesh_of(read, workload.namespace)).inspection == "Always"
    plain = Inbound(
        name=inbound_name(port),
        address=address,
        port=port,
        bound=bound,
        transparent=spec.sidecar is not None and spec.sidecar.capture == "TransparentProxy",
        target_address=spec.app_address or (LOOPBACK if bound else address),
        target_port=(own.target_port if own is not None else None) or port,
        protocol=protocol,
        tls=mutual_tls(read, workload, port, (own.name if own is not None else None) or ""),
        inspected=inspected and is_http(protocol),
        permissions=Permissions(),
        origin=Origin(workload, port_field(port)),
    )
    return effective.inbound_with_policies(read, workload, plain)


def inbounds(read: Read, workload: ResourceId) -> Iterable[Inbound]:
    """All ports of a workload; none where it has no sidecar."""
    return (inbound(read, workload, port) for port in inbound_ports(read, workload))


def _protocol(read: Read, workload: ResourceId, number: int) -> ir.Protocol:
    """As the Services say that lead there, else as the Workload says; a route makes it HTTP."""
    resource: Workload = read.leaf(workload)
    said = {
        declared_protocol(own.app_protocol, own.name) for own in resource.spec.ports if own.port == number
    }
    by_services = set()
    for service in services(read, workload):
        for port in service_ports(read, service):
            if target_number(resource, port.target) == number:
                routed = spoken_by_routes(read, service, port.number)
                by_services.add(port.protocol if is_http(port.protocol) else routed)
    if any(is_http(protocol) for protocol in by_services) or not said:
        said = by_services
    return min(said, key=_BY_WEIGHT.index, default=ir.Protocol.TCP)


def _inbounds(read: Read, workload: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    for port in inbound_ports(read, workload):
        yield workload, inbound_name(port)


def _inbound(read: Read, key: tuple[ResourceId, str]) -> Inbound:
    workload, name = key
    return inbound(read, workload, int(name.rpartition("/")[2]))


def _captured(read: Read, workload: ResourceId) -> CapturedInbound | None:
    sidecar = read.leaf(workload).spec.sidecar
    if not is_meshed(read, workload) or sidecar.capture == "None":
        return None
    transparent = sidecar.capture == "TransparentProxy"
    return CapturedInbound(transparent=transparent, origin=Origin(workload, "spec.sidecar.capture"))


_INBOUND_PORTS = index("inbound ports", source="Workload", emit=_inbounds)

INBOUNDS = output("inbounds", source=_INBOUND_PORTS, build=_inbound)
"""(workload, `inbound/<port>`) → `ir.Inbound`."""

CAPTURED_INBOUNDS = output("captured inbounds", source="Workload", build=_captured)
"""Workload → `ir.CapturedInbound`; none where nothing is captured."""
