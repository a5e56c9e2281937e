"""A whole proxy in one Bootstrap, so that `envoy --mode validate` can judge everything at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sekisho import envoy, ir
from sekisho.envoy.http_connection_manager import TYPE
from sekisho.protos import message, pack, unpack
from tests.kit.pki import TestAuthority


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one proxy must do."""

    listeners: tuple[ir.Listener, ...] = ()
    udp: tuple[ir.UdpListener, ...] = ()
    hosts: tuple[ir.VirtualHost | ir.WildcardTable, ...] = ()
    clusters: tuple[ir.Cluster, ...] = ()
    endpoints: tuple[ir.Endpoints, ...] = ()
    inbounds: tuple[ir.Inbound, ...] = ()
    captured: tuple[ir.CapturedInbound, ...] = ()
    outbounds: tuple[ir.Outbound, ...] = ()
    tables: tuple[ir.RouteTable, ...] = ()
    passthroughs: tuple[ir.Passthrough, ...] = ()
    trust: tuple[ir.TrustBundle, ...] = ()
    tunnels: tuple[ir.Tunnel, ...] = ()
    outlets: tuple[ir.Inbound, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Messages:
    """The same in Envoy's words."""

    listeners: list[Any]
    scopes: list[Any]
    clusters: list[Any]
    endpoints: list[Any]
    routes: list[Any] = field(default_factory=list)
    secrets: list[Any] = field(default_factory=list)

    def all(self) -> list[Any]:
        return [
            *(*self.listeners, *self.scopes, *self.routes),
            *(*self.clusters, *self.endpoints, *self.secrets),
        ]


def messages(plan: Plan) -> Messages:
    return Messages(
        listeners=[
            *map(envoy.listener, plan.listeners),
            *map(envoy.udp_listener, plan.udp),
            *map(envoy.captured_inbound, plan.captured),
            *map(envoy.inbound_listener, plan.inbounds),
            *map(envoy.passthrough_listener, plan.passthroughs),
            *map(envoy.outbound_listener, plan.outbounds),
            *map(envoy.tunnel_listener, plan.tunnels),
            *map(envoy.outlet_listener, plan.outlets),
        ],
        scopes=[envoy.scoped_route_configuration(each) for each in plan.hosts],
        clusters=[
            *map(envoy.cluster, plan.clusters),
            *map(envoy.inbound_cluster, plan.inbounds),
            *map(envoy.passthrough_cluster, plan.passthroughs),
        ],
        endpoints=[envoy.cluster_load_assignment(each) for each in plan.endpoints],
        routes=[
            *map(envoy.inbound_route_configuration, plan.inbounds),
            *map(envoy.inbound_route_configuration, plan.outlets),
            *map(envoy.route_configuration, plan.tables),
        ],
        secrets=[envoy.trust_bundle(each) for each in plan.trust],
    )


def static_bootstrap(given: Messages, folder: Path) -> Any:
    """A Bootstrap with everything inside that otherwise comes by ADS."""
    bootstrap = envoy.bootstrap(
        node_id="static",
        xds_socket=str(folder / "xds.sock"),
        admin_socket=str(folder / "admin.sock"),
        max_heap_bytes=1 << 30,
        authorities=str(_authorities(folder)),
    )
    bootstrap.static_resources.clusters.extend(given.clusters)
    # Envoy takes no empty list of scopes; without any, a listener may as well ask for them.
    routes = {each.name: each for each in given.routes}
    listeners = [_with_routes(each, given.scopes, routes) for each in given.listeners]
    bootstrap.static_resources.listeners.extend(listeners)
    bootstrap.static_resources.secrets.extend(given.secrets)
    return bootstrap


def _authorities(folder: Path) -> Path:
    """Whom the host believes."""
    file = folder / "authorities.pem"
    file.write_bytes(TestAuthority("known everywhere").certificate)
    return file


def _with_routes(listener: Any, scopes: Sequence[Any], routes: Mapping[str, Any]) -> Any:
    rewritten = message(listener.DESCRIPTOR.full_name)()
    rewritten.CopyFrom(listener)
    for chain in rewritten.filter_chains:
        for network_filter in chain.filters:
            if network_filter.typed_config.type_url.endswith(TYPE):
                manager = unpack(network_filter.typed_config)
                if manager.HasField("scoped_routes") and scopes:
                    inline = manager.scoped_routes.scoped_route_configurations_list
                    inline.scoped_route_configurations.extend(scopes)
                if manager.rds.route_config_name in routes:
                    manager.route_config.CopyFrom(routes[manager.rds.route_config_name])
                network_filter.typed_config.CopyFrom(pack(manager))
    return rewritten
