"""What the engine keeps ready for the proxies: each IR output of translation, as an Envoy resource.

Bytes that come out the same are built once, whatever the number of proxies that need them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Output, Read, output, query
from sekisho.envoy.agent import agent_resource
from sekisho.envoy.captured import captured_inbound
from sekisho.envoy.clusters import cluster, outbound_cluster
from sekisho.envoy.endpoints import cluster_load_assignment
from sekisho.envoy.inbound import inbound_listener
from sekisho.envoy.inbound_clusters import inbound_cluster, passthrough_cluster
from sekisho.envoy.inbound_routes import inbound_route_configuration
from sekisho.envoy.listeners import listener
from sekisho.envoy.outbound import outbound_listener
from sekisho.envoy.outlets import outlet_listener
from sekisho.envoy.passthrough import passthrough_listener
from sekisho.envoy.patching import PATCH_CLUSTERS, Build, changeable
from sekisho.envoy.resource import TYPE_URL_PREFIX, Resource, resource
from sekisho.envoy.route_tables import route_configuration
from sekisho.envoy.scope_keys import WILDCARD, scope_key
from sekisho.envoy.scopes import scoped_route_configuration
from sekisho.envoy.secrets import secret
from sekisho.envoy.trust import authority_bundle, trust_bundle
from sekisho.envoy.tunnel_listeners import tunnel_listener
from sekisho.envoy.udp import udp_listener
from sekisho.ir.agent import HOSTNAME_TYPE, SIDECAR_TYPE
from sekisho.ir.cluster import tunnel_name
from sekisho.ir.patches import Side
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.facts import ViewKey
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.mesh.inbounds import CAPTURED_NAME
from sekisho.translate.mesh.names import (
    cluster_name,
    direct_listener_name,
    direct_name,
    outbound_name,
)
from sekisho.translate.mesh.places import are_alike, common_endpoints
from sekisho.translate.mesh.sidecars import PASSTHROUGH_NAME, SIDECAR_NAME
from sekisho.translate.outputs import (
    AUTHORITIES,
    CALLER_AUTHORITIES,
    CAPTURED_INBOUNDS,
    CERTIFICATES,
    CLIENT_CERTIFICATES,
    CLUSTERS,
    COLLECTORS,
    DIRECT_CLUSTERS,
    DIRECT_OUTBOUNDS,
    ENDPOINTS,
    HOSTNAMES,
    INBOUNDS,
    INGRESS_CLUSTERS,
    INGRESS_ENDPOINTS,
    LISTENERS,
    MESH_CLUSTERS,
    MESH_ENDPOINTS,
    OUTBOUNDS,
    OUTLET_CLUSTERS,
    OUTLET_NAMES,
    OUTLETS,
    PASSAGES,
    PASSTHROUGHS,
    ROUTE_TABLES,
    SIDECARS,
    TRUST,
    TUNNELS,
    UDP_LISTENERS,
    VIRTUAL_HOSTS,
    WAY_CLUSTERS,
    WAY_ENDPOINTS,
    WAYS,
    WILDCARD_TABLES,
)

Name = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Emission:
    """One IR output as Envoy resources, under the keys of the IR output."""

    type_url: str
    output: Output[Resource]
    name: Name
    """Key → Envoy's name of the resource; needed when it is gone."""
    view: Callable[[Any], ViewKey] = itemgetter(0)
    """Key → the view it is published in; of a shared one, the part of Worlds."""
    is_shared: bool = False
    """Whether a key starts with a part of Worlds (`World.parts`), for all whose part it is that have the
    service the rest of the key is about; else with the one view it is for."""


@query
def _cluster(_: Read, wanted: ir.Cluster) -> Resource:
    return resource(cluster(wanted))


@query
def _outbound_cluster(_: Read, wanted: ir.Cluster) -> Resource:
    return resource(outbound_cluster(wanted))


@query
def _endpoints(read: Read, cluster_name: str) -> Resource | None:
    wanted = common_endpoints(read, cluster_name)
    return None if wanted is None else resource(cluster_load_assignment(wanted))


