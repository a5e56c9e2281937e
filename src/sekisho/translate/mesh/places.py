"""Near endpoints first: where callers are, as far as policies look at it, and what they use there.

Endpoints are made once for a mesh. Only for callers whose LoadBalancing policies speak of localities they are
made apart: once for each *place*, the values of the labels that these policies name, so that callers at one
place share them. The zone of a caller is that of its control plane, and so is that of a Service.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.gateway import Gateway
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.load_balancing import LoadBalancingDefault
from sekisho.policies import load_balancing, localities
from sekisho.policies.merging import stacked, typed
from sekisho.translate.gateway.endpoints import endpoints, place_labels, placed_endpoints
from sekisho.translate.mesh.meshes import zone
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_index import entries
from sekisho.translate.mesh.policy_values import Client, client_policies, for_destination
from sekisho.translate.mesh.worlds import Place, World

_KIND = "LoadBalancing"
Placed = Iterable[tuple[ir.Endpoint, Mapping[str, str]]]
"""Endpoints, each with the labels that say where it is."""


def place_of(read: Read, workload: ResourceId, client: World) -> Place | None:
    """Where a Workload is, as far as policies of its client look at it; None where none does."""
    keys = _keys(read, client)
    if keys is None:
        return None
    own = place_labels(read, workload) if keys else {}
    return tuple((key, own.get(key, "")) for key in keys)


def are_alike(read: Read, caller: Client, destination: Destination) -> bool:
    """Whether a caller has the endpoints of a Service that everybody has."""
    if isinstance(caller, World) and caller.place is None:
        return True
    return not localities.affinity_tags(_conf(read, caller, destination))


def near_endpoints(read: Read, caller: Client, destination: Destination, cluster: str) -> ir.Endpoints | None:
    """The endpoints of a Service, under the name of a cluster, as a caller (`World.located`, or a Gateway)
    uses them; None when there is no such port."""
    if are_alike(read, caller, destination):
        return endpoints(read, cluster)
    found = endpoints(read, cluster)
    if found is None:
        return None
    here = zone(read)
    at_home = ((replace(one, zone=here), labels) for one, labels in placed_endpoints(read, cluster))
    return grouped(read, caller, destination, cluster, at_home)


def grouped(
    read: Read, caller: Client, destination: Destination, cluster: str, placed: Placed
) -> ir.Endpoints:
    """Endpoints of zones, as a caller uses them."""
    conf = _conf(read, caller, destination)
    unique = {(one.address, one.port): (one, labels) for one, labels in placed}
    found = localities.grouped(unique.values(), _place(read, caller), conf)
    return ir.Endpoints(
        cluster=cluster,
        endpoints=found,
        overprovisioning_percent=load_balancing.balancing(ir.Balancing(), conf).overprovisioning_percent,
        origin=Origin(destination.resource),
    )


def _conf(read: Read, caller: Client, destination: Destination) -> LoadBalancingDefault:
    client = caller.client if isinstance(caller, World) else caller
    found: LoadBalancingDefault | None = for_destination(read, _KIND, client, destination).value
    return found or LoadBalancingDefault()


def _place(read: Read, caller: Client) -> localities.Place:
    if isinstance(caller, World):
        return localities.Place(zone(read), dict(caller.place or ()))
    gateway: Gateway | None = read.leaf(caller)
    return localities.Place(zone(read), gateway.metadata.labels if gateway is not None else {})


@query
def _keys(read: Read, client: World) -> tuple[str, ...] | None:
    """The labels that policies of a client look at, sorted; None where they say nothing of localities."""
    found = list(_awareness(read, client))
    if not found:
        return None
    return tuple(sorted({tag.key for conf in found for tag in localities.affinity_tags(conf)}))


def _awareness(read: Read, client: World) -> Iterator[LoadBalancingDefault]:
    """All that they say, for whichever destination. Two policies together may disable what one of them says:
    then some callers that could share are told apart, and no more."""
    for policy in client_policies(read, _KIND, client):
        for entry in entries(read, policy):
            conf = typed(stacked([entry.part]), LoadBalancingDefault)
            if conf.locality_awareness is not None:
                yield conf
