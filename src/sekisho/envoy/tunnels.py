"""Tunnels: connections of one cluster within those of another, by a listener that Envoy alone can reach."""

from typing import Any

from sekisho.envoy.building import extension
from sekisho.ir.cluster import tunnel_name


def into_tunnel(tunnel: str, endpoint: str) -> dict[str, Any]:
    """envoy.config.core.v3.Address; `endpoint` tells those from each other that lead into one tunnel."""
    return {"envoy_internal_address": {"server_listener_name": tunnel_name(tunnel), "endpoint_id": endpoint}}


def through_tunnel(name: str, inside: str) -> dict[str, Any]:
    """Fields of envoy.config.cluster.v3.Cluster: its one endpoint is the tunnel into `inside`."""
    endpoint = {"endpoint": {"address": into_tunnel(inside, "")}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"type": "STATIC", "load_assignment": assignment}


def bootstrap_extension() -> dict[str, Any]:
    """What a Bootstrap must have for listeners without a socket."""
    name = "envoy.bootstrap.internal_listener"
    return extension(name, "envoy.extensions.bootstrap.internal_listener.v3.InternalListener")
