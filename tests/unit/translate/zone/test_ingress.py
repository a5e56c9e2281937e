"""The ingress of a zone: what others are let in to, and by which name."""

from typing import Any

from tests.unit.translate.mesh.mesh import Mesh, application, member
from tests.unit.translate.world import endpoint_slice, gateway_class, route, workload
from tests.unit.translate.zone.zones import zone_ingress_gateway

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Settings, SettingsKey
from sekisho.translate.outputs import INGRESS_CLUSTERS, INGRESS_ENDPOINTS, LISTENERS

INGRESS = ResourceId("Gateway", "shop", "ingress")
CATALOG = "sni/80.catalog.shop.gcp.default.sekisho"


def gcp(*documents: Any) -> Mesh:
    """Zone `gcp` with an ingress and application `catalog`."""
    world = Mesh(
        gateway_class("sekisho-zone-ingress"),
        zone_ingress_gateway(),
        application("catalog", "241.0.0.1"),
        member("catalog-1", "catalog", "10.0.0.1"),
        *documents,
    )
    world.commit({SettingsKey(): Settings(zone="gcp")})
    return world


def ways_in(world: Mesh) -> set[str]:
    return {name for gateway, name in world.values(INGRESS_CLUSTERS) if gateway == INGRESS}


def chain(world: Mesh) -> ir.Chain:
    (listener,) = world.listeners(INGRESS).values()
    (only,) = listener.chains
    return only


def test_a_port_others_may_call_is_found_by_its_server_name() -> None:
    world = gcp()
    assert ways_in(world) == {CATALOG}
    found: ir.Endpoints = world.engine.value(INGRESS_ENDPOINTS, (INGRESS, CATALOG))
    assert [(one.address, one.port) for one in found.endpoints] == [("10.0.0.1", 8080)]


def test_bytes_are_passed_on_as_they_are() -> None:
    world = gcp()
    cluster: ir.Cluster = world.engine.value(INGRESS_CLUSTERS, (INGRESS, CATALOG))
    assert cluster.transport is None
    assert cluster.protocol is ir.Protocol.TCP


def test_no_other_cluster_can_be_asked_for_by_name() -> None:
    """The proxy has others, such as that of its control plane."""
    world = gcp()
    forward = chain(world).tcp
    assert forward is not None
    assert (forward.by_server_name, forward.shares) == (True, ())
    assert all(name.startswith("sni/") for name in ways_in(world))


def test_services_come_and_go_without_a_change_of_the_listener() -> None:
    world = gcp()
    cart = (application("cart", "241.0.0.2"), member("cart-1", "cart", "10.0.0.2"))
    assert LISTENERS not in world.apply(*cart).outputs
    assert "sni/80.cart.shop.gcp.default.sekisho" in ways_in(world)
    assert LISTENERS not in world.remove(ResourceId("Service", "shop", "cart")).outputs
    assert ways_in(world) == {CATALOG}


def test_a_service_that_is_kept_back_is_not_let_in_to() -> None:
    catalog = application("catalog", "241.0.0.1")
    catalog["metadata"]["labels"] = {"sekisho.dev/export": "false"}
    assert ways_in(gcp(catalog)) == set()


def test_a_service_with_an_instance_without_sidecar_is_not_let_in_to() -> None:
    plain = workload("old", "10.0.0.9", labels={"app": "catalog"}, ports=[{"port": 8080}])
    assert ways_in(gcp(plain)) == set()
    assert ways_in(gcp(endpoint_slice("catalog", "10.0.0.9"))) == set()


def test_no_route_leads_into_the_zone() -> None:
    """Else whoever may write one would let others in to what is not shown."""
    world = gcp(route("TLSRoute", "in", parents=[{"name": "ingress"}], hostnames=["x.example.com"]))
    found = ResourceId("TLSRoute", "shop", "in")
    assert world.parent_condition(found, "Accepted") == ("False", "NotAllowedByListeners")
    assert chain(world).server_names == ()


def test_what_does_not_pass_tls_on_is_no_listener_of_an_ingress() -> None:
    http = {"name": "web", "port": 80, "protocol": "HTTP"}
    world = gcp(zone_ingress_gateway(http))
    assert world.listeners(INGRESS) == {}
    assert world.listener_condition("web", "Accepted", INGRESS) == ("False", "UnsupportedProtocol")


def test_a_way_in_is_left_out_for_a_while_when_it_cannot_be_connected_to() -> None:
    cluster: ir.Cluster = gcp().engine.value(INGRESS_CLUSTERS, (INGRESS, CATALOG))
    assert cluster.outliers is not None
    assert cluster.outliers.split_local_errors
    forward = chain(gcp()).tcp
    assert forward is not None
    assert forward.connect_attempts == 3
