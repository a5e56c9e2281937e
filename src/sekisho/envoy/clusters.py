"""Cluster: where the requests of one service port go. Its endpoints come apart, by EDS."""

from functools import cache
from typing import Any

from sekisho import ir
from sekisho.envoy.building import ADS, new, seconds, value

CONNECTION_BUFFER_BYTES = 32 * 1024
CONNECT_TIMEOUT_SECONDS = 5
STREAM_WINDOW_BYTES = 64 * 1024
CONNECTION_WINDOW_BYTES = 1024 * 1024
CONCURRENT_STREAMS = 100
BREAKER_LIMIT = 1024
"""Connections, waiting requests and active requests per cluster: Envoy's defaults, said aloud."""
RETRY_BUDGET_PERCENT = 20.0
RETRIES_ALWAYS_ALLOWED = 3

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def cluster(wanted: ir.Cluster) -> Any:
    """envoy.config.cluster.v3.Cluster"""
    message = new("envoy.config.cluster.v3.Cluster")
    message.CopyFrom(_common(wanted.protocol))
    message.name = wanted.name
    return message


@cache
def _common(protocol: ir.Protocol) -> Any:
    """All but the name: clusters come by the thousand and differ in little else."""
    message = new(
        "envoy.config.cluster.v3.Cluster",
        type="EDS",
        eds_cluster_config={"eds_config": ADS},
        lb_policy="LEAST_REQUEST",
        connect_timeout=seconds(CONNECT_TIMEOUT_SECONDS),
        per_connection_buffer_limit_bytes=value(CONNECTION_BUFFER_BYTES),
        circuit_breakers={"thresholds": [_thresholds()]},
    )
    if protocol is ir.Protocol.H2C:
        options = new(_HTTP_OPTIONS, explicit_http_config={"http2_protocol_options": _HTTP2})
        message.typed_extension_protocol_options[_HTTP_OPTIONS].Pack(options)
    return message


_HTTP2 = {
    "max_concurrent_streams": value(CONCURRENT_STREAMS),
    "initial_stream_window_size": value(STREAM_WINDOW_BYTES),
    "initial_connection_window_size": value(CONNECTION_WINDOW_BYTES),
}


def _thresholds() -> dict[str, Any]:
    return {
        "max_connections": value(BREAKER_LIMIT),
        "max_pending_requests": value(BREAKER_LIMIT),
        "max_requests": value(BREAKER_LIMIT),
        "retry_budget": {
            "budget_percent": {"value": RETRY_BUDGET_PERCENT},
            "min_retry_concurrency": value(RETRIES_ALWAYS_ALLOWED),
        },
    }
