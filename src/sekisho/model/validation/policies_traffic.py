"""Rules of the values of policies about traffic: times, tries, bounds, checks, balancing, rates, faults."""

from collections.abc import Iterator
from typing import Any

from sekisho.kit import durations
from sekisho.model import paths
from sekisho.model.policies.access_log import AccessLogDefault
from sekisho.model.policies.circuit_breaker import CircuitBreakerDefault
from sekisho.model.policies.fault_injection import FaultInjectionDefault
from sekisho.model.policies.health_check import HealthCheckDefault
from sekisho.model.policies.load_balancing import HashPolicy, LoadBalancingDefault, RingHash
from sekisho.model.policies.rate_limit import Rate, RateLimitDefault
from sekisho.model.policies.retry import RetryDefault, RetryHeader
from sekisho.model.policies.timeout import TimeoutDefault
from sekisho.model.policies.traffic_permission import TrafficPermissionDefault
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import regex, targets
from sekisho.model.validation.policies_values import one_of, percentage, positive
from sekisho.model.validation.shared import unique

LEAST_INTERVAL_MS = 50
"""Of a token bucket: Envoy refuses a shorter fill interval (local_rate_limit.proto)."""
REFUSALS = frozenset({*range(400, 418), *range(421, 425), 426, 428, 429, 431, *range(500, 509), 510, 511})
"""Statuses a limited request can be answered with: Envoy has names for these and refuses all others
(envoy.type.v3.StatusCode)."""


def traffic_permission(path: str, value: TrafficPermissionDefault) -> Iterator[Problem]:
    """Callers."""
    yield from targets.callers(paths.field(path, "deny"), value.deny)
    shadow = paths.field(path, "allowWithShadowDeny")
    yield from targets.callers(shadow, value.allow_with_shadow_deny)
    yield from targets.callers(paths.field(path, "allow"), value.allow)


def timeout(path: str, value: TimeoutDefault) -> Iterator[Problem]:
    """A connection cannot be waited for without end (Cluster.connect_timeout)."""
    yield from positive(paths.field(path, "connectionTimeout"), value.connection_timeout)


def retry(path: str, value: RetryDefault) -> Iterator[Problem]:
    """Waits and headers."""
    for name, part in (("http", value.http), ("grpc", value.grpc)):
        if part is None:
            continue
        where = paths.field(path, name)
        if part.back_off:
            back_off = paths.field(where, "backOff")
            yield from positive(paths.field(back_off, "baseInterval"), part.back_off.base_interval)
            yield from _ordered(back_off, part.back_off.base_interval, part.back_off.max_interval)
        limited = part.rate_limited_back_off
        if limited and limited.reset_headers is not None and not limited.reset_headers:
            headers = paths.field(where, "rateLimitedBackOff.resetHeaders")
            yield Problem(headers, "expected at least one header", reason=Reason.REQUIRED)
    if value.http:
        where = paths.field(path, "http")
        response, request = value.http.retriable_response_headers, value.http.retriable_request_headers
        yield from _headers(paths.field(where, "retriableResponseHeaders"), response or ())
        yield from _headers(paths.field(where, "retriableRequestHeaders"), request or ())


def _ordered(path: str, least: str | None, most: str | None) -> Iterator[Problem]:
    if least and most and durations.parse(most) < durations.parse(least):
        yield Problem(paths.field(path, "maxInterval"), "expected at least baseInterval")


def _headers(path: str, headers: tuple[RetryHeader, ...]) -> Iterator[Problem]:
    for index, header in enumerate(headers):
        where = paths.field(paths.item(path, index), "value")
        if header.type == "Present" and header.value is not None:
            yield Problem(where, "is not for type Present", reason=Reason.FORBIDDEN)
        elif header.type != "Present" and header.value is None:
            yield Problem(where, f"is required for type {header.type}", reason=Reason.REQUIRED)
        elif header.type == "RegularExpression" and header.value:
            yield from regex.problems(where, header.value)


