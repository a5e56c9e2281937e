"""Policies as they act on each part of a plan."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.agent import AgentConfig
from sekisho.ir.callers import PermissionRule
from sekisho.ir.patches import Patch
from sekisho.ir.telemetry import AccessLog, OtelLog
from sekisho.model.names import ResourceId
from sekisho.model.policies.traffic_permission import TrafficPermissionDefault
from sekisho.policies import access_log, metrics, passthrough, proxy_patch, retry, tracing, traffic_permission
from sekisho.policies.collectors import INBOUND, is_address
from sekisho.policies.merging import stacked, typed
from sekisho.policies.registry import REGISTRY, SPEAKERS, Stage
from sekisho.translate.gateway.backend_traffic import retry_budget
from sekisho.translate.mesh.destinations import spoken
from sekisho.translate.mesh.meshes import mesh_of, mesh_spec, own_domain
from sekisho.translate.mesh.names import (
    Destination,
    destination_of,
    leads_to_several_zones,
    leads_to_zones,
)
from sekisho.translate.mesh.policy_index import CONSUMERS
from sekisho.translate.mesh.policy_values import (
    Client,
    Effective,
    for_destination,
    for_mesh,
    rules,
    rules_of,
    selected,
    server_policies,
    special_kinds,
)
from sekisho.translate.mesh.ports import service_port
from sekisho.translate.mesh.tokens import with_token_issuers
from sekisho.translate.mesh.worlds import World

__all__ = [
    "Client",
    "agent_with_policies",
    "arriving",
    "cluster_with_policies",
    "forward_with_policies",
    "has_consumer_policies",
    "inbound_with_policies",
    "outbound_with_policies",
    "passthrough_with_policies",
    "patches_of",
    "selected_policies",
    "tracing_of",
]


_Said: TypeAlias = Sequence[tuple[str, Callable[..., Any], Any]]
"""Kind of policy, what it does to a part of a plan, and the `default` it does that by; in order."""


def _said(
    read: Read,
    client: Client,
    stage: Stage,
    destination: Destination,
    route: ResourceId | None = None,
) -> _Said:
    """Where nobody says anything special, all destinations share one answer."""
    client = canonical(client)
    if not special_kinds(read, destination, route):
        return _said_of_mesh(read, client, stage)
    return _heard(stage, lambda kind: for_destination(read, kind, client, destination, route))


@query
def _said_of_mesh(read: Read, client: Client, stage: Stage) -> _Said:
    return _heard(stage, lambda kind: for_mesh(read, kind, client))


def _heard(stage: Stage, say: Callable[[str], Effective]) -> _Said:
    """What policies say, by kind, as far as a part of a plan listens."""
    heard = []
    for policy in SPEAKERS[stage]:
        value = say(policy.kind).value
        if value is not None:
            looks_at = policy.looks_at.get(stage)
            heard.append((policy.kind, getattr(policy, stage), looks_at(value) if looks_at else value))
    return tuple(heard)


def cluster_with_policies(
    read: Read, client: Client, cluster: ir.Cluster, destination: Destination
) -> ir.Cluster:
    """A cluster as this client uses it."""
    for _, change, value in _said(read, client, "cluster", destination):
        cluster = change(cluster, value)
    budget = retry_budget(read, destination.resource)
    return (
        cluster if budget is None else replace(cluster, limits=replace(cluster.limits, retry_budget=budget))
    )


def forward_with_policies(
    read: Read,
    client: Client,
    forward: ir.Forward,
    destination: Destination,
    route: ResourceId | None,
    protocol: ir.Protocol | None = None,
) -> ir.Forward:
    """What becomes of a request; `route` is the HTTPRoute that decided, None where there is none. `protocol`:
    what the destination speaks, by default what it says."""
    decided = forward.retry is not None
    for kind, change, value in _said(read, client, "forward", destination, route):
        forward = change(forward, value, protocol or spoken(read, destination))
        decided = decided or (kind == "Retry" and retry.speaks_of_requests(value))
    clusters = [share.cluster for share in forward.shares if share.cluster]
    if any(map(leads_to_zones, clusters)):
        several = any(map(leads_to_several_zones, clusters))
        return retry.across_zones(forward, is_decided=decided, several=several)
    return forward


def outbound_with_policies(
    read: Read, client: Client, outbound: ir.Outbound, destination: Destination
) -> ir.Outbound:
    """An outbound port as this client uses it."""
    client = canonical(client)
    for _, change, value in _said(read, client, "outbound", destination):
        outbound = change(outbound, value)
    if outbound.tcp is None:
        outbound = replace(outbound, tracing=tracing_of(read, client))
    elif any(leads_to_zones(name) for name, _ in outbound.tcp.shares):
        outbound = retry.bytes_across_zones(outbound)
    return replace(outbound, access_logs=arriving(read, outbound.access_logs))


def inbound_with_policies(read: Read, workload: ResourceId, inbound: ir.Inbound) -> ir.Inbound:
    """A port of a workload, with who may call it (`permissions`) and whether HTTP is read for that."""
    for policy in REGISTRY:
        if policy.inbound is not None:
            found = rules(read, workload, inbound.port, policy.kind)
            if found:
                inbound = policy.inbound(inbound, found)
    inbound = replace(
        inbound,
        permissions=_permissions(read, workload, inbound),
        tracing=tracing_of(read, workload, INBOUND),
    )
    if inbound.protocol is ir.Protocol.TCP:
        return _as_bytes(inbound)
    return with_token_issuers(_as_http(inbound), mesh_spec(read, mesh_of(read, workload.namespace)))


def outlet_with_permissions(read: Read, service: ResourceId, inbound: ir.Inbound) -> ir.Inbound:
    """The way out to an ExternalService, with who may go it."""
    inbound = replace(inbound, permissions=_permissions(read, service, inbound))
    if inbound.protocol is ir.Protocol.TCP:
        return _as_bytes(inbound)
    return with_token_issuers(inbound, mesh_spec(read, mesh_of(read, service.namespace)))


def _as_http(inbound: ir.Inbound) -> ir.Inbound:
    needed = (
        inbound.rate_limits
        or inbound.faults
        or inbound.tracing
        or any(_is_about_requests(one.value) for one in inbound.times)
        or any(one.caller is not None and one.caller.needs_http for one in inbound.access_logs)
        or any(access_log.is_about_requests(one.value) for one in inbound.access_logs)
        or traffic_permission.needs_http(inbound.permissions)
    )
    return replace(inbound, inspected=inbound.inspected or bool(needed))


def _is_about_requests(times: ir.Times) -> bool:
    return any((times.request, times.stream_idle, times.max_stream, times.request_headers))


def _as_bytes(inbound: ir.Inbound) -> ir.Inbound:
    """Where nobody speaks HTTP, nothing can depend on requests."""
    return replace(
        inbound,
        permissions=traffic_permission.without_http(inbound.permissions),
        rate_limits=(),
        faults=(),
        tracing=None,
    )


def _permissions(read: Read, workload: ResourceId, inbound: ir.Inbound) -> ir.Permissions:
    """None at all denies everybody: only without mutual TLS, where nobody has an identity that could be
    permitted, no policy means no restriction."""
    said = server_policies(read, workload, inbound.port)
    policies = tuple(one for one in said if one.kind == "TrafficPermission")
    domain = own_domain(read, mesh_of(read, workload.namespace))
    found = _permissions_of(read, policies, domain)
    if not found.rules and inbound.tls is None:
        everybody = PermissionRule(effect=ir.Effect.ALLOW, caller=ir.Caller(), origin=inbound.origin)
        return traffic_permission.permissions([everybody])
    return found


@query
def _permissions_of(read: Read, policies: tuple[ResourceId, ...], domain: str) -> ir.Permissions:
    """Once for all workloads that the same policies are for."""
    found: list[PermissionRule] = []
    for rule in (rule for one in policies for rule in rules_of(read, one, domain)):
        default = typed(stacked([rule.part]), TrafficPermissionDefault)
        policy, path = rule.part.origin
        found += traffic_permission.permission_rules(policy, path, default, domain)
    return traffic_permission.permissions(found)


def tracing_of(read: Read, client: Client, side: str = "") -> ir.Tracing | None:
    """Where the proxies of a client send spans; None for nowhere."""
    found = for_mesh(read, "Tracing", client)
    wanted = None if found.value is None else tracing.tracing(found.value, side)
    return wanted if wanted is None or _is_there(read, wanted.cluster) else None


def arriving(read: Read, logs: tuple[AccessLog, ...]) -> tuple[AccessLog, ...]:
    """Those whose collector is there."""
    return tuple(log for log in logs if not isinstance(log, OtelLog) or _is_there(read, log.cluster))


def _is_there(read: Read, cluster: str) -> bool:
    """Whether a collector has a cluster. Envoy refuses a listener that tells one it does not know, so a
    Service that is gone takes the logs and spans with it, and not the traffic."""
    if is_address(cluster):
        return True
    destination = destination_of(cluster)
    return service_port(read, destination.resource, destination.port) is not None


def passthrough_with_policies(
    read: Read, workload: ResourceId, passthrough_: ir.Passthrough
) -> ir.Passthrough:
    """What becomes of captured connections that leave the mesh."""
    found = for_mesh(read, "Passthrough", workload)
    return passthrough_ if found.value is None else passthrough.passthrough(passthrough_, found.value)


def agent_with_policies(read: Read, workload: ResourceId, config: AgentConfig) -> AgentConfig:
    """What the agent is told, with the metrics it offers."""
    found = for_mesh(read, "Metrics", workload)
    if found.value is None:
        return config
    offered = metrics.endpoint(found.value, config.address, config.application_address)
    return replace(config, metrics=offered)


def selected_policies(read: Read, workload: ResourceId) -> tuple[ResourceId, ...]:
    """The policies about calls that pick this workload by its name or labels, sorted."""
    return selected(read, workload)


def has_consumer_policies(read: Read, namespace: str) -> bool:
    """Whether policies of this namespace are for the clients in it alone."""
    return read.count(CONSUMERS, namespace) > 0


def canonical(client: Client) -> Client:
    """What is the same for many Worlds is computed once."""
    return client.client if isinstance(client, World) else client


def patches_of(read: Read, client: Client) -> tuple[Patch, ...]:
    """Changes to the finished messages of a client: a World, a Gateway, or a Workload for what its proxy
    takes in."""
    found = for_mesh(read, "ProxyPatch", canonical(client))
    return () if found.value is None else proxy_patch.patches(found.value, found.origins)
