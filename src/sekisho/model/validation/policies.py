"""Rules that all policies have in common: for whom they can be, and how their parts go together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from sekisho.model import paths
from sekisho.model.mesh import EFFECT_LABEL
from sekisho.model.meta import Resource
from sekisho.model.policies.roles import Role, destinations, is_own, roles
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.targets import TargetRef
from sekisho.model.validation import policies_observing, policies_patching, policies_traffic, targets

SHADOW = "shadow"
"""Value of `EFFECT_LABEL`: the policy is shown and changes nothing."""

_EVERYTHING = TargetRef(kind="Mesh")
_CLIENTS = ("Mesh", "Workload", "Gateway")
_SERVERS = ("Mesh", "Workload", "Service")
_GUARDED = (*_SERVERS, "Gateway", "HTTPRoute", "ExternalService", "ZoneService")
_DESTINATIONS = ("Mesh", "Service", "ExternalService", "ZoneService", "MultiZoneService")

Rules = Callable[[str, Any], Iterable[Problem]]
"""Path and value of a `default` → what is wrong in it."""


class _Shape(NamedTuple):
    """What a kind of policy can be for."""

    values: Rules
    """Rules of each `default`."""
    clients: tuple[str, ...] = ()
    """Kinds of `spec.targetRef` where there is `to`."""
    destinations: tuple[str, ...] = ()
    """Kinds of `to[].targetRef`."""
    servers: tuple[str, ...] = ()
    """Kinds of `spec.targetRef` where there are `rules`."""
    proxies: tuple[str, ...] = ()
    """Kinds of `spec.targetRef` where there is only `default`."""
    is_exclusive: bool = True
    """Whether `to` and `rules` exclude each other."""


_ROUTES = (*_CLIENTS, "HTTPRoute")
_WITH_ROUTES = (*_DESTINATIONS, "HTTPRoute")

_SHAPES: Mapping[str, _Shape] = MappingProxyType(
    {
        "TrafficPermission": _Shape(policies_traffic.traffic_permission, servers=_GUARDED),
        "Timeout": _Shape(policies_traffic.timeout, _ROUTES, _WITH_ROUTES, _SERVERS),
        "Retry": _Shape(policies_traffic.retry, _ROUTES, _WITH_ROUTES),
        "CircuitBreaker": _Shape(
            policies_traffic.circuit_breaker, _CLIENTS, _DESTINATIONS, _SERVERS, is_exclusive=False
        ),
        "HealthCheck": _Shape(policies_traffic.health_check, _CLIENTS, _DESTINATIONS),
        "LoadBalancing": _Shape(policies_traffic.load_balancing, _CLIENTS, _WITH_ROUTES),
        "RateLimit": _Shape(policies_traffic.rate_limit, _ROUTES, _WITH_ROUTES, _SERVERS),
        "FaultInjection": _Shape(policies_traffic.fault_injection, _ROUTES, _WITH_ROUTES, _SERVERS),
        "AccessLog": _Shape(policies_observing.access_log, _CLIENTS, _DESTINATIONS, _SERVERS),
        "Tracing": _Shape(policies_observing.tracing, proxies=_CLIENTS),
        "Metrics": _Shape(policies_observing.metrics, proxies=_CLIENTS),
        "Passthrough": _Shape(policies_patching.passthrough, proxies=("Mesh", "Workload")),
        "ProxyPatch": _Shape(policies_patching.proxy_patch, proxies=_CLIENTS),
    }
)


def policy(resource: Resource) -> Iterator[Problem]:
    """Everything that is wrong with a policy of any kind."""
    shape = _SHAPES[resource.kind]
    spec: Any = getattr(resource, "spec")  # noqa: B009  which Resource it is, the table knows
    to, rules = getattr(spec, "to", ()), getattr(spec, "rules", ())
    yield from _effect(resource)
    yield from _target(resource, shape, spec, has_to=bool(to), has_rules=bool(rules))
    yield from _sections(shape, to, rules)
    yield from _mixture(resource)
    for index, item in enumerate(to):
        yield from _to(shape, spec.target_ref, paths.item("spec.to", index), item)
    if resource.kind == "AccessLog" and Role.PRODUCER in roles(resource):
        for index, item in enumerate(to):
            where = paths.field(paths.item("spec.to", index), "default")
            yield from policies_observing.access_log_of_others(where, item.default)
    for index, rule in enumerate(rules):
        path = paths.item("spec.rules", index)
        matches = getattr(rule, "matches", ())
        yield from targets.callers(paths.field(path, "matches"), matches)
        yield from shape.values(paths.field(path, "default"), rule.default)
        yield from policies_traffic.rule(resource.kind, path, rule)
    if shape.proxies:
        yield from shape.values("spec.default", spec.default)


def _effect(resource: Resource) -> Iterator[Problem]:
    effect = resource.metadata.labels.get(EFFECT_LABEL)
    if effect not in (None, SHADOW):
        where = paths.entry("metadata.labels", EFFECT_LABEL)
        yield Problem(where, f'expected "{SHADOW}" or no such label', reason=Reason.NOT_SUPPORTED)


def _target(
    resource: Resource, shape: _Shape, spec: Any, *, has_to: bool, has_rules: bool
) -> Iterator[Problem]:
    """What can be targeted depends on what is said: only servers have rules, only clients destinations."""
    choices = [shape.proxies] if shape.proxies else []
    if has_to:
        choices.append(shape.clients)
    if has_rules:
        choices.append(shape.servers)
    kinds = [kind for kind in choices[0] if all(kind in more for more in choices)] if choices else _SERVERS
    if spec.target_ref and spec.target_ref.kind == "HTTPRoute" and spec.target_ref.name is None:
        message = "is required: a route is targeted by its name"
        yield Problem("spec.targetRef.name", message, reason=Reason.REQUIRED)
    sections = has_rules and not has_to
    yield from targets.target(resource, spec.target_ref or _EVERYTHING, kinds, sections=sections)


def _sections(shape: _Shape, to: Any, rules: Any) -> Iterator[Problem]:
    if shape.proxies:
        return
    if to and rules and shape.is_exclusive:
        message = "to and rules exclude each other"
        yield Problem("spec.rules", message, "write two policies", Reason.FORBIDDEN)
    if not to and not rules:
        names = [name for name, kinds in (("to", shape.clients), ("rules", shape.servers)) if kinds]
        yield Problem(f"spec.{names[0]}", f"expected {' or '.join(names)}", reason=Reason.REQUIRED)


def _mixture(resource: Resource) -> Iterator[Problem]:
    if len(roles(resource)) > 1:
        named = destinations(resource)
        namespace = resource.metadata.namespace
        other = next(
            index for index, one in enumerate(named) if is_own(namespace, one) != is_own(namespace, named[0])
        )
        message = "names own services, for callers everywhere, beside destinations for own callers only"
        yield Problem(paths.item("spec.to", other), message, "write two policies", Reason.FORBIDDEN)


def _to(shape: _Shape, target: Any, path: str, item: Any) -> Iterator[Problem]:
    where = paths.field(path, "targetRef")
    reference = item.target_ref
    kinds = shape.destinations
    if target is not None and target.kind == "HTTPRoute":
        kinds = ("Mesh",)  # the route says where requests go
    yield from targets.destination(where, reference, kinds)
    if reference.kind == "HTTPRoute" and reference.name is None:
        message = "is required: a route is meant by its name"
        yield Problem(paths.field(where, "name"), message, reason=Reason.REQUIRED)
    if reference.kind == "HTTPRoute" and reference.section_name is not None:
        message = "this policy cannot be for a single rule of a route"
        yield Problem(paths.field(where, "sectionName"), message, reason=Reason.NOT_SUPPORTED)
    yield from shape.values(paths.field(path, "default"), item.default)
    yield from policies_traffic.destination(path, item)