def _assigned(planned: Output[Any], cluster: Name) -> Build:
    """For endpoints. Mostly they are the same for all callers: then their bytes are made once."""

    def build(read: Read, key: Any) -> Resource | None:
        caller, name = key[0], cluster(key)
        if are_alike(read, caller, way_of(name).destination):
            return _endpoints(read, name)
        wanted = planned.build(read, key)
        return None if wanted is None else resource(cluster_load_assignment(wanted))

    return build


@query
def _outbound(_: Read, wanted: ir.Outbound) -> Resource:
    return resource(outbound_listener(wanted))


@query
def _route_table(_: Read, wanted: ir.RouteTable) -> Resource:
    return resource(route_configuration(wanted))


@query
def _secret(_: Read, wanted: ir.Certificate) -> Resource:
    return resource(secret(wanted))


@query
def _trust(_: Read, wanted: ir.TrustBundle) -> Resource:
    return resource(trust_bundle(wanted))


@query
def _inbound_routes(_: Read, wanted: ir.Inbound) -> Resource:
    return resource(inbound_route_configuration(wanted))


@query
def _captured(_: Read, wanted: ir.CapturedInbound) -> Resource:
    return resource(captured_inbound(wanted))


@query
def _passthrough(_: Read, wanted: ir.Passthrough) -> Resource:
    return resource(passthrough_listener(wanted))


@query
def _passthrough_cluster(_: Read, wanted: ir.Passthrough) -> Resource:
    return resource(passthrough_cluster(wanted))


def _made(planned: Output[Any], make: Callable[[Any], Any]) -> Build:
    """For what no two views share."""

    def build(read: Read, key: Any) -> Resource | None:
        wanted = planned.build(read, key)
        return None if wanted is None else resource(make(wanted))

    return build


def _remembered(planned: Output[Any], make: Callable[[Read, Any], Resource]) -> Build:
    """For what comes out the same in several views; `make` is a query."""

    def build(read: Read, key: Any) -> Resource | None:
        wanted = planned.build(read, key)
        return None if wanted is None else make(read, wanted)

    return build


_OWN: Mapping[str, Any] = {"origin": Origin(ResourceId("Workload", "", ""))}
"""Whose it is, emptied."""
_PLACE: Mapping[str, Any] = {**_OWN, "address": "", "target_address": ""}
"""And where; routes do not look at that."""


def _alike(
    planned: Output[Any], make: Callable[[Read, Any], Resource], own: Mapping[str, Any] = _OWN
) -> Build:
    """For what is the same for many workloads, but for some fields that do not count; `make` is a query."""

    def build(read: Read, key: Any) -> Resource | None:
        wanted = planned.build(read, key)
        return None if wanted is None else make(read, replace(wanted, **own))

    return build


def _told(planned: Output[Any], type_url: str) -> Build:
    """For agents."""

    def build(read: Read, key: Any) -> Resource | None:
        wanted = planned.build(read, key)
        return None if wanted is None else agent_resource(type_url, wanted)

    return build


def _emission(
    type_url: str,
    planned: Output[Any],
    build: Build,
    *,
    name: Name = itemgetter(1),
    shared: bool = False,
    closes: bool = False,
) -> Emission:
    """`closes`: what says who may call, and may not stay as it was when it cannot be said anew."""
    kind = type_url.rpartition(".")[2]
    made = output(f"{kind} of {planned.name}", planned, build, closes=closes)
    return Emission(type_url, made, name, is_shared=shared)


def _for_patches(planned: Output[Any], build: Build, make: Callable[[Any], Any], side: Side) -> Build:
    """`build`, and as ProxyPatches want it."""
    return changeable(build, planned, make, side, itemgetter(0))


def _changed(planned: Output[Any], make: Callable[[Any], Any], side: Side) -> Build:
    """For what no two views share."""
    return _for_patches(planned, _made(planned, make), make, side)


