"""Listener: one port of a Service, as the workload beside this proxy calls it."""

from typing import Any

from msgspec.structs import replace

from sekisho import ir
from sekisho.envoy.access_logs import access_logs
from sekisho.envoy.building import ADS, OFF
from sekisho.envoy.faults import faults
from sekisho.envoy.filters import cors, on_demand, router
from sekisho.envoy.http_connection_manager import Side, http_connection_manager
from sekisho.envoy.rate_limits import connection_rate_limit, request_rate_limit
from sekisho.envoy.sockets import TLS_INSPECTOR, filter_chain, sidecar_listener
from sekisho.envoy.tcp import announced, tcp_proxy

CHAIN = "outbound"
STATISTICS = "outbound"
"""All outbounds count together; each destination has figures of its own, those of its cluster."""


def outbound_listener(wanted: ir.Outbound) -> Any:
    """envoy.config.listener.v3.Listener"""
    captured: dict[str, Any] = {} if wanted.bound else {"bind_to_port": OFF}
    inspectors = [TLS_INSPECTOR] if wanted.by_server_name else []
    return sidecar_listener(
        wanted.name,
        wanted.addresses,
        wanted.port,
        "OUTBOUND",
        _chains(wanted),
        listener_filters=inspectors,
        stat_prefix=STATISTICS,
        **captured,
    )


def _chains(wanted: ir.Outbound) -> list[dict[str, Any]]:
    """One for each server name that has one of its own, and one for the rest."""
    if wanted.tcp is None:
        return [filter_chain(CHAIN, _http(wanted))]
    named = [
        filter_chain(
            f"{CHAIN}/{one.hostname}",
            _tcp(wanted, replace(wanted.tcp, shares=one.shares)),
            {"server_names": [one.hostname]},
        )
        for one in wanted.by_server_name
    ]
    return [*named, filter_chain(CHAIN, _tcp(wanted, wanted.tcp))]


def _http(wanted: ir.Outbound) -> list[dict[str, Any]]:
    """Routes come apart, as the RouteConfiguration of the same name."""
    limits = request_rate_limit(wanted.rate_limit) if wanted.rate_limit else []
    fetching = [on_demand.http_filter()] if wanted.on_demand else []
    http_filters = [
        *fetching,
        *faults(wanted.fault),
        *limits,
        cors.http_filter(),
        router.quiet_http_filter(),
    ]
    routing = {"rds": {"route_config_name": wanted.name, "config_source": ADS}}
    return [
        http_connection_manager(
            Side.OUTBOUND,
            STATISTICS,
            http_filters,
            routing,
            times=wanted.times,
            tracing=wanted.tracing,
            access_log=access_logs(wanted.access_logs),
        )
    ]


def _tcp(wanted: ir.Outbound, forward: ir.TcpForward) -> list[dict[str, Any]]:
    return [
        *connection_rate_limit(wanted.rate_limit, wanted.name),
        *announced(forward.alpn),
        tcp_proxy(
            STATISTICS,
            forward,
            access_logs(wanted.access_logs),
            max_connection_ms=wanted.times.max_connection,
            on_demand=wanted.on_demand and any(cluster != ir.CLOSED for cluster, _ in forward.shares),
        ),
    ]
