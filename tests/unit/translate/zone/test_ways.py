"""Other zones through the one way out: what callers have of it, and what the egress asks and passes on."""

import pytest
from tests.unit.translate.mesh.mesh import Mesh, member, mesh, permission
from tests.unit.translate.mesh.test_multizone import multi_zone_service
from tests.unit.translate.world import (
    EDGE,
    Document,
    backend,
    document,
    gateway,
    gateway_class,
    http_route,
    namespace,
    of_type,
    passthrough,
    rule,
)
from tests.unit.translate.zone.zones import CATALOG, CATALOG_ID, REMOTE, two_zones, zone_ingress, zone_service

from sekisho import ir
from sekisho.ir.transport import MeshTransport
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import (
    CLUSTERS,
    MESH_ENDPOINTS,
    OUTLET_CLUSTERS,
    OUTLET_NAMES,
    OUTLETS,
    PASSAGES,
    STATUSES,
    TUNNELS,
    WAY_CLUSTERS,
    WAY_ENDPOINTS,
    WAYS,
)
from sekisho.translate.zone.outlets import destination_outside

EGRESS = ResourceId("Gateway", "shop", "egress")
EGRESS_ID = "spiffe://default.azure.mesh.local/ns/shop/sa/egress"
WEB = "spiffe://default.azure.mesh.local/ns/shop/sa/web"
NAME = cluster_name(CATALOG)
WAY = "~egress"


def egress() -> Document:
    return gateway(
        passthrough("out", 15444),
        name="egress", gatewayClassName="sekisho-zone-egress", addresses=[{"value": "10.0.0.9"}],
    )  # fmt: skip


def required(*documents: Document) -> Mesh:
    """Azure, which reaches gcp through its egress alone; nobody may go there."""
    nobody = permission("all", {"namespaces": ["nobody"]})
    world = two_zones(gateway_class("sekisho-zone-egress"), egress(), nobody, *documents)
    world.apply(mesh(zoneEgress="Required"))
    return world


def allowed(name: str = REMOTE.name) -> Document:
    rules = [{"default": {"allow": [{"spiffeID": {"type": "Exact", "value": WEB}}]}}]
    spec = {"targetRef": {"kind": "ZoneService", "name": name}, "rules": rules}
    return document("TrafficPermission", "to-catalog", spec=spec)


def callers(world: Mesh) -> list[str]:
    outlet: ir.Inbound = world.engine.value(OUTLETS, (EGRESS, NAME))
    return [text.value for each in outlet.permissions.rules for text in each.caller.identities]


def test_callers_speak_to_who_answers_there_within_the_way_to_the_egress() -> None:
    world = required()
    cluster = world.cluster("web-1", CATALOG)
    assert cluster is not None
    assert cluster.inside == WAY
    assert isinstance(cluster.transport, MeshTransport)
    assert cluster.transport.identities == (CATALOG_ID,)
    assert cluster.transport.server_name == "80.catalog.shop.gcp.default.sekisho"
    key = (world.world("web-1"), WAY)
    assert world.engine.value(WAYS, key).passes_name_on
    around: ir.Cluster = world.engine.value(WAY_CLUSTERS, key)
    assert isinstance(around.transport, MeshTransport)
    assert around.transport.identities == (EGRESS_ID,)
    places = [(one.address, one.port) for one in world.engine.value(WAY_ENDPOINTS, key).endpoints]
    assert places == [("10.0.0.9", 15444)]


def test_gateways_do_as_well_and_an_egress_does_not_call_itself() -> None:
    to = backend(REMOTE.name, 80, group="sekisho.dev", kind="ZoneService")
    world = required(gateway(), http_route("r", rule(to)))
    cluster: ir.Cluster = world.engine.value(CLUSTERS, (EDGE, NAME))
    assert cluster.inside == WAY
    assert (EDGE, WAY) in world.engine.keys(WAYS)
    assert (EGRESS, WAY) not in world.engine.keys(WAYS)
    assert world.values(TUNNELS) == {}


