"""HealthCheck: endpoints are asked how they are. Redirects are never followed."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import milliseconds, value
from sekisho.envoy.headers import header_value_options
from sekisho.envoy.upstream_tls import BARE


def health_check(wanted: ir.HealthCheck, host: str, *, http2: bool) -> dict[str, Any]:
    """envoy.config.core.v3.HealthCheck; `host`: what a server is called that has no other name."""
    return {
        "name": wanted.kind,
        "interval": milliseconds(wanted.interval_ms),
        "timeout": milliseconds(wanted.timeout_ms),
        "unhealthy_threshold": value(wanted.unhealthy_threshold),
        "healthy_threshold": value(wanted.healthy_threshold),
        "initial_jitter": milliseconds(wanted.initial_jitter_ms),
        "interval_jitter": milliseconds(wanted.interval_jitter_ms),
        "interval_jitter_percent": wanted.interval_jitter_percent,
        **_without_traffic(wanted),
        "reuse_connection": {"value": wanted.reuse_connection},
        **({"transport_socket_match_criteria": {BARE: True}} if wanted.bare else {}),
        **_checker(wanted, wanted.authority or host, http2=http2),
    }


def _without_traffic(wanted: ir.HealthCheck) -> dict[str, Any]:
    fields = {"no_traffic_interval": milliseconds(wanted.no_traffic_interval_ms)}
    if wanted.no_traffic_healthy_interval_ms is not None:
        fields["no_traffic_healthy_interval"] = milliseconds(wanted.no_traffic_healthy_interval_ms)
    return fields


def _checker(wanted: ir.HealthCheck, host: str, *, http2: bool) -> dict[str, Any]:
    match wanted.kind:
        case "tcp":
            tcp: dict[str, Any] = {"receive": [_payload(each) for each in wanted.receive]}
            if wanted.send:
                tcp["send"] = _payload(wanted.send)
            return {"tcp_health_check": tcp}
        case "http":
            return {"http_health_check": _http(wanted, host, http2=http2)}
        case "grpc":
            return {"grpc_health_check": {"service_name": wanted.service, "authority": host}}


def _payload(content: bytes) -> dict[str, Any]:
    """envoy.config.core.v3.HealthCheck.Payload"""
    return {"text": content.hex()}


def _http(wanted: ir.HealthCheck, host: str, *, http2: bool) -> dict[str, Any]:
    """envoy.config.core.v3.HealthCheck.HttpHealthCheck"""
    return {
        "host": host,
        "path": wanted.path,
        "request_headers_to_add": header_value_options(ir.HeaderEdits(set=wanted.headers)),
        "expected_statuses": [{"start": each, "end": each + 1} for each in wanted.expected_statuses],
        "codec_client_type": "HTTP2" if http2 else "HTTP1",
    }
