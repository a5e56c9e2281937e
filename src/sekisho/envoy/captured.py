"""Listener: the socket that captured connections to a workload arrive at, before its ports take them over."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import ON
from sekisho.envoy.sockets import ORIGINAL_DESTINATION, both_families, filter_chain, sidecar_listener
from sekisho.envoy.tcp import closed

CLOSED_CHAIN = "closed"


def captured_inbound(wanted: ir.CapturedInbound) -> Any:
    """envoy.config.listener.v3.Listener. Connections to a port without an `Inbound` stay here, and end."""
    transparent: dict[str, Any] = {"transparent": ON} if wanted.transparent else {}
    return sidecar_listener(
        wanted.name,
        both_families(wanted.address),
        wanted.port,
        "INBOUND",
        [filter_chain(CLOSED_CHAIN, [closed(wanted.name)])],
        listener_filters=[ORIGINAL_DESTINATION],
        use_original_dst=ON,
        **transparent,
    )
