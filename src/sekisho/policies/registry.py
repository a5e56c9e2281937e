"""All policies, in the order in which they change a plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from sekisho import ir
from sekisho.model.policies.access_log import AccessLogDefault
from sekisho.model.policies.circuit_breaker import CircuitBreakerDefault
from sekisho.model.policies.fault_injection import FaultInjectionDefault
from sekisho.model.policies.health_check import HealthCheckDefault
from sekisho.model.policies.load_balancing import LoadBalancingDefault
from sekisho.model.policies.metrics import MetricsDefault
from sekisho.model.policies.passthrough import PassthroughDefault
from sekisho.model.policies.proxy_patch import ProxyPatchDefault
from sekisho.model.policies.rate_limit import RateLimitDefault
from sekisho.model.policies.retry import RetryDefault
from sekisho.model.policies.timeout import TimeoutDefault
from sekisho.model.policies.tracing import TracingDefault
from sekisho.model.policies.traffic_permission import TrafficPermissionDefault
from sekisho.policies import (
    access_log,
    circuit_breaker,
    fault_injection,
    health_check,
    load_balancing,
    rate_limit,
    retry,
    timeout,
)
from sekisho.policies.rules import Rule

OnCluster: TypeAlias = Callable[[ir.Cluster, Any], ir.Cluster]
OnForward: TypeAlias = Callable[[ir.Forward, Any, ir.Protocol], ir.Forward]
OnOutbound: TypeAlias = Callable[[ir.Outbound, Any], ir.Outbound]
Stage: TypeAlias = Literal["cluster", "forward", "outbound"]
"""A part of a plan that policies of clients change; a field of `Policy`."""
OnInbound: TypeAlias = Callable[[ir.Inbound, tuple[Rule, ...]], ir.Inbound]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One kind: what is merged, and what it does where. None where it does nothing."""

    kind: str
    default: type[Struct]
    """Type of `default`."""
    cluster: OnCluster | None = None
    """The way to a destination."""
    forward: OnForward | None = None
    """What becomes of a request, by what the destination speaks."""
    outbound: OnOutbound | None = None
    """A port of a destination, as the caller's proxy takes connections for it."""
    inbound: OnInbound | None = None
    """A port of a workload; by rules, whose merging some kinds do in their own way."""
    looks_at: Mapping[Stage, Callable[[Any], Any]] = field(default_factory=dict)
    """What of a `default` a stage looks at, as a `default` that says nothing else; all of it where nothing is
    said here. A change of the rest is none for that stage: nothing is worked out again."""
    tells_clients: bool = True
    """Whether it can change anything about calls: `to`, or a `default` about them."""


def _retried(node: ir.Forward, conf: RetryDefault, protocol: ir.Protocol) -> ir.Forward:
    return retry.forward(node, conf, is_grpc=protocol is ir.Protocol.GRPC)


def _timed(node: ir.Forward, conf: TimeoutDefault, _: ir.Protocol) -> ir.Forward:
    return timeout.forward(node, conf)


def _hashed(node: ir.Forward, conf: LoadBalancingDefault, _: ir.Protocol) -> ir.Forward:
    return load_balancing.forward(node, conf)


REGISTRY: tuple[Policy, ...] = (
    Policy(
        kind="LoadBalancing",
        default=LoadBalancingDefault,
        cluster=load_balancing.cluster,
        forward=_hashed,
        outbound=load_balancing.outbound,
    ),
    Policy(kind="Passthrough", default=PassthroughDefault, tells_clients=False),
    Policy(
        kind="AccessLog",
        default=AccessLogDefault,
        outbound=access_log.outbound,
        inbound=access_log.inbound,
    ),
    Policy(kind="Tracing", default=TracingDefault),
    Policy(
        kind="FaultInjection",
        default=FaultInjectionDefault,
        outbound=fault_injection.outbound,
        inbound=fault_injection.inbound,
    ),
    Policy(
        kind="RateLimit",
        default=RateLimitDefault,
        outbound=rate_limit.outbound,
        inbound=rate_limit.inbound,
    ),
    Policy(
        kind="Timeout",
        default=TimeoutDefault,
        cluster=timeout.cluster,
        forward=_timed,
        outbound=timeout.outbound,
        inbound=timeout.inbound,
        looks_at={"cluster": timeout.of_destinations, "outbound": timeout.of_applications},
    ),
    Policy(kind="TrafficPermission", default=TrafficPermissionDefault, tells_clients=False),
    Policy(kind="HealthCheck", default=HealthCheckDefault, cluster=health_check.cluster),
    Policy(
        kind="CircuitBreaker",
        default=CircuitBreakerDefault,
        cluster=circuit_breaker.cluster,
        inbound=circuit_breaker.inbound,
    ),
    Policy(
        kind="Retry",
        default=RetryDefault,
        forward=_retried,
        outbound=retry.outbound,
        looks_at={"outbound": retry.of_bytes},
    ),
    Policy(kind="Metrics", default=MetricsDefault, tells_clients=False),
    Policy(kind="ProxyPatch", default=ProxyPatchDefault),
)
"""ProxyPatch is the last: it changes what all others made."""

SPEAKERS: Mapping[Stage, tuple[Policy, ...]] = {
    stage: tuple(one for one in REGISTRY if getattr(one, stage) is not None)
    for stage in ("cluster", "forward", "outbound")
}
"""The policies that change a part of a plan."""

BY_KIND = {policy.kind: policy for policy in REGISTRY}
