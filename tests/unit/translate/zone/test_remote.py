"""Services of other zones, as sidecars of this one call them."""

from typing import Any

from tests.unit.translate.mesh.mesh import Mesh, member
from tests.unit.translate.world import backend, document, http_route, rule
from tests.unit.translate.zone.zones import (
    CATALOG,
    CATALOG_ID,
    REMOTE,
    azure,
    two_zones,
    zone,
    zone_ingress,
    zone_service,
    zone_trust,
)

from sekisho import ir
from sekisho.ir.cluster import Host
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import MESH_CLUSTERS, MESH_ENDPOINTS, OUTBOUNDS, ROUTE_TABLES, TRUST


def cluster(world: Mesh) -> ir.Cluster:
    found = world.cluster("web-1", CATALOG)
    assert found is not None
    return found


def doors(world: Mesh, to: Destination = CATALOG) -> list[tuple[str, int]]:
    """Where connections to it go."""
    found: ir.Endpoints | None = world.engine.value(MESH_ENDPOINTS, (World.of("default"), to))
    assert found is not None
    assert all(one.meshed for one in found.endpoints), "spoken to in plain text"
    return [(one.address, one.port) for one in found.endpoints]


def believed(world: Mesh) -> list[str]:
    """Trust domains."""
    found: ir.TrustBundle = world.engine.value(TRUST, (world.world("web-1"), "trust"))
    return [domain for domain, _ in found.authorities]


def test_a_service_of_another_zone_is_called_through_its_ingress() -> None:
    world = two_zones()
    assert REMOTE in world.members("web-1").services
    assert doors(world) == [("203.0.113.7", 443)]


def test_it_has_an_address_of_its_own_here() -> None:
    world = two_zones()
    outbound: ir.Outbound = world.engine.value(OUTBOUNDS, (world.world("web-1").profile, CATALOG))
    assert "243.0.0.1" in outbound.addresses
    assert outbound.port == 80


def test_it_is_asked_for_by_the_server_name_of_its_own_zone_and_must_be_who_its_record_says() -> None:
    transport = cluster(two_zones()).transport
    assert isinstance(transport, ir.MeshTransport)
    assert transport.server_name == "80.catalog.shop.gcp.default.sekisho"
    assert transport.identities == (CATALOG_ID,)
    assert transport.members_only


def test_it_is_spoken_to_by_the_versions_of_tls_that_are_taken_there() -> None:
    cipher = "ECDHE-ECDSA-AES128-GCM-SHA256"
    old = zone_service(tlsVersion={"min": "TLS12", "max": "TLS12"}, tlsCiphers=[cipher])
    for told, expected in ((zone_service(), ("1.3", "1.3", ())), (old, ("1.2", "1.2", (cipher,)))):
        cluster = two_zones(told).cluster("web-1", CATALOG)
        assert cluster is not None
        assert isinstance(cluster.transport, ir.MeshTransport)
        transport = cluster.transport
        assert (transport.min_version, transport.max_version, transport.ciphers) == expected


def test_bytes_go_as_they_are() -> None:
    world = two_zones(zone_service(protocol="tcp"))
    transport = cluster(world).transport
    assert isinstance(transport, ir.MeshTransport)
    assert transport.alpn == "sekisho"
    assert (world.world("web-1").client, CATALOG) not in world.values(ROUTE_TABLES)


def test_requests_are_read_so_that_another_ingress_or_instance_can_take_over() -> None:
    world = two_zones()
    transport = cluster(world).transport
    assert isinstance(transport, ir.MeshTransport)
    assert transport.alpn == "sekisho-h2"
    table: ir.RouteTable = world.engine.value(ROUTE_TABLES, (world.world("web-1").client, CATALOG))
    (route,) = table.hosts[0].routes
    assert isinstance(route.action, ir.Forward)
    assert [share.cluster for share in route.action.shares] == ["zone/shop/catalog.gcp/80"]
    assert route.action.retry is not None
    assert route.action.retry.on == ("connect-failure", "refused-stream", "reset-before-request")
    assert not route.action.retry.connection_errors, "nothing is done twice"
    assert route.action.retry.omit_previous_priorities == 0, "the ingresses of one zone are all alike"


def test_every_ingress_of_the_zone_is_used() -> None:
    world = two_zones(zone_ingress("203.0.113.8:443", name="second"))
    assert doors(world) == [("203.0.113.7", 443), ("203.0.113.8", 443)]


def test_an_ingress_that_is_not_ready_is_not_used() -> None:
    assert doors(two_zones(zone_ingress("203.0.113.7:443", ready=False))) == []


