"""OverloadManager: what Envoy gives up, and in which order, before it runs out of memory or connections."""

from typing import Any

from sekisho.envoy.building import extension, milliseconds

_HEAP = "envoy.resource_monitors.fixed_heap"
_CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections"
_ACCOUNT_POWER_OF_TWO = 20
"""Streams that hold 1 MiB or more are candidates for a reset."""


def overload_manager(
    *, max_heap_bytes: int, max_connections: int, weighs_streams: bool = True
) -> dict[str, Any]:
    """envoy.config.overload.v3.OverloadManager. Pressure is a share of the limit, 0 to 1.

    `weighs_streams`: keep account of the memory of each stream, to end the heaviest. It is 4 % of the work of
    a sidecar, whose streams are of members of the mesh and bounded by their buffers.
    """
    actions = [
        _action("shrink_heap", {"threshold": {"value": 0.90}}),
        _action("disable_http_keepalive", {"threshold": {"value": 0.92}}),
        _action("stop_accepting_requests", _scaled(0.95, 0.98)),
    ]
    accounts: dict[str, Any] = {}
    if weighs_streams:
        actions.insert(1, _action("reset_high_memory_stream", _scaled(0.90, 0.98)))
        accounts["buffer_factory_config"] = {"minimum_account_to_track_power_of_two": _ACCOUNT_POWER_OF_TWO}
    return {
        "refresh_interval": milliseconds(250),
        "resource_monitors": [
            extension(
                _HEAP,
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=max_heap_bytes,
            ),
            extension(
                _CONNECTIONS,
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=max_connections,
            ),
        ],
        **accounts,
        "actions": actions,
        "loadshed_points": [
            {
                "name": "envoy.load_shed_points.tcp_listener_accept",
                "triggers": [{"name": _HEAP, "threshold": {"value": 0.97}}],
            }
        ],
    }


def _action(name: str, trigger: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"envoy.overload_actions.{name}", "triggers": [{"name": _HEAP, **trigger}]}


def _scaled(start: float, full: float) -> dict[str, Any]:
    return {"scaled": {"scaling_threshold": start, "saturation_threshold": full}}
