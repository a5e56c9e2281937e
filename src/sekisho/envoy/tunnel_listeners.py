"""Listeners of tunnels: where the connections of one cluster become those of another."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import new, seconds, value
from sekisho.envoy.clusters import CONNECTION_BUFFER_BYTES
from sekisho.envoy.sockets import LISTENER_FILTERS_SECONDS, TLS_INSPECTOR
from sekisho.envoy.tcp import named_alike, tcp_proxy
from sekisho.ir.cluster import tunnel_name


def tunnel_listener(wanted: ir.Tunnel) -> Any:
    """envoy.config.listener.v3.Listener without a socket: nobody outside of the process can connect to it."""
    name = tunnel_name(wanted.cluster)
    forward = ir.TcpForward(shares=((wanted.leads_to or wanted.cluster, 1),))
    filters = [*(named_alike() if wanted.passes_name_on else ()), tcp_proxy(name, forward)]
    chain: dict[str, Any] = {"name": name, "filters": filters}
    fields: dict[str, Any] = {}
    if wanted.server_name or wanted.passes_name_on:
        fields["listener_filters"] = [TLS_INSPECTOR]
        fields["listener_filters_timeout"] = seconds(LISTENER_FILTERS_SECONDS)
    if wanted.server_name:
        chain["filter_chain_match"] = {"server_names": [wanted.server_name]}
    return new(
        "envoy.config.listener.v3.Listener",
        name=name,
        internal_listener={},
        per_connection_buffer_limit_bytes=value(CONNECTION_BUFFER_BYTES),
        filter_chains=[chain],
        **fields,
    )
