"""What the engine keeps ready for the proxies: each IR output of translation, as an Envoy resource.

A message is built once per distinct IR value: gateways that need the same cluster share its bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
def _endpoints(_: Read, wanted: ir.Endpoints) -> Resource:
    return resource(cluster_load_assignment(wanted))


@query
def _listener(_: Read, wanted: ir.Listener) -> Resource:
    return resource(listener(wanted))


@query
def _scope(_: Read, wanted: ir.VirtualHost | ir.WildcardTable) -> Resource:
    return resource(scoped_route_configuration(wanted))


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


def _emission(message: str, planned: Output[Any], build: Any, name: Callable[[Any], str]) -> Emission:
    def emitted(read: Read, key: Any) -> Resource | None:
        wanted = planned.build(read, key)
        return None if wanted is None else build(read, wanted)

    return Emission(TYPE_URL_PREFIX + message, output(f"envoy {planned.name}", planned, emitted), name)


EMISSIONS = (
    _emission("envoy.config.cluster.v3.Cluster", CLUSTERS, _cluster, lambda key: key[1]),
    _emission("envoy.config.endpoint.v3.ClusterLoadAssignment", ENDPOINTS, _endpoints, lambda key: key[1]),
    _emission("envoy.extensions.transport_sockets.tls.v3.Secret", CERTIFICATES, _secret, lambda key: key[1]),
    _emission("envoy.config.listener.v3.Listener", LISTENERS, _listener, lambda key: key[1]),
    _emission(
        "envoy.config.route.v3.ScopedRouteConfiguration",
        VIRTUAL_HOSTS,
        _scope,
        lambda key: scope_key(key[1], key[2]),
    ),
    _emission(
        "envoy.config.route.v3.ScopedRouteConfiguration",
        WILDCARD_TABLES,
        _scope,
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
