"""Headless Services: connections to their instances' own addresses, by mutual TLS like all others.

A captured workload calls an instance where its name leads, at the address and port the instance itself has.
It chose the instance, so no route and no balancing comes in between. Each instance has a listener of its own:
one more of them ends nobody's connections.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.sidecar import Outbound
from sekisho.ir.tcp import TcpForward
from sekisho.model.names import Origin, ResourceId
from sekisho.model.workload import Workload
from sekisho.translate.gateway.endpoints import is_ready
from sekisho.translate.gateway.gateways import normal_address
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.instances import instances, is_meshed, services
from sekisho.translate.mesh.names import Destination, Part, direct_listener_name, direct_name, port_field
from sekisho.translate.mesh.ports import is_headless, service_port, service_ports, target_number
from sekisho.translate.mesh.transport import mesh_transport
from sekisho.translate.mesh.worlds import World


@query
def direct_parts(read: Read, service: ResourceId) -> tuple[Part, ...]:
    """`<port>/<workload>` of each instance that has a sidecar, ready or not: who calls one by mistake is not
    to do it in plain text. Empty for Services that have an address of their own."""
    if service.kind != "Service" or not is_headless(read, service):
        return ()
    return tuple(
        Part(*service, f"{port.number}/{workload.name}")
        for workload in instances(read, service)
        if is_meshed(read, workload)
        for port in service_ports(read, service)
        if _owner(read, workload, _number(read, workload, service, port.number)) == (service, port.number)
    )


@query
def named_instances(read: Read, service: ResourceId) -> tuple[ResourceId, ...]:
    """The Workloads that have names of their own beneath that of a Service: those of a headless one."""
    headless = service.kind == "Service" and is_headless(read, service)
    return instances(read, service) if headless else ()


def instance_of(read: Read, service: ResourceId, hostname: str) -> ResourceId | None:
    """Whose name it is, of those built in for instances."""
    name, found, _ = hostname.partition(f".{service.name}.{service.namespace}.svc.")
    workload = ResourceId("Workload", service.namespace, name)
    return workload if found and workload in named_instances(read, service) else None


def ready_address(read: Read, workload: ResourceId) -> tuple[str, ...]:
    """Its address; none while it takes no calls."""
    address = normal_address(read.leaf(workload).spec.address)
    return (address,) if address and is_ready(read, workload) else ()


def direct_outbound(read: Read, profile: World, part: Part) -> Outbound | None:
    """How a captured workload calls one instance; None where nothing is captured."""
    port, _, name = part.part.partition("/")
    service, workload = part.resource, ResourceId("Workload", part.namespace, name)
    resource: Workload | None = read.leaf(workload)
    address = normal_address(resource.spec.address) if resource is not None else ""
    number = _number(read, workload, service, int(port))
    if profile.outbound or not address or not number:
        return None
    destination = Destination(*service, int(port))
    plain = Outbound(
        name=direct_listener_name(part),
        addresses=(address,),
        port=number,
        bound=False,
        tcp=TcpForward(shares=((direct_name(destination), 1),)),
        on_demand=profile.on_demand,
        origin=Origin(service, port_field(port)),
    )
    return effective.outbound_with_policies(read, profile.client, plain, destination)


def direct_cluster(read: Read, client: World, destination: Destination) -> ir.Cluster | None:
    """The way to whichever instance a connection was for; None for Services that are not headless, and where
    no instance can have a sidecar."""
    if destination.kind != "Service" or not is_headless(read, destination.resource):
        return None
    transport = mesh_transport(read, destination, over_http=False)
    if transport is None:
        return None
    plain = ir.Cluster(
        name=direct_name(destination),
        protocol=ir.Protocol.TCP,
        transport=replace(transport, members_only=True),  # none is marked
        original_destination=True,
        origin=destination.origin,
    )
    found = effective.cluster_with_policies(read, client, plain, destination)
    # Nothing is chosen, so nothing is to be known of those that could be.
    return replace(found, health_checks=(), outliers=None, balancing=plain.balancing)


@query
def _owner(read: Read, workload: ResourceId, number: int) -> tuple[ResourceId, int] | None:
    """The port of a headless Service that a port of a workload is called by: of several that lead there, the
    first by name, as there can be one listener only."""
    return min(_leading(read, workload, number), default=None) if number else None


def _leading(read: Read, workload: ResourceId, number: int) -> Iterator[tuple[ResourceId, int]]:
    for service in services(read, workload):
        if is_headless(read, service):
            for port in service_ports(read, service):
                if _number(read, workload, service, port.number) == number:
                    yield service, port.number


def _number(read: Read, workload: ResourceId, service: ResourceId, port: int) -> int:
    """The port of an instance that a port of the Service leads to; 0 for none."""
    declared, resource = service_port(read, service, port), read.leaf(workload)
    return target_number(resource, declared.target) if declared is not None and resource is not None else 0
