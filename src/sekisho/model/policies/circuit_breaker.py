"""CircuitBreaker: bounds on what goes to a destination, and endpoints left out that fail."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Duration, Model
from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef, ToTargetRef

Percentage = Annotated[int, Meta(ge=0, le=100)]
Limit = Annotated[int, Meta(ge=0, le=4_294_967_295)]
AtLeastOne = Annotated[int, Meta(ge=1, le=4_294_967_295)]


class ConnectionLimits(Model, frozen=True, kw_only=True):
    """What is beyond is refused at once (503)."""

    max_connections: Annotated[Limit | None, Meta(description="Connections; 1024.")] = None
    max_connection_pools: Annotated[Limit | None, Meta(description="Connection pools; no bound.")] = None
    max_pending_requests: Annotated[Limit | None, Meta(description="Waiting for a connection; 1024.")] = None
    max_retries: Annotated[
        Limit | None, Meta(description="Retries at the same time; 20 % of the requests.")
    ] = None
    max_requests: Annotated[Limit | None, Meta(description="Requests at the same time; 1024.")] = None


class OutlierConsecutive(Model, frozen=True, kw_only=True):
    """Failures one after the other."""

    consecutive: Annotated[AtLeastOne | None, Meta(description="How many; 5.")] = None


class OutlierSuccessRate(Model, frozen=True, kw_only=True):
    """Endpoints far below the others' rate of success."""

    minimum_hosts: Annotated[AtLeastOne | None, Meta(description="Endpoints with enough requests; 5.")] = None
    request_volume: Annotated[
        AtLeastOne | None, Meta(description="Requests in an interval that are enough; 100.")
    ] = None
    standard_deviation_factor: Annotated[
        Annotated[
            str, Meta(pattern=r"^[0-9]{1,3}(?:\.[0-9]{1,3})?\Z", extra={"expected": "a number such as 1.9"})
        ]
        | None,
        Meta(description="How many standard deviations below the mean, in quotes; 1.9."),
    ] = None


class OutlierFailurePercentage(Model, frozen=True, kw_only=True):
    """Endpoints that fail more than a fixed share."""

    minimum_hosts: Annotated[AtLeastOne | None, Meta(description="Endpoints with enough requests; 5.")] = None
    request_volume: Annotated[
        AtLeastOne | None, Meta(description="Requests in an interval that are enough; 50.")
    ] = None
    threshold: Annotated[Percentage | None, Meta(description="Failures in percent; 85.")] = None


class OutlierDetectors(Model, frozen=True, kw_only=True):
    """What counts against an endpoint; none unless named."""

    total_failures: Annotated[
        OutlierConsecutive | None, Meta(description="Answers 5xx, and local failures where not split.")
    ] = None
    gateway_failures: Annotated[OutlierConsecutive | None, Meta(description="Answers 502, 503, 504.")] = None
    local_origin_failures: Annotated[
        OutlierConsecutive | None,
        Meta(description="Connections that failed; needs splitExternalAndLocalErrors."),
    ] = None
    success_rate: Annotated[OutlierSuccessRate | None, Meta(description="Compared with the others.")] = None
    failure_percentage: Annotated[
        OutlierFailurePercentage | None, Meta(description="Compared with a fixed share.")
    ] = None


class OutlierDetection(Model, frozen=True, kw_only=True):
    """Endpoints that fail are left out for a while."""

    disabled: Annotated[bool | None, Meta(description="Whether it is off.")] = None
    interval: Annotated[Duration | None, Meta(description="Time between two analyses; 10s.")] = None
    base_ejection_time: Annotated[
        Duration | None, Meta(description="First time out, times the number of times; 30s.")
    ] = None
    max_ejection_percent: Annotated[
        Percentage | None, Meta(description="Endpoints out at the same time, but at least one unless 0; 10.")
    ] = None
    split_external_and_local_errors: Annotated[
        bool | None, Meta(description="Whether local failures are counted apart.")
    ] = None
    detectors: Annotated[OutlierDetectors | None, Meta(description="What counts.")] = None
    healthy_panic_threshold: Annotated[
        Percentage | None,
        Meta(description="Below this part of healthy endpoints all are used; 50, 0 for never."),
    ] = None


class CircuitBreakerDefault(Model, frozen=True, kw_only=True):
    """Bounds and outliers."""

    connection_limits: Annotated[ConnectionLimits | None, Meta(description="Bounds.")] = None
    outlier_detection: Annotated[
        OutlierDetection | None, Meta(description="Endpoints left out; for destinations only.")
    ] = None


class CircuitBreakerTo(Model, frozen=True, kw_only=True):
    """Bounds towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[CircuitBreakerDefault, Meta(description="Values.")] = CircuitBreakerDefault()


class CircuitBreakerRule(Model, frozen=True, kw_only=True):
    """Bounds of incoming traffic."""

    default: Annotated[CircuitBreakerDefault, Meta(description="Values.")] = CircuitBreakerDefault()


class CircuitBreakerSpec(Model, frozen=True, kw_only=True):
    """`to`, `rules` or both."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[
        Annotated[tuple[CircuitBreakerTo, ...], Meta(max_length=128)], Meta(description="As a client.")
    ] = ()
    rules: Annotated[
        Annotated[tuple[CircuitBreakerRule, ...], Meta(max_length=128)], Meta(description="As a server.")
    ] = ()


class CircuitBreaker(Resource, frozen=True, kw_only=True):
    """Bounds on traffic, and endpoints left out that fail."""

    spec: Annotated[CircuitBreakerSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
