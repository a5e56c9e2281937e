"""Ready addresses behind a Service port: from EndpointSlices, and from Workloads its labels select."""

from collections.abc import Iterator, Mapping

from sekisho import ir
from sekisho.engine import Read
from sekisho.model.discovery import EndpointSlice
from sekisho.model.names import Origin, ResourceId
from sekisho.model.workload import Workload
from sekisho.translate.facts import Readiness
from sekisho.translate.gateway.backends import Way, way_of
from sekisho.translate.gateway.gateways import normal_address
from sekisho.translate.mesh.instances import instances, is_meshed, labels, slices
from sekisho.translate.mesh.ports import Port, datagram_port, service_port, target_number
from sekisho.translate.zone.clusters import remote_endpoints

TOPOLOGY_ZONE = "topology.kubernetes.io/zone"
"""Label of Kubernetes for the zone something runs in: what clouds call an availability zone, a part of what
is a zone of ours."""


def endpoints(read: Read, cluster: str) -> ir.Endpoints | None:
    """The ready addresses of a cluster; None when its Service port does not exist. Memoised where they become
    bytes."""
    way = way_of(cluster)
    if way.service.kind == "ZoneService":
        return remote_endpoints(read, way.destination, cluster)
    service, port = way.service, port_of(read, way)
    if port is None:
        return None
    found = set(_from_slices(read, service, port, way.protocol))
    found.update(endpoint for _, endpoint in _from_workloads(read, service, port, way.protocol))
    return ir.Endpoints(cluster=cluster, endpoints=tuple(sorted(found)), origin=Origin(service))


def placed_endpoints(read: Read, cluster: str) -> Iterator[tuple[ir.Endpoint, Mapping[str, str]]]:
    """The same ones, each with the labels that say where it is: those of its Workload, and the zone it runs
    in. Of two that are at one address the one of a Workload is the last."""
    way = way_of(cluster)
    port = port_of(read, way)
    if port is None:
        return
    for endpoint in _from_slices(read, way.service, port, way.protocol):
        yield endpoint, {TOPOLOGY_ZONE: endpoint.zone} if endpoint.zone else {}
    for workload, endpoint in _from_workloads(read, way.service, port, way.protocol):
        yield endpoint, place_labels(read, workload)


def place_labels(read: Read, workload: ResourceId) -> Mapping[str, str]:
    """What says where a Workload is."""
    own = dict(labels(read, workload))
    zone = read.leaf(workload).spec.zone
    return own if not zone or TOPOLOGY_ZONE in own else {**own, TOPOLOGY_ZONE: zone}


def port_of(read: Read, way: Way) -> Port | None:
    """The port of a Service that is meant; None where there is none."""
    find = datagram_port if way.carried == "udp" else service_port
    return find(read, way.service, way.port)


def _from_slices(read: Read, service: ResourceId, port: Port, protocol: str) -> list[ir.Endpoint]:
    found: list[ir.Endpoint] = []
    for id_ in slices(read, service):
        slice_: EndpointSlice = read.leaf(id_)
        number = _slice_port(slice_, port, protocol)
        if number:
            _add_ready(found, slice_, number)
    return found


def _slice_port(slice_: EndpointSlice, port: Port, protocol: str) -> int:
    """The instances' port in one slice; 0 when it has none of this name.

    A port without number stands for all ports (discovery/v1 EndpointPort): the Service's targetPort is meant.
    """
    for candidate in slice_.ports:
        if candidate.name == port.name and candidate.protocol == protocol:
            if candidate.port is not None:
                return candidate.port
            return port.target if isinstance(port.target, int) else 0
    return 0


def _add_ready(found: list[ir.Endpoint], slice_: EndpointSlice, number: int) -> None:
    """They come by the ten thousand: a list is filled, no generator is asked."""
    for endpoint in slice_.endpoints:
        if endpoint.conditions.ready is False:  # left out means ready (discovery/v1 EndpointConditions)
            continue
        # All addresses of one endpoint are the same instance; a host name (FQDN) is none we can dial.
        address = normal_address(endpoint.addresses[0])
        if address:
            found.append(ir.Endpoint(address, number, endpoint.zone or ""))


def _from_workloads(
    read: Read, service: ResourceId, port: Port, protocol: str
) -> Iterator[tuple[ResourceId, ir.Endpoint]]:
    for id_ in instances(read, service):
        workload: Workload = read.leaf(id_)
        spec = workload.spec
        address = normal_address(spec.address)
        number = target_number(workload, port.target, protocol)
        if address and number and is_ready(read, id_):
            meshed = protocol == "TCP" and is_meshed(read, id_)  # sidecars carry nothing else
            if spec.sidecar is not None and protocol == "TCP" and not meshed:
                continue  # its Mesh is gone, or misspelt: nobody speaks to a sidecar in plain text for that
            yield id_, ir.Endpoint(address, number, spec.zone or "", spec.weight or 1, meshed)


def is_ready(read: Read, workload: ResourceId) -> bool:
    """Whether it takes requests: as its author says, and as its agent says, where it has a sidecar.

    Where there is a probe it must have passed; without one, only a sidecar that drains says no.
    """
    spec = read.leaf(workload).spec
    if spec.sidecar is None:
        return bool(spec.ready)
    said = read.leaf(Readiness.of(workload))
    return bool(spec.ready and (said if spec.readiness_probe is not None else said is not False))
