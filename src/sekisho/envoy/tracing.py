"""Tracing: spans of requests, to one collector."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension


def tracing(wanted: ir.Tracing) -> dict[str, Any]:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing"""
    return {
        "client_sampling": {"value": wanted.client},
        "random_sampling": {"value": wanted.random},
        "overall_sampling": {"value": wanted.overall},
        "custom_tags": [_custom_tag(tag) for tag in wanted.tags],
        "provider": _opentelemetry(wanted) if wanted.provider == "opentelemetry" else _zipkin(wanted),
        "spawn_upstream_span": {"value": True},
    }


def _opentelemetry(wanted: ir.Tracing) -> dict[str, Any]:
    return extension(
        "envoy.tracers.opentelemetry",
        "envoy.config.trace.v3.OpenTelemetryConfig",
        grpc_service={"envoy_grpc": {"cluster_name": wanted.cluster}},
        service_name=wanted.service_name,
    )


def _zipkin(wanted: ir.Tracing) -> dict[str, Any]:
    return extension(
        "envoy.tracers.zipkin",
        "envoy.config.trace.v3.ZipkinConfig",
        collector_cluster=wanted.cluster,
        collector_endpoint=wanted.path,
        collector_endpoint_version="HTTP_JSON",
        trace_id_128bit=wanted.trace_id_128,
        shared_span_context={"value": wanted.shared_span_context},
    )


def _custom_tag(tag: ir.Tag) -> dict[str, Any]:
    """envoy.type.tracing.v3.CustomTag: of a header, or always the same text."""
    if tag.header:
        header = {"name": tag.header, "default_value": tag.default}
        return {"tag": tag.name, "request_header": header}
    return {"tag": tag.name, "literal": {"value": tag.literal}}