def test_an_ingress_that_has_a_host_name_is_looked_up_by_the_proxy() -> None:
    world = two_zones(zone_ingress("ingress.gcp.example.com:443", name="second"))
    assert cluster(world).hosts == (Host("203.0.113.7", 443), Host("ingress.gcp.example.com", 443))
    assert world.engine.value(MESH_ENDPOINTS, (World.of("default"), CATALOG)) is None


def test_host_names_are_not_called_either_while_nobody_answers() -> None:
    world = azure(zone(), zone_service(instances=0), zone_ingress("ingress.gcp.example.com:443"))
    assert cluster(world).hosts == ()


def test_without_instances_it_is_there_and_unavailable() -> None:
    world = two_zones(zone_service(instances=0))
    assert doors(world) == []
    assert REMOTE in world.members("web-1").services


def test_one_more_instance_changes_nothing_here() -> None:
    world = two_zones()
    assert not world.apply(zone_service(instances=3)).outputs


def test_a_disabled_zone_is_closed_and_not_believed() -> None:
    world = two_zones(zone_trust())
    assert "default.gcp.mesh.local" in believed(world)
    world.apply(zone(enabled=False))
    assert doors(world) == []
    assert "default.gcp.mesh.local" not in believed(world)


def test_a_zone_nobody_knows_is_closed() -> None:
    world = two_zones(zone_trust())
    world.remove(ResourceId("Zone", "", "gcp"))
    assert doors(world) == []
    assert "default.gcp.mesh.local" not in believed(world)


def test_the_record_of_this_zone_itself_is_for_others() -> None:
    world = azure(zone("azure"), zone_service("web", of="azure"), zone_trust(of="azure"))
    assert {one.kind for one in world.members("web-1").services} == {"Service"}
    assert believed(world) == []


def test_a_record_of_a_mesh_that_is_not_here_is_not_seen() -> None:
    other = zone_service()
    other["spec"]["mesh"] = "other"
    assert REMOTE not in two_zones(other).members("web-1").services


def test_who_lists_what_it_calls_sees_no_other_zone_that_is_not_listed() -> None:
    listed = {"capture": "Redirect", "reachable": [{"kind": "ZoneService", "name": "catalog.gcp"}]}
    unlisted = {"capture": "Redirect", "reachable": [{"kind": "Service", "name": "web"}]}
    world = two_zones(
        member("web-2", "web", "10.0.0.2", sidecar=listed),
        member("web-3", "web", "10.0.0.3", sidecar=unlisted),
    )
    assert world.sees("web-2") == {"catalog.gcp"}
    assert world.sees("web-3") == {"web"}


def test_ingresses_are_probed_without_a_handshake_and_left_out_when_connections_fail() -> None:
    found = cluster(two_zones())
    (check,) = found.health_checks
    assert (check.kind, check.bare) == ("tcp", True)
    assert found.outliers is not None
    assert found.outliers.split_local_errors
    assert found.outliers.consecutive_local_failures == 3
    assert found.outliers.consecutive_failures is None, "answers are no fault of an ingress"


def test_a_connection_takes_few_requests_as_an_ingress_deals_out_connections() -> None:
    found = cluster(two_zones())
    assert (found.streams, found.requests_per_connection) == (16, 1_000)


def to_catalog(**fields: Any) -> dict[str, Any]:
    return backend("catalog.gcp", group="sekisho.dev", kind="ZoneService", **fields)


def test_a_route_of_a_service_leads_to_another_zone() -> None:
    parents = [{"group": "", "kind": "Service", "name": "web"}]
    world = two_zones(http_route("away", rule(to_catalog()), parents=parents))
    web = Destination("Service", "shop", "web", 80)
    table: ir.RouteTable = world.engine.value(ROUTE_TABLES, (world.world("web-1").client, web))
    (route,) = table.hosts[0].routes
    assert isinstance(route.action, ir.Forward)
    assert [share.cluster for share in route.action.shares] == ["zone/shop/catalog.gcp/80"]
    assert (world.world("web-1").client, CATALOG) in world.values(MESH_CLUSTERS)


def test_policies_for_the_mesh_and_for_it_are_for_the_way_there() -> None:
    timeout = document(
        "Timeout", "slow", "sekisho-system",
        spec={"to": [{"targetRef": {"kind": "Mesh"}, "default": {"connectionTimeout": "7s"}}]},
    )  # fmt: skip
    breaker = document(
        "CircuitBreaker", "few", "shop",
        spec={
            "to": [
                {
                    "targetRef": {"kind": "ZoneService", "name": "catalog.gcp", "sectionName": "http"},
                    "default": {"connectionLimits": {"maxConnections": 5}},
                }
            ]
        },
    )  # fmt: skip
    found = cluster(two_zones(timeout, breaker))
    assert found.connect_timeout_ms == 7000
    assert found.limits.connections == 5
