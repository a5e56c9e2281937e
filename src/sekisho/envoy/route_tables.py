"""RouteConfiguration: all routes of one outbound port. What none of them matches is answered 404.

Requests that may take for ever are ended when nothing moves any more. The others are ended when their time is
over: a second clock, set anew for each piece that passes, would be work for nothing.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec.structs import replace

from sekisho import ir
from sekisho.envoy.building import OFF, new
from sekisho.envoy.filters import cors, on_demand
from sekisho.envoy.http_connection_manager import STREAM_IDLE_MS
from sekisho.envoy.route_action import UNRESOLVED, timeout_ms
from sekisho.envoy.routes import virtual_host
from sekisho.protos import pack


def route_configuration(wanted: ir.RouteTable) -> Any:
    """envoy.config.route.v3.RouteConfiguration"""
    return new(
        "envoy.config.route.v3.RouteConfiguration",
        name=wanted.name,
        virtual_hosts=[_without_fetching(virtual_host(_ended_when_idle(host))) for host in wanted.hosts],
        # A cluster may come later, and one is never defined on purpose (`route_action.UNRESOLVED`).
        validate_clusters=OFF,
        typed_per_filter_config={} if _with_cors(wanted) else _without_cors(),
    )


def _ended_when_idle(host: ir.VirtualHost) -> ir.VirtualHost:
    return replace(host, routes=tuple(map(_bounded, host.routes)))


def _bounded(route: ir.Route) -> ir.Route:
    action = route.action
    if not isinstance(action, ir.Forward) or action.stream_idle_ms is not None or timeout_ms(action):
        return route
    return replace(route, action=replace(action, stream_idle_ms=STREAM_IDLE_MS))


def _without_fetching(host: dict[str, Any]) -> dict[str, Any]:
    """Nobody waits for what is never defined, where the proxy would ask for what it does not know."""
    for route in host["routes"]:
        for share in route.get("route", {}).get("weighted_clusters", {}).get("clusters", ()):
            if share["name"] == UNRESOLVED:
                share["typed_per_filter_config"] = on_demand.never_fetched()
    return host


def _with_cors(wanted: ir.RouteTable) -> bool:
    return any(route.cors for host in wanted.hosts for route in host.routes)


@cache
def _without_cors() -> Mapping[str, Any]:
    """The filter is not even created; it would be 3 % of Envoy's work."""
    return {cors.NAME: pack(new("envoy.config.route.v3.FilterConfig", disabled=True))}