def _for_patches_out(shared: Callable[[Read, Any], Resource], make: Callable[[Any], Any]) -> Build:
    """What lets captured connections out, `shared` where nobody patches it."""
    return changeable(_alike(PASSTHROUGHS, shared), PASSTHROUGHS, make, "passthrough", lambda key: key)


def _of_workload(type_url: str, planned: Output[Any], build: Build, name: str) -> Emission:
    """One of a kind: the key is the Workload itself."""
    kind = type_url.rpartition(".")[2]
    made = output(f"{kind} of {planned.name}", planned, build)
    return Emission(type_url, made, lambda _: name, lambda workload: workload)


CLUSTER = TYPE_URL_PREFIX + "envoy.config.cluster.v3.Cluster"
ASSIGNMENT = TYPE_URL_PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER = TYPE_URL_PREFIX + "envoy.config.listener.v3.Listener"
ROUTES = TYPE_URL_PREFIX + "envoy.config.route.v3.RouteConfiguration"
SCOPE = TYPE_URL_PREFIX + "envoy.config.route.v3.ScopedRouteConfiguration"
SECRET = TYPE_URL_PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"


def _outlet_name(key: Any) -> str:
    return tunnel_name(key[1])


_OF_GATEWAYS = (
    _emission(
        CLUSTER,
        CLUSTERS,
        _for_patches(CLUSTERS, _remembered(CLUSTERS, _cluster), cluster, "gateway"),
    ),
    _emission(
        ASSIGNMENT,
        ENDPOINTS,
        _assigned(ENDPOINTS, itemgetter(1)),
    ),
    _emission(LISTENER, TUNNELS, _made(TUNNELS, tunnel_listener), name=_outlet_name),
    _emission(LISTENER, PASSAGES, _made(PASSAGES, tunnel_listener), name=_outlet_name),
    _emission(LISTENER, WAYS, _made(WAYS, tunnel_listener), name=_outlet_name),
    _emission(CLUSTER, WAY_CLUSTERS, _remembered(WAY_CLUSTERS, _cluster)),
    _emission(ASSIGNMENT, WAY_ENDPOINTS, _made(WAY_ENDPOINTS, cluster_load_assignment)),
    _emission(CLUSTER, INGRESS_CLUSTERS, _remembered(INGRESS_CLUSTERS, _cluster)),
    _emission(ASSIGNMENT, INGRESS_ENDPOINTS, _made(INGRESS_ENDPOINTS, cluster_load_assignment)),
    _emission(CLUSTER, OUTLET_CLUSTERS, _remembered(OUTLET_CLUSTERS, _cluster)),
    _emission(CLUSTER, OUTLET_NAMES, _remembered(OUTLET_NAMES, _cluster)),
    _emission(LISTENER, OUTLETS, _made(OUTLETS, outlet_listener), name=_outlet_name, closes=True),
    _emission(ROUTES, OUTLETS, _made(OUTLETS, inbound_route_configuration), name=_outlet_name, closes=True),
    _emission(SECRET, CERTIFICATES, _remembered(CERTIFICATES, _secret)),
    _emission(SECRET, CALLER_AUTHORITIES, _made(CALLER_AUTHORITIES, authority_bundle)),
    _emission(LISTENER, LISTENERS, _changed(LISTENERS, listener, "gateway")),
    _emission(LISTENER, UDP_LISTENERS, _changed(UDP_LISTENERS, udp_listener, "gateway")),
    _emission(
        SCOPE,
        VIRTUAL_HOSTS,
        _changed(VIRTUAL_HOSTS, scoped_route_configuration, "gateway"),
        name=lambda key: scope_key(key[1], key[2]),
        closes=True,
    ),
    _emission(
        SCOPE,
        WILDCARD_TABLES,
        _changed(WILDCARD_TABLES, scoped_route_configuration, "gateway"),
        name=lambda key: scope_key(key[1], WILDCARD),
    ),
)

