"""Outlet: the way out of a mesh to one ExternalService, within the proxy of a zone egress."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import new, seconds, value
from sekisho.envoy.clusters import CONNECTION_BUFFER_BYTES
from sekisho.envoy.inbound import inbound_chains
from sekisho.envoy.refusals import refusals_told
from sekisho.envoy.sockets import LISTENER_FILTERS_SECONDS, TLS_INSPECTOR


def outlet_listener(wanted: ir.Inbound) -> Any:
    """envoy.config.listener.v3.Listener without a socket: connections come from the listener that looks at
    server names. Who calls is asked here, as a sidecar asks it, before a byte goes out."""
    return new(
        "envoy.config.listener.v3.Listener",
        name=wanted.name,
        internal_listener={},
        traffic_direction="INBOUND",
        per_connection_buffer_limit_bytes=value(CONNECTION_BUFFER_BYTES),
        listener_filters=[TLS_INSPECTOR],
        listener_filters_timeout=seconds(LISTENER_FILTERS_SECONDS),
        access_log=refusals_told(),
        filter_chains=inbound_chains(wanted),
    )
