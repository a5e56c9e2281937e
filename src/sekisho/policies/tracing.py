"""Tracing: spans of requests, sent to a collector."""

from collections.abc import Iterator
from typing import Any

from sekisho import ir
from sekisho.ir.telemetry import Tag
from sekisho.model.policies.collectors import Collector
from sekisho.model.policies.tracing import TracingBackend, TracingDefault, TracingSampling, TracingTag
from sekisho.policies.collectors import cluster_name
from sekisho.policies.values import percent

_ALL = 100.0


def tracing(conf: TracingDefault, side: str = "") -> ir.Tracing | None:
    """None where no backend is named. `side` as in `collectors.cluster_name`."""
    if not conf.backends:
        return None
    sampling = conf.sampling or TracingSampling()
    backend = _backend(conf.backends[0], side)
    return ir.Tracing(
        **backend,
        overall=percent(sampling.overall, _ALL),
        client=percent(sampling.client, _ALL),
        random=percent(sampling.random, _ALL),
        tags=tuple(_tag(one) for one in conf.tags or ()),
    )


def collectors(conf: TracingDefault) -> Iterator[tuple[Collector, ir.Protocol]]:
    """Those that need a cluster, with what they speak."""
    for backend in conf.backends or ():
        if backend.open_telemetry:
            yield backend.open_telemetry.collector, ir.Protocol.GRPC
        elif backend.zipkin:
            yield backend.zipkin.collector, ir.Protocol.HTTP1


def _backend(backend: TracingBackend, side: str) -> dict[str, Any]:
    if zipkin := backend.zipkin:
        return {
            "provider": "zipkin",
            "cluster": cluster_name(zipkin.collector, side),
            "path": zipkin.path,
            "trace_id_128": zipkin.trace_id128bit,
            "shared_span_context": zipkin.shared_span_context,
        }
    assert backend.open_telemetry is not None  # noqa: S101  validation: the field of the type is there
    collector = backend.open_telemetry.collector
    name = backend.open_telemetry.service_name or ""
    return {"provider": "opentelemetry", "cluster": cluster_name(collector, side), "service_name": name}


def _tag(asked: TracingTag) -> Tag:
    if asked.header:
        return Tag(name=asked.name, header=asked.header.name.lower(), default=asked.header.default or "")
    return Tag(name=asked.name, literal=asked.literal or "")
