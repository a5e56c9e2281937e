"""Which backends of a Gateway get gRPC calls: HTTP/2 is spoken there, also where no Service says so."""

from collections.abc import Iterator

from sekisho.engine import Read, index, query
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.attachment import gateways
from sekisho.translate.gateway.routes import plan


@query
def carries_calls(read: Read, gateway: ResourceId, cluster: str) -> bool:
    """Whether any GRPCRoute of the Gateway leads to the cluster. HTTPRoutes that lead there as well follow: a
    server of gRPC speaks nothing else."""
    return read.count(_CALLED, (gateway, cluster)) > 0


def _called(read: Read, route: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    for gateway in gateways(read, route):
        for name in plan(read, route).clusters:
            yield gateway, name


_CALLED = index("backends of calls", source="GRPCRoute", emit=_called)
