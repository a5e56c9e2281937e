"""What members of a mesh can call, here, in other zones and outside: with their ports and addresses."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.endpoints import endpoints
from sekisho.translate.gateway.xbackends import xbackend_port
from sekisho.translate.mesh.attachment import spoken_by_routes
from sekisho.translate.mesh.external import external_address, external_port
from sekisho.translate.mesh.meshes import mesh_of_called
from sekisho.translate.mesh.multizone import multi_port, multi_ports
from sekisho.translate.mesh.names import Destination, cluster_name, ipv6_address, outbound_address
from sekisho.translate.mesh.ports import is_headless, is_http, service_port, service_ports, virtual_address
from sekisho.translate.zone.remote import remote_port, remote_ports

CALLED_KINDS = ("Service", "ExternalService", "ZoneService", "MultiZoneService")
"""Kinds of what can be called."""


@query
def destinations(read: Read, resource: ResourceId) -> tuple[Destination, ...]:
    """The ports of something that can be called."""
    return tuple(Destination(*resource, number) for number in _numbers(read, resource))


def _numbers(read: Read, resource: ResourceId) -> Iterator[int]:
    if resource.kind == "Service":
        yield from (port.number for port in service_ports(read, resource))
    elif resource.kind == "ZoneService":
        yield from (port.number for port in remote_ports(read, resource))
    elif resource.kind == "MultiZoneService":
        yield from (port.number for port in multi_ports(read, resource))
    elif found := external_port(read, resource):
        yield found[0]


@query
def spoken(read: Read, destination: Destination) -> ir.Protocol:
    """What is spoken at a port: as declared, and HTTP where a route is attached."""
    service = destination.resource
    if destination.kind == "Service":
        port = service_port(read, service, destination.port)
        declared = ir.Protocol.TCP if port is None else port.protocol
    elif destination.kind == "ZoneService":
        remote = remote_port(read, service, destination.port)
        return ir.Protocol.TCP if remote is None else remote.protocol
    elif destination.kind == "MultiZoneService":
        several = multi_port(read, service, destination.port)
        return ir.Protocol.TCP if several is None else several.protocol
    elif destination.kind == "XBackend":  # a Gateway, which has requests, is who calls it
        backend = xbackend_port(read, service)
        return ir.Protocol.HTTP1 if backend is None else backend.protocol or ir.Protocol.HTTP1
    else:
        found = external_port(read, service)
        declared = ir.Protocol.TCP if found is None else found[1]
    return declared if is_http(declared) else spoken_by_routes(read, service, destination.port)


@query
def addresses(read: Read, resource: ResourceId, loopback: str) -> tuple[str, ...]:
    """Where a workload calls it: at its virtual addresses, or where its own proxy listens for them without
    capture, in the `loopback` range. None while it has no address."""
    virtual = (
        virtual_address(read, resource) if resource.kind == "Service" else external_address(read, resource)
    )
    if not virtual:
        return ()
    return (outbound_address(virtual, loopback),) if loopback else (virtual, ipv6_address(virtual))


def instance_addresses(read: Read, service: ResourceId) -> tuple[str, ...]:
    """What the name of a headless Service means: the addresses of its ready instances, sorted."""
    found = {
        endpoint.address
        for destination in destinations(read, service)
        if (known := endpoints(read, cluster_name(destination))) is not None
        for endpoint in known.endpoints
    }
    return tuple(sorted(found))


def callable_in(read: Read, mesh: str, namespace: str = "") -> frozenset[ResourceId]:
    """All that there is to call in a mesh, or in one namespace of it."""
    return read.bucket(_CALLABLE, (mesh, namespace))


@query
def resource_labels(read: Read, resource: ResourceId) -> tuple[tuple[str, str], ...]:
    """The labels of something that can be called, sorted."""
    found = read.leaf(resource)
    return () if found is None else tuple(sorted(found.metadata.labels.items()))


def _places(read: Read, resource: ResourceId) -> Iterator[tuple[str, str]]:
    mesh = mesh_of_called(read, resource)
    if mesh:
        yield mesh, ""
        yield mesh, resource.namespace


_CALLABLE = index("callable", source=CALLED_KINDS, emit=_places)

__all__ = [
    "CALLED_KINDS",
    "addresses",
    "callable_in",
    "destinations",
    "instance_addresses",
    "is_headless",
    "resource_labels",
    "spoken",
]
