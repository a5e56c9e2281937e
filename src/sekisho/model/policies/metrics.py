"""Metrics: what a proxy and its application publish about themselves."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import Duration, Model, PathText, Port
from sekisho.model.meta import Resource
from sekisho.model.policies.collectors import Collector
from sekisho.model.targets import TargetRef


class MetricsProfile(Model, frozen=True, kw_only=True):
    """A set of metrics made by us."""

    name: Annotated[
        Literal["All", "Basic", "None"],
        Meta(
            description="Everything, what dashboards need (requests, connections, TLS, health), or nothing."
        ),
    ]


class MetricsSelector(Model, frozen=True, kw_only=True):
    """Metrics by name."""

    type: Annotated[Literal["Prefix", "Regex", "Exact", "Contains"], Meta(description="How names compare.")]
    match: Annotated[Annotated[str, Meta(min_length=1, max_length=1024)], Meta(description="Text or RE2.")]


class MetricsProfiles(Model, frozen=True, kw_only=True):
    """What of the proxy is published: profiles, then without exclude, then with include."""

    append_profiles: Annotated[
        Annotated[tuple[MetricsProfile, ...], Meta(max_length=8)] | None,
        Meta(description="Sets; those of all policies together. All where none is named."),
    ] = None
    exclude: Annotated[
        Annotated[tuple[MetricsSelector, ...], Meta(max_length=64)] | None, Meta(description="Left out.")
    ] = None
    include: Annotated[
        Annotated[tuple[MetricsSelector, ...], Meta(max_length=64)] | None, Meta(description="Put back in.")
    ] = None


class SidecarMetrics(Model, frozen=True, kw_only=True):
    """Metrics of the proxy."""

    profiles: Annotated[MetricsProfiles | None, Meta(description="Which.")] = None
    include_unused: Annotated[
        bool | None, Meta(description="Whether those that never counted are shown; false.")
    ] = None


class ApplicationMetrics(Model, frozen=True, kw_only=True):
    """Where the application publishes its own (Prometheus text)."""

    name: Annotated[
        Annotated[str, Meta(min_length=1, max_length=63)] | None,
        Meta(description="Name; told in each metric."),
    ] = None
    path: Annotated[PathText, Meta(description="Path.")] = "/metrics"
    address: Annotated[
        Annotated[str, Meta(max_length=64)] | None, Meta(description="IP address; the application's.")
    ] = None
    port: Annotated[Port, Meta(description="Port.")]


class PrometheusMetrics(Model, frozen=True, kw_only=True):
    """Scraped from the agent."""

    port: Annotated[Port, Meta(description="Port.")] = 5670
    path: Annotated[PathText, Meta(description="Path.")] = "/metrics"


class OpenTelemetryMetrics(Model, frozen=True, kw_only=True):
    """Sent by the agent, as OTLP over gRPC."""

    collector: Annotated[Collector, Meta(description="Who takes them: an address; not a Service.")]
    refresh_interval: Annotated[Duration, Meta(description="Time between two sendings.")] = "60s"


class MetricsBackend(Model, frozen=True, kw_only=True):
    """A type, and the field of that type."""

    type: Annotated[
        Literal["Prometheus", "OpenTelemetry"], Meta(description="Fetched by Prometheus, or sent.")
    ]
    prometheus: Annotated[PrometheusMetrics | None, Meta(description="For Prometheus.")] = None
    open_telemetry: Annotated[OpenTelemetryMetrics | None, Meta(description="For OpenTelemetry.")] = None


class MetricsDefault(Model, frozen=True, kw_only=True):
    """Of whom, which, and how they are fetched."""

    sidecar: Annotated[SidecarMetrics | None, Meta(description="Of the proxy.")] = None
    applications: Annotated[
        Annotated[tuple[ApplicationMetrics, ...], Meta(max_length=16)] | None,
        Meta(description="Of the application."),
    ] = None
    backends: Annotated[
        Annotated[tuple[MetricsBackend, ...], Meta(max_length=8)] | None,
        Meta(description="Who gets them; nothing is published without."),
    ] = None


class MetricsSpec(Model, frozen=True, kw_only=True):
    """Which proxies, and what."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    default: Annotated[MetricsDefault, Meta(description="Values.")] = MetricsDefault()


class Metrics(Resource, frozen=True, kw_only=True):
    """What a proxy and its application publish about themselves."""

    spec: Annotated[MetricsSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
