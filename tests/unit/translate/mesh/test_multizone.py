"""One name over services of several zones: what stands behind it, who is first, and how it is known."""

from typing import Any

import pytest
from tests.unit.translate.mesh.mesh import Mesh, application, member, permission, service_route
from tests.unit.translate.world import (
    NAMESPACE,
    Document,
    document,
    gateway,
    http_route,
    of_type,
    rule,
)
from tests.unit.translate.zone.zones import azure, zone, zone_ingress, zone_service

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.outputs import CLUSTERS, ENDPOINTS, MESH_ENDPOINTS, ROUTE_TABLES, WAY_ENDPOINTS, WAYS

MULTI = ResourceId("MultiZoneService", NAMESPACE, "catalog")
DESTINATION = Destination(*MULTI, 80)
NAME = cluster_name(DESTINATION)
NEAR, GCP, AWS = "shop/catalog/80", "zone/shop/catalog.gcp/80", "zone/shop/catalog.aws/80"


def multi_zone_service(name: str = "catalog", port: Document | None = None, **labels: str) -> Document:
    """Over the services called `catalog`, unless `labels` say otherwise."""
    wanted = {key.replace("_", "/"): value for key, value in labels.items()}
    return document(
        "MultiZoneService", name, NAMESPACE,
        spec={
            "selector": {"zoneService": {"matchLabels": wanted or {"sekisho.dev/service": "catalog"}}},
            "ports": [{"port": 80, "protocol": "http", **(port or {})}],
        },
    )  # fmt: skip


def balancing(*, to: Document | None = None, name: str = "near", **awareness: Any) -> Document:
    item = {"targetRef": to or {"kind": "Mesh"}, "default": {"localityAwareness": awareness}}
    return document("LoadBalancing", name, NAMESPACE, spec={"to": [item]})


def three_zones(*documents: Document) -> Mesh:
    """Zone `azure` with two instances of `catalog`, `gcp` with six behind two doors, `aws` with one."""
    found = azure(
        application("catalog", "241.0.0.2"),
        member("catalog-1", "catalog", "10.0.0.2"), member("catalog-2", "catalog", "10.0.0.3"),
        zone("gcp"), zone_service(instances=6), zone_ingress("203.0.113.7:443", "203.0.113.8:443"),
        zone("aws"), zone_service(of="aws", instances=1), zone_ingress("198.51.100.9:443", of="aws"),
        multi_zone_service(), *documents,
    )  # fmt: skip
    found.commit({AssignedVip.of(MULTI): "243.128.192.1"})
    return found


def endpoints(found: Mesh, workload: str = "web-1") -> tuple[ir.Endpoint, ...]:
    world = found.world(workload)
    made: ir.Endpoints = found.engine.value(MESH_ENDPOINTS, (world.located, DESTINATION))
    return made.endpoints


def order(found: Mesh, workload: str = "web-1") -> dict[str, int]:
    """Priority by zone."""
    return {one.zone: one.priority for one in endpoints(found, workload)}


def ways(found: Mesh) -> dict[str, ir.MeshTransport]:
    cluster = found.cluster("web-1", DESTINATION)
    assert cluster is not None
    assert isinstance(cluster.transport, ir.MembersTransport)
    return dict(cluster.transport.members)


def status(found: Mesh) -> Document:
    told = found.status(MULTI)
    assert told is not None
    return told


def test_each_member_is_spoken_to_by_its_own_name_and_identities() -> None:
    assert {name: (way.server_name, way.identities) for name, way in ways(three_zones()).items()} == {
        NEAR: ("80.catalog.shop.azure.default.sekisho", ("spiffe://default.azure.mesh.local/ns/shop/sa/catalog",)),
        GCP: ("80.catalog.shop.gcp.default.sekisho", ("spiffe://default.gcp.mesh.local/ns/shop/sa/catalog",)),
        AWS: ("80.catalog.shop.aws.default.sekisho", ("spiffe://default.aws.mesh.local/ns/shop/sa/catalog",)),
    }  # fmt: skip


