"""Near endpoints first: where callers are, as far as policies look at it, and what they use there.

Endpoints are made once for a mesh. Only for callers whose LoadBalancing policies speak of localities they are
made apart: once for each *place*, the values of the labels that these policies name, so that callers at one
place share them. The zone of a caller is that of its control plane, and so is that of a Service.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.gateway import Gateway
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.load_balancing import LoadBalancingDefault
from sekisho.policies import load_balancing, localities
from sekisho.policies.merging import stacked, typed
from sekisho.translate.gateway.backends import Way, way_of
from sekisho.translate.gateway.endpoints import endpoints, place_labels, placed_endpoints, port_of
from sekisho.translate.mesh.meshes import zone
from sekisho.translate.mesh.multizone import multi_port
from sekisho.translate.mesh.multizone_way import has_names, placed_members
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_index import entries
from sekisho.translate.mesh.policy_values import Client, client_policies, for_destination
from sekisho.translate.mesh.worlds import Place, World
from sekisho.translate.zone.clusters import remote_endpoints
from sekisho.translate.zone.egress import egress_endpoints, is_through_egress

_KIND = "LoadBalancing"


def place_of(read: Read, workload: ResourceId, client: World) -> Place | None:
    """Where a Workload is, as far as policies of its client look at it; None where none does."""
    keys = _keys(read, client)
    if keys is None:
        return None
    own = place_labels(read, workload) if keys else {}
    return tuple((key, own.get(key, "")) for key in keys)


def are_alike(read: Read, caller: Client, destination: Destination) -> bool:
    """Whether a caller has the endpoints that everybody has."""
    if isinstance(caller, World) and caller.place is None:
        return True
    match destination.kind:
        case "Service":
            return not localities.affinity_tags(_conf(read, caller, destination))
        case "MultiZoneService":
            return _conf(read, caller, destination).locality_awareness is None
        case _:  # through the doors of one zone
            return True


def common_endpoints(read: Read, cluster: str) -> ir.Endpoints | None:
    """The endpoints of a cluster, as all use them that no policy tells otherwise; None when there is no such
    port, and where proxies look names up."""
    way = way_of(cluster)
    match way.service.kind:
        case "Service":
            return endpoints(read, cluster)
        case "ZoneService" if not is_through_egress(read, way.service):
            return remote_endpoints(read, way.destination, cluster)
        case "MultiZoneService" if _is_there(read, way) and not has_names(read, way.destination):
            everybody = localities.Place(zone(read), {})
            return _grouped(read, everybody, LoadBalancingDefault(), cluster)
        case _:
            return egress_endpoints(read, way.destination, cluster)


def near_endpoints(read: Read, caller: Client, cluster: str) -> ir.Endpoints | None:
    """The endpoints of a cluster as a caller (`World.located`, or a Gateway) uses them; None when there is no
    such port, and where proxies look names up."""
    way = way_of(cluster)
    destination = way.destination
    if are_alike(read, caller, destination):
        return common_endpoints(read, cluster)
    if not _is_there(read, way) or (destination.kind == "MultiZoneService" and has_names(read, destination)):
        return None
    return _grouped(read, _place(read, caller), _conf(read, caller, destination), cluster)


def written_endpoints(read: Read, caller: Client, cluster: str) -> ir.Endpoints | None:
    """The endpoints of a MultiZoneService of which some are names; None where none is. Sidecars of one client
    share a cluster wherever they are, so that labels do not count here."""
    destination = way_of(cluster).destination
    if not has_names(read, destination):
        return None
    place = localities.Place(zone(read), {}) if isinstance(caller, World) else _place(read, caller)
    return _grouped(read, place, _conf(read, caller, destination), cluster)


def _placed(read: Read, cluster: str) -> Iterator[tuple[ir.Endpoint, Mapping[str, str]]]:
    """The endpoints of a cluster, each with its zone and the labels that say where it is."""
    way, here = way_of(cluster), zone(read)
    if way.service.kind == "MultiZoneService":
        yield from placed_members(read, way.destination)
        return
    for endpoint, labels in placed_endpoints(read, cluster):
        yield replace(endpoint, zone=here), labels


def _is_there(read: Read, way: Way) -> bool:
    if way.service.kind == "MultiZoneService":
        return multi_port(read, way.service, way.port) is not None
    return port_of(read, way) is not None


def _grouped(read: Read, place: localities.Place, conf: LoadBalancingDefault, cluster: str) -> ir.Endpoints:
    unique = {(one.address, one.port): (one, labels) for one, labels in _placed(read, cluster)}
    found = localities.grouped(unique.values(), place, conf)
    return ir.Endpoints(
        cluster=cluster,
        endpoints=found,
        overprovisioning_percent=load_balancing.balancing(ir.Balancing(), conf).overprovisioning_percent,
        origin=Origin(way_of(cluster).service),
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
