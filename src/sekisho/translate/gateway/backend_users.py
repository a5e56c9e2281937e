"""Which Gateways send to a backend: who its policies, and itself, are told of."""

from collections.abc import Iterator
from typing import Any

from sekisho.engine import Read, index
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.gateway.clusters import CLUSTERS_IN_USE
from sekisho.translate.mesh.names import leads_outside


def gateways_of(read: Read, backend: ResourceId) -> set[ResourceId]:
    """The Gateways whose routes lead to any port of a Service, ZoneService or XBackend."""
    return {key[0] for key in read.bucket(_USED_BY, backend)}


def parent_reference(gateway: ResourceId) -> dict[str, Any]:
    """A Gateway as statuses name it."""
    return {
        "group": GATEWAY_GROUP, "kind": "Gateway", "namespace": gateway.namespace, "name": gateway.name
    }  # fmt: skip


def _backend(_: Read, key: tuple[ResourceId, str]) -> Iterator[ResourceId]:
    if not leads_outside(key[1]):
        yield way_of(key[1]).service


_USED_BY = index("gateways by service", source=CLUSTERS_IN_USE, emit=_backend)
"""Backend → (gateway, cluster name)."""
