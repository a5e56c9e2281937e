"""Cluster: the application behind an inbound, and where captured connections wanted to go."""

from ipaddress import ip_address
from typing import Any

from sekisho import ir
from sekisho.envoy.clusters import cluster
from sekisho.envoy.inbound_routes import times_of_everybody

OWN_ADDRESSES = {4: "127.0.0.6", 6: "::6"}
"""By IP version: connections of the proxy to its application come from here, which tells them from captured
ones."""
CONNECT_TIMEOUT_MS = 5000
CONNECTION_AGE_MS = 3_600_000
"""Of a connection to an application, where nothing is said of idle ones; Envoy's own limit of idleness."""
_ONE_ENDPOINT = ir.Balancing(balancer=ir.Balancer.ROUND_ROBIN)
"""Nothing to compare it with."""
_OVER_HTTP1 = {ir.Protocol.HTTP1, ir.Protocol.WEBSOCKET}


def inbound_cluster(wanted: ir.Inbound) -> Any:
    """envoy.config.cluster.v3.Cluster, called like the inbound."""
    times = times_of_everybody(wanted)
    by_age = _ends_by_age(wanted, times)
    message = cluster(
        ir.Cluster(
            name=wanted.name,
            protocol=wanted.protocol,
            hosts=(ir.Host(wanted.target_address, wanted.target_port),),
            limits=wanted.limits,
            balancing=_ONE_ENDPOINT,
            idle_timeout_ms=0 if by_age else times.idle,
            max_connection_duration_ms=CONNECTION_AGE_MS if by_age else None,
            origin=wanted.origin,
            connect_timeout_ms=CONNECT_TIMEOUT_MS if times.connect is None else times.connect,
        )
    )
    if not wanted.bound and not wanted.transparent:
        source = message.upstream_bind_config.source_address
        source.address, source.port_value = OWN_ADDRESSES[ip_address(wanted.target_address).version], 0
    return message


def _ends_by_age(wanted: ir.Inbound, times: ir.Times) -> bool:
    """A clock of idleness is set and stopped by each request of HTTP/1.1. That of a connection's age is set
    once, and ends idle ones no later; but whoever names a time of idleness gets that."""
    return times.idle is None and wanted.protocol in _OVER_HTTP1


def passthrough_cluster(wanted: ir.Passthrough) -> Any:
    """envoy.config.cluster.v3.Cluster, called like the listener."""
    return cluster(ir.Cluster(name=wanted.name, original_destination=True, origin=wanted.origin))
