"""Metrics: what a proxy and its application publish about themselves."""

import re

from sekisho.ir.agent import ApplicationMetrics, MetricsEndpoint, MetricsPush
from sekisho.kit import durations
from sekisho.model.policies.metrics import ApplicationMetrics as WrittenApplication
from sekisho.model.policies.metrics import (
    MetricsDefault,
    MetricsProfiles,
    MetricsSelector,
    OpenTelemetryMetrics,
    SidecarMetrics,
)

_NOTHING = ""
"""Fits no name."""
BASIC = (
    r"envoy_(?:cluster|http|listener)_(?:downstream|upstream)_(?:cx|rq)_(?:total|active|xx|time|timeout|retry"
    r"|connect_fail|destroy|rx_reset|tx_reset|pending_overflow)(?:_.*)?"
    r"|envoy_cluster_(?:membership|health_check|outlier_detection|ssl)_.*"
    r"|envoy_listener_ssl_.*|envoy_server_(?:live|uptime|memory.*|total_connections|days_until.*)"
    r"|envoy_(?:http_)?(?:rbac|local_rate_limit).*"
)
"""The profile of what dashboards need: requests, connections, TLS, health, who was refused."""


def endpoint(conf: MetricsDefault, address: str, application_address: str) -> MetricsEndpoint | None:
    """Where metrics are found, and sent; None where no backend is named. `address`: the workload's for
    others; a Gateway has none for this, and is not asked, but sends."""
    backends = conf.backends or ()
    scraped = next((one.prometheus for one in backends if one.prometheus is not None), None)
    pushes = tuple(_push(one.open_telemetry) for one in backends if one.open_telemetry is not None)
    if not address:
        scraped = None
    if scraped is None and not pushes:
        return None
    sidecar = conf.sidecar or SidecarMetrics()
    include, exclude = _profiles(sidecar.profiles or MetricsProfiles())
    return MetricsEndpoint(
        address=address,
        port=0 if scraped is None else scraped.port,
        path="/metrics" if scraped is None else scraped.path,
        pushes=pushes,
        include=include,
        exclude=exclude,
        unused=bool(sidecar.include_unused),
        applications=tuple(_application(one, application_address) for one in conf.applications or ()),
    )


def _push(asked: OpenTelemetryMetrics) -> MetricsPush:
    collector = asked.collector
    return MetricsPush(
        address=collector.address or "",
        port=collector.port or 0,
        interval=durations.parse(asked.refresh_interval) / 1000,
    )


def _profiles(asked: MetricsProfiles) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is kept, and what of that is left out. Empty for everything, and for nothing."""
    named = {one.name for one in asked.append_profiles or ()}
    include = tuple(_expression(one) for one in asked.include or ())
    exclude = tuple(_expression(one) for one in asked.exclude or ())
    if not named or "All" in named:
        return (), exclude
    if "Basic" in named:
        return (BASIC, *include), exclude
    return include or (_NOTHING,), exclude


def _expression(asked: MetricsSelector) -> str:
    """RE2 on whole names."""
    match asked.type:
        case "Regex":
            return asked.match
        case "Exact":
            return re.escape(asked.match)
        case "Prefix":
            return f"{re.escape(asked.match)}.*"
        case "Contains":
            return f".*{re.escape(asked.match)}.*"


def _application(asked: WrittenApplication, application_address: str) -> ApplicationMetrics:
    return ApplicationMetrics(
        name=asked.name or str(asked.port),
        address=asked.address or application_address,
        port=asked.port,
        path=asked.path,
    )
