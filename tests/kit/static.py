"""A whole proxy in one Bootstrap, so that `envoy --mode validate` can judge everything at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekisho import envoy, ir
from sekisho.envoy.http_connection_manager import TYPE
from sekisho.protos import message, pack, unpack


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one proxy must do."""

    listeners: tuple[ir.Listener, ...] = ()
    hosts: tuple[ir.VirtualHost | ir.WildcardTable, ...] = ()
    clusters: tuple[ir.Cluster, ...] = ()
    endpoints: tuple[ir.Endpoints, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Messages:
    """The same in Envoy's words."""

    listeners: list[Any]
    scopes: list[Any]
    clusters: list[Any]
    endpoints: list[Any]

    def all(self) -> list[Any]:
        return [*self.listeners, *self.scopes, *self.clusters, *self.endpoints]


def messages(plan: Plan) -> Messages:
    return Messages(
        listeners=[envoy.listener(each) for each in plan.listeners],
        scopes=[envoy.scoped_route_configuration(each) for each in plan.hosts],
        clusters=[envoy.cluster(each) for each in plan.clusters],
        endpoints=[envoy.cluster_load_assignment(each) for each in plan.endpoints],
    )


def static_bootstrap(given: Messages, folder: Path) -> Any:
    """A Bootstrap with everything inside that otherwise comes by ADS."""
    bootstrap = envoy.bootstrap(
        node_id="static",
        xds_socket=str(folder / "xds.sock"),
        admin_socket=str(folder / "admin.sock"),
        max_heap_bytes=1 << 30,
    )
    bootstrap.static_resources.clusters.extend(given.clusters)
    # Envoy takes no empty list of scopes; without any, the listener may as well ask for them.
    listeners = (
        [_with_scopes(each, given.scopes) for each in given.listeners] if given.scopes else given.listeners
    )
    bootstrap.static_resources.listeners.extend(listeners)
    return bootstrap


def _with_scopes(listener: Any, scopes: Iterable[Any]) -> Any:
    rewritten = message(listener.DESCRIPTOR.full_name)()
    rewritten.CopyFrom(listener)
    for chain in rewritten.filter_chains:
        for network_filter in chain.filters:
            if network_filter.typed_config.type_url.endswith(TYPE):
                manager = unpack(network_filter.typed_config)
                manager.scoped_routes.scoped_route_configurations_list.scoped_route_configurations.extend(
                    scopes
                )
                network_filter.typed_config.CopyFrom(pack(manager))
    return rewritten
