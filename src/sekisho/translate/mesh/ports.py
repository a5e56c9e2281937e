"""Ports of a Service as the mesh sees them: their instances' port, and what is spoken there."""

from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.core import Service, ServicePort
from sekisho.model.names import ResourceId
from sekisho.model.workload import Workload
from sekisho.translate.gateway.backend_tls import policy_of

_BY_APPLICATION_PROTOCOL = {
    "http": ir.Protocol.HTTP1,
    "http2": ir.Protocol.H2C,
    "h2c": ir.Protocol.H2C,
    "grpc": ir.Protocol.GRPC,
    "kubernetes.io/h2c": ir.Protocol.H2C,
    "kubernetes.io/ws": ir.Protocol.WEBSOCKET,
}
"""By `appProtocol` (GEP-1911). All others are bytes that are not looked into, TLS of the application too."""
_BY_NAME = {
    "http": ir.Protocol.HTTP1,
    "http2": ir.Protocol.H2C,
    "h2c": ir.Protocol.H2C,
    "grpc": ir.Protocol.GRPC,
    "ws": ir.Protocol.WEBSOCKET,
}
"""By the port's name up to the first dash (`http-admin`), as Istio reads it."""


class Port(NamedTuple):
    """One port of a Service."""

    number: int
    name: str
    """Empty for an unnamed port."""
    target: int | str
    """Port of the instances, by number or name."""
    protocol: ir.Protocol
    """As declared; TCP where nothing is, and where a BackendTLSPolicy says that instances speak TLS."""
    application: str = ""
    """`appProtocol` as written, which means more to Gateways; empty for none."""


@query
def service_ports(read: Read, service: ResourceId) -> tuple[Port, ...]:
    """The TCP ports of a Service, in the order written; none for one that does not exist, or is a mere name
    for something elsewhere (ExternalName)."""
    return tuple(
        Port(
            number=port.port,
            name=port.name or "",
            target=port.target_port or port.port,
            protocol=_protocol(read, service, port),
            application=port.app_protocol or "",
        )
        for port in _written(read, service, "TCP")
    )


@query
def datagram_port(read: Read, service: ResourceId, number: int) -> Port | None:
    """One UDP port by number. What its datagrams are is nobody's business."""
    for port in _written(read, service, "UDP"):
        if port.port == number:
            return Port(number, port.name or "", port.target_port or number, ir.Protocol.TCP)
    return None


def _written(read: Read, service: ResourceId, carried_by: str) -> list[ServicePort]:
    resource: Service | None = read.leaf(service)
    if resource is None or resource.spec.type == "ExternalName":
        return []
    return [port for port in resource.spec.ports if port.protocol == carried_by]


def _protocol(read: Read, service: ResourceId, port: ServicePort) -> ir.Protocol:
    if policy_of(read, service, port.name or "") is not None:
        return ir.Protocol.TCP
    return declared_protocol(port.app_protocol, port.name)


def service_port(read: Read, service: ResourceId, number: int) -> Port | None:
    """One port by number."""
    return next((port for port in service_ports(read, service) if port.number == number), None)


@query
def is_headless(read: Read, service: ResourceId) -> bool:
    """Whether its name means the addresses of its instances (`clusterIP: None`)."""
    resource: Service | None = read.leaf(service)
    return resource is not None and resource.spec.cluster_ip == "None"


@query
def virtual_address(read: Read, service: ResourceId) -> str:
    """Its IPv4 address; empty for none."""
    resource: Service | None = read.leaf(service)
    if resource is None or resource.spec.type == "ExternalName":
        return ""
    address = resource.spec.cluster_ip or ""
    return "" if address == "None" or ":" in address else address


def target_number(workload: Workload, target: int | str, protocol: str = "TCP") -> int:
    """The port of an instance that a Service's port leads to: a number is taken as it is, as for a Pod; a
    name is looked up; 0 when the Workload has no such port."""
    if isinstance(target, int):
        return target
    named = (port.port for port in workload.spec.ports if port.name == target and port.protocol == protocol)
    return next(named, 0)


def declared_protocol(application: str | None, name: str | None) -> ir.Protocol:
    """What is spoken: by `appProtocol`, else by the port's name, else TCP."""
    if application:
        return _BY_APPLICATION_PROTOCOL.get(application, ir.Protocol.TCP)
    return _BY_NAME.get((name or "").partition("-")[0], ir.Protocol.TCP)


def is_http(protocol: ir.Protocol) -> bool:
    """Whether a proxy can read requests in it."""
    return protocol is not ir.Protocol.TCP