_OF_WORLDS = (
    _emission(
        CLUSTER,
        MESH_CLUSTERS,
        _for_patches(
            MESH_CLUSTERS, _remembered(MESH_CLUSTERS, _outbound_cluster), outbound_cluster, "outbound"
        ),
        name=lambda key: cluster_name(key[1]),
        shared=True,
    ),
    _emission(
        ASSIGNMENT,
        MESH_ENDPOINTS,
        _assigned(MESH_ENDPOINTS, lambda key: cluster_name(key[1])),
        name=lambda key: cluster_name(key[1]),
        shared=True,
    ),
    _emission(
        LISTENER,
        OUTBOUNDS,
        _for_patches(OUTBOUNDS, _remembered(OUTBOUNDS, _outbound), outbound_listener, "outbound"),
        name=lambda key: outbound_name(key[1]),
        shared=True,
    ),
    _emission(
        CLUSTER,
        DIRECT_CLUSTERS,
        _for_patches(
            DIRECT_CLUSTERS, _remembered(DIRECT_CLUSTERS, _outbound_cluster), outbound_cluster, "outbound"
        ),
        name=lambda key: direct_name(key[1]),
        shared=True,
    ),
    _emission(
        LISTENER,
        DIRECT_OUTBOUNDS,
        _changed(DIRECT_OUTBOUNDS, outbound_listener, "outbound"),
        name=lambda key: direct_listener_name(key[1]),
        shared=True,
    ),
    _emission(
        ROUTES,
        ROUTE_TABLES,
        _for_patches(ROUTE_TABLES, _remembered(ROUTE_TABLES, _route_table), route_configuration, "outbound"),
        name=lambda key: outbound_name(key[1]),
        shared=True,
    ),
    _emission(
        HOSTNAME_TYPE,
        HOSTNAMES,
        _told(HOSTNAMES, HOSTNAME_TYPE),
        name=lambda key: str(key[1].part),
        shared=True,
    ),
    _emission(CLUSTER, COLLECTORS, _remembered(COLLECTORS, _cluster)),
    _emission(SECRET, TRUST, _remembered(TRUST, _trust)),
    _emission(SECRET, AUTHORITIES, _made(AUTHORITIES, authority_bundle)),
    _emission(SECRET, CLIENT_CERTIFICATES, _remembered(CLIENT_CERTIFICATES, _secret)),
)

_OF_WORKLOADS = (
    _emission(CLUSTER, INBOUNDS, _changed(INBOUNDS, inbound_cluster, "inbound")),
    _of_workload(
        CLUSTER, PASSTHROUGHS, _for_patches_out(_passthrough_cluster, passthrough_cluster), PASSTHROUGH_NAME
    ),
    _emission(LISTENER, INBOUNDS, _changed(INBOUNDS, inbound_listener, "inbound"), closes=True),
    _emission(
        ROUTES,
        INBOUNDS,
        _for_patches(
            INBOUNDS,
            _alike(INBOUNDS, _inbound_routes, _PLACE),
            inbound_route_configuration,
            "inbound",
        ),
        closes=True,
    ),
    _of_workload(LISTENER, CAPTURED_INBOUNDS, _alike(CAPTURED_INBOUNDS, _captured), CAPTURED_NAME),
    _of_workload(
        LISTENER, PASSTHROUGHS, _for_patches_out(_passthrough, passthrough_listener), PASSTHROUGH_NAME
    ),
    _of_workload(SIDECAR_TYPE, SIDECARS, _told(SIDECARS, SIDECAR_TYPE), SIDECAR_NAME),
)

EMISSIONS = (
    *_OF_GATEWAYS,
    *_OF_WORLDS,
    *_OF_WORKLOADS,
    Emission(CLUSTER, PATCH_CLUSTERS, itemgetter(1)),
)


def changed_resources(
    outputs: Mapping[Output[Any], Mapping[Any, Any]],
) -> Iterator[tuple[ViewKey, str, str, Resource | None]]:
    """What a commit changed in single views: (view, type URL, name, the resource or None when it is gone)."""
    for emission in EMISSIONS:
        if not emission.is_shared:
            for key, made in outputs.get(emission.output, {}).items():
                yield emission.view(key), emission.type_url, emission.name(key), made
