"""Which backends get gRPC calls: HTTP/2 is spoken there, also where no Service says so."""

from collections.abc import Iterator

from sekisho.engine import Read, index
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.attachment import gateways
from sekisho.translate.gateway.routes import mesh_plan, plan
from sekisho.translate.mesh.attachment import service_parents


def carries_calls(read: Read, gateway: ResourceId, cluster: str) -> bool:
    """Whether any GRPCRoute of the Gateway leads to the cluster. HTTPRoutes that lead there as well follow: a
    server of gRPC speaks nothing else."""
    return read.any(_CALLED) and read.count(_CALLED, (gateway, cluster)) > 0


def carries_calls_in_mesh(read: Read, cluster: str) -> bool:
    """Whether any GRPCRoute of a Service leads to the cluster."""
    return read.any(_CALLED_IN_MESH) and read.count(_CALLED_IN_MESH, cluster) > 0


def ways(read: Read, route: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    """Gateways, and clusters to which their proxies send what the route is for."""
    for gateway in gateways(read, route):
        for name in plan(read, route).clusters:
            yield gateway, name


def _called_in_mesh(read: Read, route: ResourceId) -> tuple[str, ...]:
    return mesh_plan(read, route).clusters if service_parents(read, route) else ()


_CALLED = index("backends of calls", source="GRPCRoute", emit=ways)
_CALLED_IN_MESH = index("backends of calls in meshes", source="GRPCRoute", emit=_called_in_mesh)