def test_the_own_zone_is_first_and_others_weigh_what_is_healthy_there() -> None:
    found = [
        (one.address, one.priority, one.weight, one.member, one.probed) for one in endpoints(three_zones())
    ]
    assert found == [
        ("10.0.0.2", 0, 2, NEAR, False), ("10.0.0.3", 0, 2, NEAR, False),
        ("198.51.100.9", 1, 2, AWS, True),
        ("203.0.113.7", 1, 6, GCP, True), ("203.0.113.8", 1, 6, GCP, True),
    ]  # fmt: skip


def test_where_health_checks_are_written_instances_of_this_zone_are_asked_too() -> None:
    check = document(
        "HealthCheck",
        "all",
        NAMESPACE,
        spec={"to": [{"targetRef": {"kind": "Mesh"}, "default": {"tcp": {}}}]},
    )
    assert all(one.probed for one in endpoints(three_zones(check)))


def test_zones_without_instances_or_doors_and_disabled_ones_are_not_called() -> None:
    found = three_zones(zone("gcp", enabled=False), zone_service(of="aws", instances=0))
    assert order(found) == {"azure": 0}
    found.apply(zone("gcp"))
    assert order(found) == {"azure": 0, "gcp": 1}
    found.apply(zone_ingress("203.0.113.7:443", ready=False))
    assert order(found) == {"azure": 0}


@pytest.mark.parametrize(
    ("awareness", "expected"),
    [
        ({"disabled": True}, {"azure": 0, "aws": 0, "gcp": 0}),
        ({"crossZone": {"failover": []}}, {"azure": 0}),
        (
            {"crossZone": {"failover": [
                {"to": {"type": "Only", "zones": ["gcp"]}}, {"to": {"type": "Any"}},
            ]}},
            {"azure": 0, "gcp": 1, "aws": 2},
        ),
        (
            {"crossZone": {"failover": [
                {"from": {"zones": ["gcp"]}, "to": {"type": "Any"}},
                {"to": {"type": "AnyExcept", "zones": ["aws"]}},
            ]}},
            {"azure": 0, "gcp": 1},
        ),
    ],
)  # fmt: skip
def test_other_zones_help_as_a_policy_says(awareness: Any, expected: dict[str, int]) -> None:
    assert order(three_zones(balancing(**awareness))) == expected


def test_a_policy_of_one_workload_moves_nobody_elses_endpoints() -> None:
    policy = balancing(crossZone={"failover": []})
    policy["spec"]["targetRef"] = {"kind": "Workload", "labels": {"app": "web"}}
    found = three_zones(policy)
    assert order(found) == {"azure": 0}
    assert order(found, "catalog-1") == {"azure": 0, "gcp": 1, "aws": 1}


@pytest.mark.parametrize(
    ("percentage", "expected"), [(None, 200), (70, 143), (50, 200), (99, 102), (100, 100)]
)
def test_the_threshold_is_told_with_the_endpoints(percentage: int | None, expected: int) -> None:
    cross = {"failoverThreshold": {"percentage": percentage}} if percentage else {}
    found = three_zones(balancing(crossZone={**cross, "failover": [{"to": {"type": "Any"}}]}))
    made: ir.Endpoints = found.engine.value(MESH_ENDPOINTS, (found.world("web-1").located, DESTINATION))
    assert made.overprovisioning_percent == expected


def test_labels_choose_among_services_of_this_zone_as_among_those_of_others() -> None:
    found = three_zones(multi_zone_service(**{"sekisho.dev_service": "catalog", "sekisho.dev_zone": "gcp"}))
    assert order(found) == {"gcp": 1}
    found.apply(multi_zone_service(**{"sekisho.dev_zone": "azure", "sekisho.dev_service": "catalog"}))
    assert order(found) == {"azure": 0}


