"""What policies decide about traffic to a destination: limits, checks, balancing, time."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct


class RetryBudget(Struct, frozen=True, kw_only=True, gc=False):
    """How much of what is sent may be retries (envoy CircuitBreakers.Thresholds.RetryBudget)."""

    percent: int
    """As many retries may be under way as this part of the requests within the interval."""
    interval_ms: int
    least: int
    """Retries under way that are always allowed."""


class Limits(Struct, frozen=True, kw_only=True, gc=False):
    """Circuit breaker thresholds (envoy CircuitBreakers.Thresholds); None for Envoy's default (1024; retries:
    a budget of 20 %)."""

    connections: int | None = None
    pools: int | None = None
    pending_requests: int | None = None
    requests: int | None = None
    retries: int | None = None
    retry_budget: RetryBudget | None = None
    """In the place of `retries`."""


class Outliers(Struct, frozen=True, kw_only=True, gc=False):
    """Outlier detection (envoy OutlierDetection). A detector that is None does not eject."""

    interval_ms: int = 10_000
    base_ejection_ms: int = 30_000
    max_ejection_percent: int = 10
    split_local_errors: bool = False
    consecutive_failures: int | None = None
    """Answers 5xx, and local failures where they are not split off."""
    consecutive_gateway_failures: int | None = None
    consecutive_local_failures: int | None = None
    success_rate: tuple[int, int, int] | None = None
    """Least hosts, least requests, thousandfold standard deviation factor."""
    failure_percentage: tuple[int, int, int] | None = None
    """Least hosts, least requests, threshold in percent."""


class HealthCheck(Struct, frozen=True, kw_only=True, gc=False):
    """An active check of each endpoint (envoy HealthCheck)."""

    kind: Literal["tcp", "http", "grpc"]
    interval_ms: int = 60_000
    timeout_ms: int = 15_000
    unhealthy_threshold: int = 5
    healthy_threshold: int = 1
    initial_jitter_ms: int = 0
    interval_jitter_ms: int = 0
    interval_jitter_percent: int = 0
    no_traffic_interval_ms: int = 60_000
    """Between checks as long as nothing was ever sent to any of the endpoints."""
    no_traffic_healthy_interval_ms: int | None = None
    """The same for an endpoint that is well; None for no difference."""
    reuse_connection: bool = True
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    expected_statuses: tuple[int, ...] = (200,)
    send: bytes = b""
    receive: tuple[bytes, ...] = ()
    service: str = ""
    authority: str = ""
    bare: bool = False
    """Whether a connection is tried without the TLS of the cluster's `MeshTransport`."""


class Balancer(StrEnum):
    """How an endpoint is picked (envoy.extensions.load_balancing_policies)."""

    ROUND_ROBIN = "RoundRobin"
    LEAST_REQUEST = "LeastRequest"
    RANDOM = "Random"
    RING_HASH = "RingHash"
    MAGLEV = "Maglev"


class Balancing(Struct, frozen=True, kw_only=True, gc=False):
    """Which endpoint a request goes to."""

    balancer: Balancer = Balancer.LEAST_REQUEST
    choices: int = 2
    """LeastRequest: how many endpoints are compared."""
    active_request_bias: float = 1.0
    """LeastRequest, where endpoints have weights."""
    hash_function: Literal["XXHash", "MurmurHash2"] = "XXHash"
    min_ring_size: int = 1024
    max_ring_size: int = 8_388_608
    table_size: int = 65_537
    """Maglev; a prime number."""
    weighted_localities: bool = False
    """Localities get requests by `Endpoint.locality_weight`, which then all of them must have."""
    overprovisioning_percent: int = 200
    """Envoy's overprovisioning factor: 100 / the least healthy part below which others help. It is told with
    the endpoints (`Endpoints.overprovisioning_percent`)."""
    panic_percent: int = 50
    """Below this part of healthy endpoints, all are used; 0 for never."""
    fail_on_panic: bool = False


class HashPolicy(Struct, frozen=True, kw_only=True, gc=False):
    """What a request is hashed by (envoy RouteAction.HashPolicy)."""

    kind: Literal["Header", "Cookie", "Connection", "QueryParameter", "FilterState"]
    name: str = ""
    terminal: bool = False
    cookie_path: str = ""
    cookie_ttl_ms: int | None = None


class Times(Struct, frozen=True, kw_only=True, gc=False):
    """Timeouts in milliseconds; None for the proxy's default, 0 for never."""

    connect: int | None = None
    idle: int | None = None
    """Connection without requests, or TCP connection without bytes."""
    request: int | None = None
    """The whole request, retries included."""
    stream_idle: int | None = None
    max_stream: int | None = None
    max_connection: int | None = None
    request_headers: int | None = None


class RateLimit(Struct, frozen=True, kw_only=True, gc=False):
    """A token bucket in each proxy: `tokens` per interval, `tokens` at most at once."""

    tokens: int
    interval_ms: int
    status: int = 429
    set_headers: tuple[tuple[str, str], ...] = ()
    add_headers: tuple[tuple[str, str], ...] = ()


class Fault(Struct, frozen=True, kw_only=True, gc=False):
    """Errors on purpose (envoy HTTPFault); percentages in millionths."""

    abort_status: int = 0
    """0 for none."""
    abort_millionths: int = 0
    delay_ms: int = 0
    delay_millionths: int = 0
    bandwidth_kbps: int = 0
    """KiB per second of responses; 0 for no bound."""
    bandwidth_millionths: int = 0
