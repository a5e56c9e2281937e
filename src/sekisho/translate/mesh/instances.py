"""Services and the Workloads behind them, from both sides; and what of a Workload others go by."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho.engine import Read, index, query
from sekisho.model.core import Service
from sekisho.model.names import ResourceId
from sekisho.model.workload import Workload
from sekisho.translate.mesh.meshes import mesh_of

_SERVICE_NAME = "kubernetes.io/service-name"
"""Label by which an EndpointSlice names its Service, whoever wrote it."""


class Label(NamedTuple):
    """One label of the Workloads of one namespace."""

    namespace: str
    key: str
    value: str


@query
def labels(read: Read, workload: ResourceId) -> tuple[tuple[str, str], ...]:
    """The labels of a Workload, sorted, so that their readers do not run again when it becomes ready."""
    resource: Workload | None = read.leaf(workload)
    return () if resource is None else tuple(sorted(resource.metadata.labels.items()))


@query
def selector(read: Read, service: ResourceId) -> tuple[tuple[str, str], ...]:
    """The labels a Service's instances have, sorted; none where EndpointSlices are written by hand."""
    resource: Service | None = read.leaf(service)
    return () if resource is None else tuple(sorted(resource.spec.selector.items()))


def instances(read: Read, service: ResourceId) -> tuple[ResourceId, ...]:
    """The Workloads a Service selects, ready or not, sorted."""
    return _instances(read, service) if read.any(_WORKLOADS) else ()


@query
def _instances(read: Read, service: ResourceId) -> tuple[ResourceId, ...]:
    wanted = selector(read, service)
    if not wanted:
        return ()
    buckets = [read.bucket(_WORKLOADS, Label(service.namespace, key, value)) for key, value in wanted]
    return tuple(sorted(frozenset.intersection(*buckets)))


@query
def services(read: Read, workload: ResourceId) -> tuple[ResourceId, ...]:
    """The Services that select a Workload, sorted."""
    own = labels(read, workload)
    found = {
        service
        for key, value in own
        for service in read.bucket(_SELECTING, Label(workload.namespace, key, value))
        if set(selector(read, service)).issubset(own)
    }
    return tuple(sorted(found))


@query
def is_meshed(read: Read, workload: ResourceId) -> bool:
    """Whether a sidecar stands before it that is a member of a mesh."""
    resource: Workload | None = read.leaf(workload)
    if resource is None or resource.spec.sidecar is None:
        return False
    return bool(mesh_of(read, workload.namespace))


def slices(read: Read, service: ResourceId) -> frozenset[ResourceId]:
    """The EndpointSlices of a Service, whoever wrote them."""
    return read.bucket(_SLICES, service)


def has_slices(read: Read, service: ResourceId) -> bool:
    """Whether it has instances that are not Workloads."""
    return read.count(_SLICES, service) > 0


def _service_of_slice(read: Read, slice_: ResourceId) -> Iterator[ResourceId]:
    service = read.leaf(slice_).metadata.labels.get(_SERVICE_NAME)
    if service:
        yield ResourceId("Service", slice_.namespace, service)


def _labels(read: Read, workload: ResourceId) -> Iterator[Label]:
    for key, value in labels(read, workload):
        yield Label(workload.namespace, key, value)


def _first_label(read: Read, service: ResourceId) -> Iterator[Label]:
    """One is enough to be found by; who finds it compares the others."""
    for key, value in selector(read, service)[:1]:
        yield Label(service.namespace, key, value)


_SLICES = index("endpoint slices by service", source="EndpointSlice", emit=_service_of_slice)
_WORKLOADS = index("workloads by label", source="Workload", emit=_labels)
_SELECTING = index("services by selector", source="Service", emit=_first_label)