def test_the_egress_asks_for_permission_to_call_that_service() -> None:
    world = required()
    outlet: ir.Inbound = world.engine.value(OUTLETS, (EGRESS, NAME))
    assert outlet.tls is not None
    assert outlet.protocol is ir.Protocol.TCP
    assert not outlet.inspected
    assert WEB not in callers(world)
    world.apply(allowed())
    assert WEB in callers(world)
    world.apply(allowed("other.gcp"))
    assert WEB not in callers(world)


def test_what_was_let_out_for_one_service_asks_for_that_one_and_goes_to_its_zone() -> None:
    world = required()
    server_name = "80.catalog.shop.gcp.default.sekisho"
    assert world.engine.value(OUTLET_NAMES, (EGRESS, f"sni/{server_name}")).inside == NAME
    passage = world.engine.value(OUTLET_CLUSTERS, (EGRESS, NAME)).inside
    tunnel: ir.Tunnel = world.engine.value(PASSAGES, (EGRESS, passage))
    assert (tunnel.cluster, tunnel.server_name) == (passage, server_name)
    doors: ir.Cluster = world.engine.value(WAY_CLUSTERS, (EGRESS, tunnel.leads_to))
    assert doors.transport is None
    found = world.engine.value(WAY_ENDPOINTS, (EGRESS, tunnel.leads_to)).endpoints
    assert [(one.address, one.port) for one in found] == [("203.0.113.7", 443)]


def test_doors_that_are_names_are_looked_up_by_the_egress() -> None:
    world = required()
    world.apply(zone_ingress("ingress.gcp.example.com:443"))
    key = (EGRESS, "~doors/gcp")
    assert world.engine.value(WAY_CLUSTERS, key).hosts == (ir.Host("ingress.gcp.example.com", 443),)
    assert world.engine.value(WAY_ENDPOINTS, key) is None


def test_without_an_egress_nobody_gets_there_and_the_status_says_why() -> None:
    world = required()
    world.remove(EGRESS)
    assert world.engine.value(WAY_ENDPOINTS, (world.world("web-1"), WAY)).endpoints == ()
    told = world.engine.value(STATUSES, REMOTE)["conditions"]
    assert of_type(told, "Available") == ("False", "NoEgress")


def test_a_service_of_all_zones_is_called_through_it_where_it_is_elsewhere() -> None:
    world = required(multi_zone_service())
    multi = Destination("MultiZoneService", "shop", "catalog", 80)
    world.commit({AssignedVip.of(multi.resource): "243.128.192.1"})
    found: ir.Endpoints = world.engine.value(MESH_ENDPOINTS, (World.of("default"), multi))
    assert [(one.tunnel, one.member, one.probed) for one in found.endpoints] == [(WAY, NAME, False)]
    world.apply(zone_service(instances=0))
    found = world.engine.value(MESH_ENDPOINTS, (World.of("default"), multi))
    assert found.endpoints == ()


def test_where_the_mesh_does_not_ask_for_it_there_is_none_of_it() -> None:
    world = required()
    world.apply(mesh())
    assert [key for made in (WAYS, WAY_CLUSTERS, OUTLETS, PASSAGES) for key in world.engine.keys(made)] == []
    cluster = world.cluster("web-1", CATALOG)
    assert cluster is not None
    assert cluster.inside == ""


@pytest.mark.parametrize(
    ("name", "kind", "called"),
    [
        ("443.bank.external.shop.azure.default.sekisho", "ExternalService", "bank"),
        ("80.catalog.shop.gcp.default.sekisho", "ZoneService", "catalog.gcp"),
        ("80.external.shop.gcp.default.sekisho", "ZoneService", "external.gcp"),
        ("80.catalog.external.gcp.default.sekisho", "ZoneService", "catalog.gcp"),
    ],
)
def test_a_server_name_is_of_one_thing(name: str, kind: str, called: str) -> None:
    found = destination_outside(f"sni/{name}")
    assert (found.kind, found.name) == (kind, called)


def test_a_workload_of_another_mesh_has_no_such_way() -> None:
    world = required(document("Mesh", "apart"), member("solo-1", "solo", namespace="apart"))
    world.apply(namespace("apart", **{"sekisho.dev/mesh": "apart"}))
    assert (world.world("solo-1", "apart"), WAY) not in world.engine.keys(WAYS)
