"""What a proxy refused, led back to who wrote it: sockets to listeners, scopes and clusters to routes."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, index
from sekisho.model.names import ResourceId
from sekisho.model.routes import ROUTE_KINDS
from sekisho.translate.facts import Rejection
from sekisho.translate.gateway.clusters import CLUSTERS_IN_USE
from sekisho.translate.gateway.virtual_hosts import HostKey, virtual_host, wildcard_table

_TYPES = "type.googleapis.com/envoy.config."
LISTENER_TYPE = f"{_TYPES}listener.v3.Listener"
SECRET_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type's name
SCOPE_TYPE = f"{_TYPES}route.v3.ScopedRouteConfiguration"
CLUSTER_TYPES = (f"{_TYPES}cluster.v3.Cluster", f"{_TYPES}endpoint.v3.ClusterLoadAssignment")

_WILDCARD_SCOPE = "~wild"
"""What stands for the hostname in the name of the scope of a table's wildcard hostnames."""
_CAUSES = ("Address already in use", "Cannot assign requested address", "Permission denied")
"""What the kernel says about a socket, inside Envoy's longer message."""
NO_SUCH_ADDRESS = _CAUSES[1]


class _Share(NamedTuple):
    """A route's part in what a Gateway's proxy refused."""

    gateway: ResourceId
    route: ResourceId


def of_resource(read: Read, gateway: ResourceId, type_url: str, name: str) -> str:
    """Why a proxy refused this resource; empty when none did."""
    message: str | None = read.leaf(Rejection.of(gateway, type_url, name))
    return "" if message is None else _cause(message)


def of_route(read: Read, gateway: ResourceId, route: ResourceId) -> tuple[str, ...]:
    """Why proxies refused what this route has a part in, each with the name of the Envoy resource, sorted."""
    keys: Iterable[Rejection] = read.bucket(_REJECTED, _Share(gateway, route))
    return tuple(sorted(f"{key.resource_name}: {_cause(read.leaf(key) or '')}" for key in keys))


def _cause(message: str) -> str:
    return next((cause for cause in _CAUSES if cause in message), " ".join(message.split()))


def _shares(read: Read, key: Rejection) -> Iterator[_Share]:
    if not isinstance(key.view, ResourceId):
        return
    for resource in _authors(read, key.view, key):
        if resource.kind in ROUTE_KINDS:
            yield _Share(key.view, resource)


def _authors(read: Read, gateway: ResourceId, key: Rejection) -> Iterable[ResourceId]:
    if key.type_url in CLUSTER_TYPES:
        users: frozenset[ResourceId] = read.bucket(CLUSTERS_IN_USE, (gateway, key.resource_name))
        return users
    if key.type_url != SCOPE_TYPE:
        return ()
    return [origin.resource for host in _hosts(read, gateway, key) for origin in host.origins]


def _hosts(read: Read, gateway: ResourceId, key: Rejection) -> tuple[ir.VirtualHost, ...]:
    table, _, hostname = key.resource_name.rpartition("|")
    if hostname == _WILDCARD_SCOPE:
        return wildcard_table(read, gateway, table).hosts
    return (virtual_host(read, *HostKey(gateway, table, hostname)),)


_REJECTED = index("rejected routes", source="Rejection", emit=_shares)
