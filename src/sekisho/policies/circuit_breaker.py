"""CircuitBreaker: bounds on what goes to a destination, and endpoints left out that fail."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from sekisho import ir
from sekisho.model.policies.circuit_breaker import (
    CircuitBreakerDefault,
    ConnectionLimits,
    OutlierConsecutive,
    OutlierDetection,
    OutlierDetectors,
    OutlierFailurePercentage,
    OutlierSuccessRate,
)
from sekisho.policies.rules import Rule, chosen
from sekisho.policies.values import first, milliseconds_or

_CONSECUTIVE = 5
_LEAST_HOSTS = 5
_SUCCESS_REQUESTS, _SUCCESS_FACTOR = 100, "1.9"
_FAILURE_REQUESTS, _FAILURE_THRESHOLD = 50, 85


def cluster(node: ir.Cluster, conf: CircuitBreakerDefault) -> ir.Cluster:
    """Bounds and outliers of a destination."""
    found = replace(node, limits=limits(node.limits, conf))
    outliers = conf.outlier_detection
    if outliers is None:
        return found
    if outliers.healthy_panic_threshold is not None:
        balancing = replace(found.balancing, panic_percent=outliers.healthy_panic_threshold)
        found = replace(found, balancing=balancing)
    watched = _outliers(outliers)
    # Of endpoints that fail together, or soon after others came, all but the first would be called on for up
    # to a second after they are left out.
    return replace(found, outliers=watched, told_at_once=found.told_at_once or watched is not None)


def inbound(node: ir.Inbound, rules: Iterable[Rule]) -> ir.Inbound:
    """Bounds on what reaches the application; the same for everybody."""
    found = chosen(rules, CircuitBreakerDefault)
    return replace(node, limits=limits(node.limits, found[-1].value)) if found else node


def limits(node: ir.Limits, conf: CircuitBreakerDefault) -> ir.Limits:
    """Bounds; what is not said stays."""
    asked = conf.connection_limits or ConnectionLimits()
    return ir.Limits(
        connections=first(asked.max_connections, node.connections),
        pools=first(asked.max_connection_pools, node.pools),
        pending_requests=first(asked.max_pending_requests, node.pending_requests),
        requests=first(asked.max_requests, node.requests),
        retries=first(asked.max_retries, node.retries),
    )


def _outliers(asked: OutlierDetection) -> ir.Outliers | None:
    detectors = asked.detectors or OutlierDetectors()
    if asked.disabled or detectors == OutlierDetectors():
        return None
    plain = ir.Outliers()
    return ir.Outliers(
        interval_ms=milliseconds_or(asked.interval, plain.interval_ms),
        base_ejection_ms=milliseconds_or(asked.base_ejection_time, plain.base_ejection_ms),
        max_ejection_percent=plain.max_ejection_percent
        if asked.max_ejection_percent is None
        else asked.max_ejection_percent,
        # Local failures counted for themselves are split off, or they would count twice.
        split_local_errors=asked.split_external_and_local_errors
        or detectors.local_origin_failures is not None,
        consecutive_failures=_consecutive(detectors.total_failures),
        consecutive_gateway_failures=_consecutive(detectors.gateway_failures),
        consecutive_local_failures=_consecutive(detectors.local_origin_failures),
        success_rate=_success_rate(detectors.success_rate),
        failure_percentage=_failure_percentage(detectors.failure_percentage),
    )


def _consecutive(asked: OutlierConsecutive | None) -> int | None:
    return None if asked is None else asked.consecutive or _CONSECUTIVE


def _success_rate(asked: OutlierSuccessRate | None) -> tuple[int, int, int] | None:
    if asked is None:
        return None
    factor = int(Decimal(asked.standard_deviation_factor or _SUCCESS_FACTOR) * 1000)
    return asked.minimum_hosts or _LEAST_HOSTS, asked.request_volume or _SUCCESS_REQUESTS, factor


def _failure_percentage(asked: OutlierFailurePercentage | None) -> tuple[int, int, int] | None:
    if asked is None:
        return None
    threshold = _FAILURE_THRESHOLD if asked.threshold is None else asked.threshold
    return asked.minimum_hosts or _LEAST_HOSTS, asked.request_volume or _FAILURE_REQUESTS, threshold
