"""Tunnels: connections of one cluster within those of another, by a listener that Envoy alone can reach."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, new, value
from sekisho.envoy.tcp import tcp_proxy
from sekisho.ir.cluster import tunnel_name

CONNECTION_BUFFER_BYTES = 32 * 1024


def tunnel_listener(wanted: ir.Tunnel) -> Any:
    """envoy.config.listener.v3.Listener without a socket: nobody outside of the process can connect to it."""
    name = tunnel_name(wanted.cluster)
    forward = ir.TcpForward(shares=((wanted.cluster, 1),))
    return new(
        "envoy.config.listener.v3.Listener",
        name=name,
        internal_listener={},
        per_connection_buffer_limit_bytes=value(CONNECTION_BUFFER_BYTES),
        filter_chains=[{"name": name, "filters": [tcp_proxy(name, forward)]}],
    )


def through_tunnel(name: str, inside: str) -> dict[str, Any]:
    """Fields of envoy.config.cluster.v3.Cluster: its one endpoint is the tunnel into `inside`."""
    address = {"envoy_internal_address": {"server_listener_name": tunnel_name(inside)}}
    endpoint = {"endpoint": {"address": address}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"type": "STATIC", "load_assignment": assignment}


def bootstrap_extension() -> dict[str, Any]:
    """What a Bootstrap must have for listeners without a socket."""
    name = "envoy.bootstrap.internal_listener"
    return extension(name, "envoy.extensions.bootstrap.internal_listener.v3.InternalListener")
