"""Tracing: spans of requests, sent to a collector."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import HeaderName, Model, PathText
from sekisho.model.meta import Resource
from sekisho.model.policies.collectors import Collector
from sekisho.model.targets import TargetRef


class ZipkinTracing(Model, frozen=True, kw_only=True):
    """Zipkin v2 over HTTP, JSON."""

    collector: Annotated[Collector, Meta(description="Who takes it.")]
    path: Annotated[PathText, Meta(description="Path of the collector.")] = "/api/v2/spans"
    trace_id128bit: Annotated[bool, Meta(description="Whether trace ids have 128 bits, or 64.")] = field(
        default=False, name="traceId128bit"
    )
    shared_span_context: Annotated[bool, Meta(description="Whether client and server share a span.")] = True


class OpenTelemetryTracing(Model, frozen=True, kw_only=True):
    """OTLP over gRPC."""

    collector: Annotated[Collector, Meta(description="Who takes it.")]
    service_name: Annotated[
        Annotated[str, Meta(max_length=256)] | None, Meta(description="service.name; the proxy's cluster.")
    ] = None


class TracingBackend(Model, frozen=True, kw_only=True):
    """A type, and the field of that type."""

    type: Annotated[Literal["OpenTelemetry", "Zipkin"], Meta(description="What is spoken.")]
    zipkin: Annotated[ZipkinTracing | None, Meta(description="For Zipkin.")] = None
    open_telemetry: Annotated[OpenTelemetryTracing | None, Meta(description="For OpenTelemetry.")] = None


class TracingSampling(Model, frozen=True, kw_only=True):
    """Which requests are traced, in percent; decimals in quotes."""

    overall: Annotated[int | str | None, Meta(description="Most of all requests; 100.")] = None
    client: Annotated[int | str | None, Meta(description="Of those whose caller asks for it; 100.")] = None
    random: Annotated[int | str | None, Meta(description="Of the others; 100.")] = None


class TracingTagHeader(Model, frozen=True, kw_only=True):
    """A request header."""

    name: Annotated[HeaderName, Meta(description="Header name.")]
    default: Annotated[
        Annotated[str, Meta(max_length=1024)] | None, Meta(description="Value where the header is missing.")
    ] = None


class TracingTag(Model, frozen=True, kw_only=True):
    """A tag of each span."""

    name: Annotated[Annotated[str, Meta(min_length=1, max_length=256)], Meta(description="Name.")]
    literal: Annotated[Annotated[str, Meta(max_length=1024)] | None, Meta(description="A fixed value.")] = (
        None
    )
    header: Annotated[TracingTagHeader | None, Meta(description="The value of a header.")] = None


class TracingDefault(Model, frozen=True, kw_only=True):
    """Where spans go, and which."""

    backends: Annotated[
        Annotated[tuple[TracingBackend, ...], Meta(max_length=1)] | None,
        Meta(description="Where spans go, at most one; an empty list turns tracing off."),
    ] = None
    sampling: Annotated[TracingSampling | None, Meta(description="Which requests.")] = None
    tags: Annotated[
        Annotated[tuple[TracingTag, ...], Meta(max_length=64)] | None, Meta(description="Tags of spans.")
    ] = None


class TracingSpec(Model, frozen=True, kw_only=True):
    """Which proxies, and what."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    default: Annotated[TracingDefault, Meta(description="Values.")] = TracingDefault()


class Tracing(Resource, frozen=True, kw_only=True):
    """Spans of requests, sent to a collector."""

    spec: Annotated[TracingSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
