"""Where proxies send logs and spans: clusters that no route leads to."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.access_log import AccessLogDefault
from sekisho.model.policies.collectors import Collector
from sekisho.policies import access_log, tracing
from sekisho.policies.collectors import INBOUND, cluster
from sekisho.policies.merging import stacked, typed
from sekisho.translate.gateway.classes import serves
from sekisho.translate.mesh.inbounds import inbound_ports
from sekisho.translate.mesh.instances import is_meshed
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_index import entries
from sekisho.translate.mesh.policy_values import Client, client_policies, for_mesh, rules
from sekisho.translate.mesh.sight import WORLDS
from sekisho.translate.mesh.worlds import World


class _Use(NamedTuple):
    """A collector, what it speaks, and who named it."""

    collector: Collector
    protocol: ir.Protocol
    origin: Origin


def helper_clusters(read: Read, client: Client) -> tuple[ir.Cluster, ...]:
    """The clusters of collectors given by address, sorted by name: of a World or a Gateway for what it calls,
    of a Workload for what it takes in."""
    side = INBOUND if _is_workload(client) else ""
    found: dict[str, ir.Cluster] = {}
    for use in _uses(read, client):
        made = cluster(use.collector, use.protocol, use.origin, side)
        if made is not None:
            found.setdefault(made.name, made)
    return tuple(found[name] for name in sorted(found))


@query
def helper_destinations(read: Read, client: Client) -> tuple[Destination, ...]:
    """The Service ports that are collectors, sorted: they must be among what the client can call."""
    services = (use.collector.service for use in _uses(read, client))
    found = {
        Destination("Service", service.namespace or "", service.name, service.port)
        for service in services
        if service is not None
    }
    return tuple(sorted(found))


def _uses(read: Read, client: Client) -> Iterator[_Use]:
    yield from _traced(read, client)
    if isinstance(client, World) or client.kind != "Workload":
        yield from _logged_calls(read, client)
    else:
        yield from _logged_requests(read, client)


def _traced(read: Read, client: Client) -> Iterator[_Use]:
    found = for_mesh(read, "Tracing", client)
    if found.value is not None:
        origin = dict(found.origins).get("backends", Origin(ResourceId("Tracing", "", "")))
        for collector, protocol in tracing.collectors(found.value):
            yield _Use(collector, protocol, origin)


def _logged_calls(read: Read, client: Client) -> Iterator[_Use]:
    """Of all entries of all policies: what is merged away for one destination counts for another one."""
    for policy in client_policies(read, "AccessLog", client):
        for entry in entries(read, policy):
            if entry.section == "to":
                conf = typed(stacked([entry.part]), AccessLogDefault)
                yield from _logged(conf, entry.part.origin)


def _logged_requests(read: Read, workload: ResourceId) -> Iterator[_Use]:
    for port in inbound_ports(read, workload):
        for rule in rules(read, workload, port, "AccessLog"):
            yield from _logged(typed(stacked([rule.part]), AccessLogDefault), rule.part.origin)


def _logged(conf: AccessLogDefault, origin: Origin) -> Iterator[_Use]:
    for collector in access_log.collectors(conf):
        yield _Use(collector, ir.Protocol.GRPC, origin)


def _is_workload(client: Client) -> bool:
    return not isinstance(client, World) and client.kind == "Workload"


def _places(read: Read, view: World | ResourceId) -> Iterator[tuple[World | ResourceId, str]]:
    if isinstance(view, World) or (serves if view.kind == "Gateway" else is_meshed)(read, view):
        for made in helper_clusters(read, _client(view)):
            yield view, made.name


def _cluster(read: Read, key: tuple[World | ResourceId, str]) -> ir.Cluster | None:
    view, name = key
    return next((made for made in helper_clusters(read, _client(view)) if made.name == name), None)


def _client(view: World | ResourceId) -> Client:
    return view.client if isinstance(view, World) else view


_NAMED = index(
    "collectors in use",
    source=(WORLDS, "Workload", "Gateway"),
    emit=_places,
    when=("AccessLog", "Tracing"),
)

COLLECTORS = output("collectors", source=_NAMED, build=_cluster)
"""(World, Workload or Gateway, cluster name) → `ir.Cluster`."""