def circuit_breaker(path: str, value: CircuitBreakerDefault) -> Iterator[Problem]:
    """Local failures can be counted only where they are told apart."""
    outliers = value.outlier_detection
    if outliers is None:
        return
    where = paths.field(path, "outlierDetection")
    yield from positive(paths.field(where, "interval"), outliers.interval)
    yield from positive(paths.field(where, "baseEjectionTime"), outliers.base_ejection_time)
    detectors = outliers.detectors
    if detectors and detectors.local_origin_failures and outliers.split_external_and_local_errors is False:
        message = "needs splitExternalAndLocalErrors"
        yield Problem(paths.field(where, "detectors.localOriginFailures"), message, reason=Reason.FORBIDDEN)


def health_check(path: str, value: HealthCheckDefault) -> Iterator[Problem]:
    """Envoy wants times above zero, and a path."""
    times = (
        ("interval", value.interval),
        ("timeout", value.timeout),
        ("noTrafficInterval", value.no_traffic_interval),
    )
    for name, time in times:
        yield from positive(paths.field(path, name), time)
    if value.http and value.http.path is not None and not value.http.path.startswith("/"):
        yield Problem(paths.field(path, "http.path"), "expected a path that begins with `/`")
    if value.http and value.http.expected_statuses is not None:
        where = paths.field(path, "http.expectedStatuses")
        if not value.http.expected_statuses:
            yield Problem(where, "expected at least one status", reason=Reason.REQUIRED)
        yield from unique(where, value.http.expected_statuses, "", "status")


_HASHES = {
    "Header": "header",
    "Cookie": "cookie",
    "Connection": "connection",
    "QueryParameter": "query_parameter",
    "FilterState": "filter_state",
}


def load_balancing(path: str, value: LoadBalancingDefault) -> Iterator[Problem]:
    """Options of the algorithm, zones, what is hashed."""
    balancer = value.load_balancer
    if balancer and balancer.ring_hash:
        yield from _ring(paths.field(path, "loadBalancer.ringHash"), balancer.ring_hash)
    if balancer and balancer.maglev and balancer.maglev.table_size and not _prime(balancer.maglev.table_size):
        yield Problem(paths.field(path, "loadBalancer.maglev.tableSize"), "expected a prime number")
    yield from _failover(path, value)
    for index, policy in enumerate(value.hash_policies or ()):
        yield from _hash(paths.item(paths.field(path, "hashPolicies"), index), policy)


def _ring(path: str, ring: RingHash) -> Iterator[Problem]:
    if ring.min_ring_size and ring.max_ring_size and ring.min_ring_size > ring.max_ring_size:
        yield Problem(paths.field(path, "maxRingSize"), "expected at least minRingSize")


def _prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def _failover(path: str, value: LoadBalancingDefault) -> Iterator[Problem]:
    awareness = value.locality_awareness
    cross = awareness.cross_zone if awareness else None
    for index, step in enumerate((cross.failover if cross else None) or ()):
        where = paths.field(path, f"localityAwareness.crossZone.failover[{index}].to.zones")
        named = step.to.type in ("Only", "AnyExcept")
        if named and not step.to.zones:
            yield Problem(where, f"is required for type {step.to.type}", reason=Reason.REQUIRED)
        elif not named and step.to.zones:
            yield Problem(where, f"is not for type {step.to.type}", reason=Reason.FORBIDDEN)


def _hash(path: str, policy: HashPolicy) -> Iterator[Problem]:
    yield from one_of(path, policy, _HASHES)
    if policy.connection and not policy.connection.source_ip:
        yield Problem(paths.field(path, "connection.sourceIP"), "expected true")


def rate_limit(path: str, value: RateLimitDefault) -> Iterator[Problem]:
    """Intervals that Envoy can count in, and statuses it knows."""
    local = value.local
    if local and local.http and local.http.request_rate:
        yield from _rate(paths.field(path, "local.http.requestRate"), local.http.request_rate)
    if local and local.http and local.http.on_rate_limit:
        status = local.http.on_rate_limit.status
        if status is not None and status not in REFUSALS:
            message, hint = f"{status} is not a status Envoy can refuse with", "429 or 503, for example"
            yield Problem(paths.field(path, "local.http.onRateLimit.status"), message, hint)
    if local and local.tcp and local.tcp.connection_rate:
        yield from _rate(paths.field(path, "local.tcp.connectionRate"), local.tcp.connection_rate)


