"""Ready addresses behind a Service port: from EndpointSlices, and from Workloads its labels select."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, index
from sekisho.model.core import Service
from sekisho.model.discovery import EndpointSlice
from sekisho.model.names import Origin, ResourceId
from sekisho.model.workload import Workload
from sekisho.translate.gateway.backends import Broken, ServicePort, service_of, service_port
from sekisho.translate.gateway.gateways import normal_address

_SERVICE_NAME = "kubernetes.io/service-name"
"""Label by which an EndpointSlice names its Service, whoever wrote it."""


class _Label(NamedTuple):
    """One label of the Workloads of one namespace."""

    namespace: str
    key: str
    value: str


def _service_of_slice(read: Read, slice_: ResourceId) -> Iterator[ResourceId]:
    service = read.leaf(slice_).metadata.labels.get(_SERVICE_NAME)
    if service:
        yield ResourceId("Service", slice_.namespace, service)


def _labels(read: Read, workload: ResourceId) -> Iterator[_Label]:
    for key, value in read.leaf(workload).metadata.labels.items():
        yield _Label(workload.namespace, key, value)


_SLICES = index("endpoint slices by service", source="EndpointSlice", emit=_service_of_slice)
_WORKLOADS = index("workloads by label", source="Workload", emit=_labels)


def endpoints(read: Read, cluster: str) -> ir.Endpoints | None:
    """The ready addresses of a cluster; None when its Service port does not exist. Memoised where they become
    bytes."""
    service, number = service_of(cluster)
    port = service_port(read, service, number)
    if isinstance(port, Broken):
        return None
    found = set(_from_slices(read, service, port))
    found.update(_from_workloads(read, service, port))
    return ir.Endpoints(cluster=cluster, endpoints=tuple(sorted(found)), origin=Origin(service))


def _from_slices(read: Read, service: ResourceId, port: ServicePort) -> list[ir.Endpoint]:
    found: list[ir.Endpoint] = []
    for id_ in read.bucket(_SLICES, service):
        slice_: EndpointSlice = read.leaf(id_)
        number = _slice_port(slice_, port)
        if number:
            _add_ready(found, slice_, number)
    return found


def _slice_port(slice_: EndpointSlice, port: ServicePort) -> int:
    """The instances' port in one slice; 0 when it has none of this name.

    A port without number stands for all ports (discovery/v1 EndpointPort): the Service's targetPort is meant.
    """
    for candidate in slice_.ports:
        if candidate.name == port.name and candidate.protocol == "TCP":
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


def _from_workloads(read: Read, service: ResourceId, port: ServicePort) -> Iterator[ir.Endpoint]:
    resource: Service = read.leaf(service)
    selector = resource.spec.selector
    if not selector:  # a Service without selector has EndpointSlices written by hand
        return
    buckets = [
        read.bucket(_WORKLOADS, _Label(service.namespace, key, value)) for key, value in selector.items()
    ]
    for id_ in frozenset.intersection(*buckets):
        workload: Workload = read.leaf(id_)
        address, number = normal_address(workload.spec.address), _workload_port(workload, port.target)
        if workload.spec.ready and address and number:
            yield ir.Endpoint(address, number, workload.spec.zone or "", workload.spec.weight or 1)


def _workload_port(workload: Workload, target: int | str) -> int:
    """A number is taken as it is, as for a Pod; a name is looked up; 0 when the Workload has no such port."""
    if isinstance(target, int):
        return target
    named = (port.port for port in workload.spec.ports if port.name == target and port.protocol == "TCP")
    return next(named, 0)
