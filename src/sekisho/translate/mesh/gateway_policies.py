"""Policies at Gateways: what is decided for a whole listener, a hostname, and a route.

A Gateway is the public door: nobody needs a permission there until a TrafficPermission names it, or a route
of it. Those of whole meshes are about members who call members
(docs/decisions/2026-11-22-policies-at-gateways.md).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.callers import PermissionRule
from sekisho.model.names import ResourceId
from sekisho.model.policies.access_log import AccessLogDefault
from sekisho.model.policies.fault_injection import FaultInjectionDefault
from sekisho.model.policies.rate_limit import RateLimitDefault
from sekisho.model.policies.timeout import TimeoutDefault
from sekisho.model.policies.traffic_permission import TrafficPermissionDefault
from sekisho.policies import access_log, fault_injection, rate_limit, timeout, traffic_permission
from sekisho.policies.matching import Section, picks_server
from sekisho.policies.merging import stacked, typed
from sekisho.translate.mesh.effective import arriving, tracing_of
from sekisho.translate.mesh.meshes import mesh_of, mesh_spec, own_domain
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_index import (
    EVERYWHERE,
    GATEWAY_SERVERS,
    OF_ROUTES,
    SERVERS,
    ServerScope,
    entries,
    target_of,
)
from sekisho.translate.mesh.policy_values import client_policies, for_destination, for_mesh, proxy_of
from sekisho.translate.mesh.tokens import issuers_of

_NO_FILTERS = ir.PolicyFilters()
_PERMISSION, _LIMIT, _FAULT = "TrafficPermission", "RateLimit", "FaultInjection"


@query
def policy_filters(read: Read, gateway: ResourceId) -> ir.PolicyFilters:
    """What policies need of the listeners of a Gateway. A policy for some route is prepared for everywhere,
    so that routes come and go without a change of a listener."""
    permissions = {*guards(read, gateway), *_route_policies(read, gateway, _PERMISSION)}
    return ir.PolicyFilters(
        permissions=bool(permissions),
        tokens=bool(_believed(read, gateway)) and any(_asks_for_claims(read, one) for one in permissions),
        faults=max((_faults(read, policy) for policy in _callers(read, gateway, _FAULT)), default=0),
        rate_limit=bool(_callers(read, gateway, _LIMIT)),
    )


def _believed(read: Read, gateway: ResourceId) -> tuple[ir.TokenIssuer, ...]:
    return issuers_of(mesh_spec(read, mesh_of(read, gateway.namespace)))


@query
def _asks_for_claims(read: Read, policy: ResourceId) -> bool:
    return policy.kind == _PERMISSION and any(rule.caller.claims for rule in _rules(read, policy, ""))


def _callers(read: Read, gateway: ResourceId, kind: str) -> frozenset[ResourceId]:
    return frozenset(client_policies(read, kind, gateway)) | _route_policies(read, gateway, kind)


def _route_policies(read: Read, gateway: ResourceId, kind: str) -> frozenset[ResourceId]:
    return read.bucket(OF_ROUTES, (mesh_of(read, gateway.namespace), kind))


def _faults(read: Read, policy: ResourceId) -> int:
    return max((len(entry.part.document.get("http", ())) for entry in entries(read, policy)), default=0)


@query
def guards(read: Read, gateway: ResourceId) -> tuple[ResourceId, ...]:
    """The policies with `rules` that name a Gateway, at whichever of its listeners, sorted."""
    mesh = mesh_of(read, gateway.namespace)
    found = read.bucket(SERVERS, ServerScope(mesh, GATEWAY_SERVERS, EVERYWHERE))
    found |= read.bucket(SERVERS, ServerScope(mesh, GATEWAY_SERVERS, gateway.namespace))
    return tuple(sorted(policy for policy in found if _names(read, policy, gateway, None)))


def _names(read: Read, policy: ResourceId, gateway: ResourceId, listener: Section | None) -> bool:
    resource = read.leaf(policy)
    target = None if resource is None else target_of(resource)
    if resource is None or target is None:
        return False
    if listener is None:
        listener = Section(0, target.section_name or "")
    return picks_server(resource, target, proxy_of(read, gateway), listener, ())


@query
def of_host(read: Read, gateway: ResourceId, port: int, listener: str) -> ir.Treatment:
    """What becomes of requests for a hostname of a listener, whatever is routed there."""
    if policy_filters(read, gateway) == _NO_FILTERS:
        return ir.Treatment()
    section = Section(port, listener)
    named = [policy for policy in guards(read, gateway) if _names(read, policy, gateway, section)]
    return ir.Treatment(
        permissions=_permissions(read, gateway, named),
        faults=_fault(for_mesh(read, _FAULT, gateway).value),
        rate_limit=_limit(for_mesh(read, _LIMIT, gateway).value),
    )


def closes_bytes(read: Read, gateway: ResourceId, port: int, listener: str) -> bool:
    """Whether a listener whose bytes are not read is closed: a permission names it, and Envoy would judge a
    caller by its first byte only, when a server that speaks first has been heard already."""
    return of_host(read, gateway, port, listener).permissions is not None


def of_route(
    read: Read, gateway: ResourceId, host: ir.Treatment, route: ResourceId, destination: Destination | None
) -> ir.Treatment | None:
    """What becomes of requests that a route takes; None for the same as of its host. `destination`: where
    they are sent, None for those that are answered."""
    if policy_filters(read, gateway) == _NO_FILTERS:
        return None
    found = host
    scope = ServerScope(mesh_of(read, gateway.namespace), f"{route.kind}/{route.name}", route.namespace)
    if named := sorted(read.bucket(SERVERS, scope)):
        own = _permissions(read, gateway, named)
        both = (*(host.permissions.rules if host.permissions else ()), *(own.rules if own else ()))
        found = replace(found, permissions=traffic_permission.permissions(both))
    if destination is not None:
        found = replace(
            found,
            faults=_fault(for_destination(read, _FAULT, gateway, destination, route).value),
            rate_limit=_limit(for_destination(read, _LIMIT, gateway, destination, route).value),
        )
    return None if found == host else found


def _permissions(read: Read, gateway: ResourceId, policies: Iterable[ResourceId]) -> ir.Permissions | None:
    """None, for everybody, only where no policy is."""
    domain = own_domain(read, mesh_of(read, gateway.namespace))
    named = [policy for policy in policies if policy.kind == _PERMISSION]
    rules = (rule for policy in named for rule in _rules(read, policy, domain))
    return traffic_permission.permissions(rules) if named else None


def _rules(read: Read, policy: ResourceId, domain: str) -> Iterator[PermissionRule]:
    for entry in entries(read, policy):
        default = typed(stacked([entry.part]), TrafficPermissionDefault)
        yield from traffic_permission.permission_rules(policy, entry.part.origin.path, default, domain)


def _fault(conf: FaultInjectionDefault | None) -> tuple[ir.Fault, ...]:
    return () if conf is None else fault_injection.faults(conf)


def _limit(conf: RateLimitDefault | None) -> ir.RateLimit | None:
    return None if conf is None else rate_limit.requests(conf)


def listener_with_policies(read: Read, gateway: ResourceId, listener: ir.Listener) -> ir.Listener:
    """A listener, with what is the same for all hostnames."""
    times: TimeoutDefault | None = for_mesh(read, "Timeout", gateway).value
    logs: AccessLogDefault | None = for_mesh(read, "AccessLog", gateway).value
    wanted: tuple[Any, ...] = () if logs is None else access_log.access_logs(logs)
    filters = policy_filters(read, gateway)
    return replace(
        listener,
        filters=filters,
        token_issuers=_believed(read, gateway) if filters.tokens else (),
        times=listener.times if times is None else timeout.gateway(times),
        access_logs=arriving(read, wanted),
        tracing=tracing_of(read, gateway),
    )
