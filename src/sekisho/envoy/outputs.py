"""What the engine keeps ready for the proxies: each IR output of translation, as an Envoy resource.

A cluster, its endpoints and a certificate are built once, whatever the number of gateways that need them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sekisho import ir
from sekisho.engine import Output, Read, output, query
from sekisho.envoy.clusters import cluster
from sekisho.envoy.endpoints import cluster_load_assignment
from sekisho.envoy.listeners import listener
from sekisho.envoy.resource import TYPE_URL_PREFIX, Resource, resource
from sekisho.envoy.scope_keys import WILDCARD, scope_key
from sekisho.envoy.scopes import scoped_route_configuration
from sekisho.envoy.secrets import secret
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.endpoints import endpoints
from sekisho.translate.outputs import (
    CERTIFICATES,
    CLUSTERS,
    ENDPOINTS,
    LISTENERS,
    VIRTUAL_HOSTS,
    WILDCARD_TABLES,
)


@query
def _cluster(_: Read, wanted: ir.Cluster) -> Resource:
    return resource(cluster(wanted))


@query
def _endpoints(read: Read, cluster_name: str) -> Resource | None:
    wanted = endpoints(read, cluster_name)
    return None if wanted is None else resource(cluster_load_assignment(wanted))


@query
def _secret(_: Read, wanted: ir.Certificate) -> Resource:
    return resource(secret(wanted))


@dataclass(frozen=True, slots=True)
class Emission:
    """One IR output as Envoy resources. Keys are those of the IR output and start with the gateway."""

    type_url: str
    output: Output[Resource]
    name: Callable[[Any], str]
    """Key → Envoy's name of the resource; needed when it is gone."""


def _emission(
    message: str,
    planned: Output[Any],
    build: Callable[[Read, Any], Resource | None],
    name: Callable[[Any], str] = itemgetter(1),
) -> Emission:
    return Emission(TYPE_URL_PREFIX + message, output(f"envoy {planned.name}", planned, build), name)


def _of_cluster(read: Read, key: Any) -> Resource | None:
    wanted = CLUSTERS.build(read, key)
    return None if wanted is None else _cluster(read, wanted)


def _of_certificate(read: Read, key: Any) -> Resource | None:
    wanted = CERTIFICATES.build(read, key)
    return None if wanted is None else _secret(read, wanted)


def _of_own(planned: Output[Any], make: Callable[[Any], Any]) -> Callable[[Read, Any], Resource | None]:
    """For what no two gateways share."""

    def build(read: Read, key: Any) -> Resource | None:
        wanted = planned.build(read, key)
        return None if wanted is None else resource(make(wanted))

    return build


_SCOPE = "envoy.config.route.v3.ScopedRouteConfiguration"

EMISSIONS = (
    _emission("envoy.config.cluster.v3.Cluster", CLUSTERS, _of_cluster),
    _emission(
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        ENDPOINTS,
        lambda read, key: _endpoints(read, key[1]),
    ),
    _emission("envoy.extensions.transport_sockets.tls.v3.Secret", CERTIFICATES, _of_certificate),
    _emission("envoy.config.listener.v3.Listener", LISTENERS, _of_own(LISTENERS, listener)),
    _emission(
        _SCOPE,
        VIRTUAL_HOSTS,
        _of_own(VIRTUAL_HOSTS, scoped_route_configuration),
        lambda key: scope_key(key[1], key[2]),
    ),
    _emission(
        _SCOPE,
        WILDCARD_TABLES,
        _of_own(WILDCARD_TABLES, scoped_route_configuration),
        lambda key: scope_key(key[1], WILDCARD),
    ),
)


def changed_resources(
    outputs: Mapping[Output[Any], Mapping[Any, Any]],
) -> Iterator[tuple[ResourceId, str, str, Resource | None]]:
    """What a commit changed: (gateway, type URL, name, the new resource or None when it is gone)."""
    for emission in EMISSIONS:
        for key, made in outputs.get(emission.output, {}).items():
            yield key[0], emission.type_url, emission.name(key), made