def test_ports_are_found_by_their_name_or_else_by_their_number() -> None:
    found = three_zones(multi_zone_service(port={"port": 8000, "name": "http"}))
    destination = Destination(*MULTI, 8000)
    made: ir.Endpoints = found.engine.value(MESH_ENDPOINTS, (found.world("web-1").located, destination))
    assert len(made.endpoints) == 5
    found.apply(multi_zone_service(port={"port": 8000}))
    made = found.engine.value(MESH_ENDPOINTS, (found.world("web-1").located, destination))
    assert made.endpoints == ()


def test_where_an_instance_has_no_sidecar_nobody_is_spoken_to_by_http2() -> None:
    found = three_zones()
    assert {way.alpn for way in ways(found).values()} == {"sekisho-h2"}
    bare = member("catalog-3", "catalog", "10.0.0.4")
    del bare["spec"]["sidecar"]
    found.apply(bare)
    assert {way.alpn for way in ways(found).values()} == {"sekisho"}
    assert [one.member for one in endpoints(found) if one.address == "10.0.0.4"] == [""]


def test_requests_are_tried_again_in_the_next_zone_unless_a_policy_says_otherwise() -> None:
    def retry(found: Mesh) -> ir.Retry | None:
        table: ir.RouteTable = found.engine.value(ROUTE_TABLES, (found.world("web-1").client, DESTINATION))
        action = table.hosts[0].routes[0].action
        assert isinstance(action, ir.Forward)
        return action.retry

    def said(**http: Any) -> Document:
        item = {"targetRef": {"kind": "Mesh"}, "default": {"http": http}}
        return document("Retry", "r", NAMESPACE, spec={"to": [item]})

    found = three_zones()
    plain = retry(found)
    assert plain is not None
    assert (plain.attempts, plain.omit_previous_priorities, plain.connection_errors) == (3, 1, False)
    found.apply(said(numRetries=1))
    asked = retry(found)
    assert asked is not None
    assert (asked.attempts, asked.omit_previous_priorities) == (1, 1)
    found.apply(said(numRetries=0))
    assert retry(found) is None


def test_it_has_an_address_names_and_tells_what_stands_behind_it() -> None:
    found = three_zones()
    told = status(found)
    assert told["vip"] == {"ip": "243.128.192.1"}
    assert told["addresses"] == [{"hostname": "catalog.shop.mzsvc.mesh.local"}]
    assert [one["name"] for one in told["matched"]] == ["catalog", "catalog.aws", "catalog.gcp"]
    assert [one["zone"] for one in told["matched"]] == ["azure", "aws", "gcp"]
    assert of_type(told["conditions"], "Available") == ("True", "Available")
    assert of_type(told["conditions"], "ResolvedRefs") == ("True", "ResolvedRefs")
    assert found.hostnames("web-1")["catalog.shop.mzsvc.mesh.local"][0] == "243.128.192.1"


def test_it_tells_when_nothing_answers_and_when_nothing_is_meant() -> None:
    found = azure(zone(), zone_service(instances=0), zone_ingress("203.0.113.7:443"), multi_zone_service())
    assert of_type(status(found)["conditions"], "Available") == ("False", "NoInstances")
    found.apply(multi_zone_service(app="nothing"))
    assert of_type(status(found)["conditions"], "Available") == ("False", "NothingMatched")


def test_two_services_behind_one_ingress_are_told_apart_by_a_tunnel_to_it() -> None:
    """Their address is the same, and Envoy would know but one of them."""
    found = azure(
        zone(), zone_service("catalog"), zone_service("pricing", instances=3),
        zone_ingress("203.0.113.7:443"), multi_zone_service(**{"sekisho.dev_zone": "gcp"}),
    )  # fmt: skip
    pricing = GCP.replace("catalog", "pricing")
    made = {one.member: one for one in endpoints(found)}
    assert {name: (one.tunnel, one.weight) for name, one in made.items()} == {
        GCP: ("~doors/gcp", 2), pricing: ("~doors/gcp", 3),
    }  # fmt: skip
    assert len({(one.address, one.port) for one in made.values()}) == len(made)
    key = (found.world("web-1"), "~doors/gcp")
    assert found.engine.value(WAYS, key).cluster == "~doors/gcp"
    (door,) = found.engine.value(WAY_ENDPOINTS, key).endpoints
    assert (door.address, door.port) == ("203.0.113.7", 443)
    found.remove(ResourceId("ZoneService", "shop", "pricing.gcp"))
    (only,) = endpoints(found)
    assert (only.address, only.tunnel) == ("203.0.113.7", "")
    assert key not in found.engine.keys(WAYS)


