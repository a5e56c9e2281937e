"""RouteConfiguration: all routes of one outbound port. What none of them matches is answered 404."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, new
from sekisho.envoy.routes import virtual_host


def route_configuration(wanted: ir.RouteTable) -> Any:
    """envoy.config.route.v3.RouteConfiguration"""
    return new(
        "envoy.config.route.v3.RouteConfiguration",
        name=wanted.name,
        virtual_hosts=[virtual_host(host) for host in wanted.hosts],
        # A cluster may come later, and one is never defined on purpose (`route_action.UNRESOLVED`).
        validate_clusters=OFF,
    )
