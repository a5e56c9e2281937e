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


def inbound_cluster(wanted: ir.Inbound) -> Any:
    """envoy.config.cluster.v3.Cluster, called like the inbound."""
    times = times_of_everybody(wanted)
    message = cluster(
        ir.Cluster(
            name=wanted.name,
            protocol=wanted.protocol,
            hosts=(ir.Host(wanted.target_address, wanted.target_port),),
            limits=wanted.limits,
            idle_timeout_ms=times.idle,
            origin=wanted.origin,
            connect_timeout_ms=CONNECT_TIMEOUT_MS if times.connect is None else times.connect,
        )
    )
    if not wanted.bound and not wanted.transparent:
        source = message.upstream_bind_config.source_address
        source.address, source.port_value = OWN_ADDRESSES[ip_address(wanted.target_address).version], 0
    return message


def passthrough_cluster(wanted: ir.Passthrough) -> Any:
    """envoy.config.cluster.v3.Cluster, called like the listener."""
    return cluster(ir.Cluster(name=wanted.name, original_destination=True, origin=wanted.origin))
