"""Everything translation gives: what proxies must do, and what resources' statuses should say."""

from typing import Any

from sekisho.engine import Output, Read, output
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.certificates import EXPIRIES
from sekisho.translate.gateway.class_status import class_status
from sekisho.translate.gateway.clusters import CLUSTERS, ENDPOINTS
from sekisho.translate.gateway.gateway_status import gateway_status
from sekisho.translate.gateway.infrastructure import INFRASTRUCTURE
from sekisho.translate.gateway.route_status import route_status
from sekisho.translate.gateway.sockets import CERTIFICATES, LISTENERS
from sekisho.translate.gateway.virtual_hosts import VIRTUAL_HOSTS, WILDCARD_TABLES

__all__ = [
    "CERTIFICATES", "CLUSTERS", "ENDPOINTS", "EXPIRIES", "INFRASTRUCTURE", "LISTENERS", "OUTPUTS", "STATUSES",
    "VIRTUAL_HOSTS", "WILDCARD_TABLES",
]  # fmt: skip


def _status(read: Read, resource: ResourceId) -> dict[str, Any] | None:
    match resource.kind:
        case "GatewayClass":
            return class_status(read, resource)
        case "Gateway":
            return gateway_status(read, resource)
        case _:
            return route_status(read, resource)


STATUSES: Output[dict[str, Any]] = output(
    "statuses", source=("GatewayClass", "Gateway", "HTTPRoute"), build=_status
)
"""Resource → desired status without transition times; none for a Gateway or class that is not ours."""

OUTPUTS: tuple[Output[Any], ...] = (
    LISTENERS, VIRTUAL_HOSTS, WILDCARD_TABLES, CLUSTERS, ENDPOINTS, CERTIFICATES, EXPIRIES, INFRASTRUCTURE,
    STATUSES,
)  # fmt: skip