def _rate(path: str, rate: Rate) -> Iterator[Problem]:
    if durations.parse(rate.interval) < LEAST_INTERVAL_MS:
        yield Problem(paths.field(path, "interval"), f"expected at least {LEAST_INTERVAL_MS}ms")


def fault_injection(path: str, value: FaultInjectionDefault) -> Iterator[Problem]:
    """Percentages."""
    for index, fault in enumerate(value.http or ()):
        where = paths.item(paths.field(path, "http"), index)
        parts = (
            ("abort", fault.abort),
            ("delay", fault.delay),
            ("responseBandwidth", fault.response_bandwidth),
        )
        for name, part in parts:
            if part is not None:
                yield from percentage(paths.field(where, f"{name}.percentage"), part.percentage)


def rule(kind: str, path: str, item: Any) -> Iterator[Problem]:
    """What a rule of `rules` cannot say though `to` could, or not together with matches."""
    default = item.default
    if kind == "CircuitBreaker" and default.outlier_detection is not None:
        where = paths.field(path, "default.outlierDetection")
        yield Problem(where, "there is one application behind a proxy", "write it under to", Reason.FORBIDDEN)
    if kind == "RateLimit" and item.matches and default.local and default.local.tcp:
        where = paths.field(path, "default.local.tcp")
        message = "connections are counted before anything is known of the caller"
        yield Problem(where, message, "write a rule without matches", Reason.FORBIDDEN)
    if kind == "AccessLog":
        yield from _outside(paths.field(path, "default.backends"), default)
    if kind == "Timeout" and item.matches:
        yield from _bare_times(paths.field(path, "default"), default)


def _outside(path: str, value: AccessLogDefault) -> Iterator[Problem]:
    """A proxy that serves need not know any Service."""
    for index, backend in enumerate(value.backends or ()):
        if backend.open_telemetry and backend.open_telemetry.collector.service:
            where = f"{path}[{index}].openTelemetry.collector.service"
            message = "rules cannot send to a Service of the mesh"
            yield Problem(where, message, "name its address and port", Reason.NOT_SUPPORTED)


def _bare_times(path: str, value: TimeoutDefault) -> Iterator[Problem]:
    """Times of connections cannot depend on requests."""
    http = value.http
    times = {
        "connectionTimeout": value.connection_timeout,
        "idleTimeout": value.idle_timeout,
        "http.maxConnectionDuration": http.max_connection_duration if http else None,
        "http.requestHeadersTimeout": http.request_headers_timeout if http else None,
    }
    for name, time in times.items():
        if time is not None:
            message = "belongs to connections, which all callers share"
            yield Problem(paths.field(path, name), message, "write a rule without matches", Reason.FORBIDDEN)


def destination(path: str, item: Any) -> Iterator[Problem]:
    """What an item of `to` cannot say about its kind of destination."""
    default, kind = item.default, item.target_ref.kind
    if not isinstance(default, LoadBalancingDefault):
        return
    where = paths.field(path, "default")
    if kind == "HTTPRoute":
        for name, value in (
            ("localityAwareness", default.locality_awareness),
            ("loadBalancer", default.load_balancer),
        ):
            if value is not None:
                message = "a route decides only what is hashed"
                yield Problem(paths.field(where, name), message, reason=Reason.FORBIDDEN)
        return
    locality = default.locality_awareness
    if kind in ("Service", "ZoneService") and locality is not None and locality.cross_zone:
        message = f"a {kind} is of one zone"
        hint = "name a MultiZoneService"
        yield Problem(paths.field(where, "localityAwareness.crossZone"), message, hint, Reason.FORBIDDEN)