def test_a_gateway_calls_it_as_a_backend() -> None:
    to = {"group": "sekisho.dev", "kind": "MultiZoneService", "name": "catalog", "port": 80}
    found = three_zones(gateway(), http_route("r", rule(to)))
    key = next(key for key in found.engine.keys(CLUSTERS) if key[1] == NAME)
    cluster: ir.Cluster = found.engine.value(CLUSTERS, key)
    assert isinstance(cluster.transport, ir.MembersTransport)
    made: ir.Endpoints = found.engine.value(ENDPOINTS, key)
    assert made.endpoints == endpoints(found)


@pytest.mark.parametrize(
    ("port", "reason"), [({"port": 81}, "BackendNotFound"), ({"protocol": "tls"}, "UnsupportedProtocol")]
)
def test_a_route_that_cannot_use_it_says_so(port: Document, reason: str) -> None:
    to = {"group": "sekisho.dev", "kind": "MultiZoneService", "name": "catalog", "port": 80}
    found = three_zones(multi_zone_service(port=port), gateway(), http_route("r", rule(to)))
    told = found.status(ResourceId("HTTPRoute", NAMESPACE, "r"))
    assert of_type(told["parents"][0]["conditions"], "ResolvedRefs") == ("False", reason)


def test_a_service_can_send_its_requests_there() -> None:
    route = service_route("r", "web")
    route["spec"]["rules"][0]["backendRefs"] = [
        {"group": "sekisho.dev", "kind": "MultiZoneService", "name": "catalog", "port": 80}
    ]
    found = three_zones(route, application("other", "241.0.0.9"), member("other-1", "other", "10.0.0.9"))
    client = found.world("other-1").client
    table: ir.RouteTable = found.engine.value(
        ROUTE_TABLES, (client, Destination("Service", NAMESPACE, "web", 80))
    )
    action = table.hosts[0].routes[0].action
    assert isinstance(action, ir.Forward)
    assert [share.cluster for share in action.shares] == [NAME]
    assert action.retry is not None


def test_an_instance_more_in_another_zone_moves_its_endpoints_alone() -> None:
    found = three_zones()
    changes = found.apply(zone_service(instances=7))
    moved = {output.name: len(keys) for output, keys in changes.outputs.items()}
    assert moved == {"mesh endpoints": 1}


def test_a_local_instance_that_goes_moves_endpoints_alone() -> None:
    found = three_zones()
    changes = found.apply(member("catalog-2", "catalog", "10.0.0.3", ready=False))
    moved = {output.name: len(keys) for output, keys in changes.outputs.items() if output.name != "statuses"}
    assert moved == {"mesh endpoints": 2}, "of the Service and of the MultiZoneService"


def test_callers_need_no_permission_of_a_zone_to_see_it() -> None:
    found = three_zones(permission("nobody", namespace=NAMESPACE))
    assert "catalog" in {one.name for one in found.members("web-1").services if one.kind == MULTI.kind}


def test_where_an_ingress_is_a_host_name_the_endpoints_are_written_in_the_cluster() -> None:
    named = zone_ingress("ingress.aws.example.com:443", of="aws")
    found = three_zones(
        named, balancing(crossZone={"failover": [{"to": {"type": "Only", "zones": ["aws"]}}]})
    )
    cluster = found.cluster("web-1", DESTINATION)
    assert cluster is not None
    assert cluster.written_endpoints is not None
    assert [(one.address, one.priority) for one in cluster.written_endpoints.endpoints] == [
        ("10.0.0.2", 0), ("10.0.0.3", 0), ("ingress.aws.example.com", 1),
    ]  # fmt: skip
    assert (found.world("web-1").located, DESTINATION) not in found.values(MESH_ENDPOINTS)
