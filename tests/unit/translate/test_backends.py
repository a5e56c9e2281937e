"""Clusters and endpoints: where they come from, who shares them, and who may refer to them."""

from typing import Any

import pytest
from tests.unit.translate.world import (
    EDGE,
    World,
    backend,
    endpoint_slice,
    gateway,
    http_route,
    reference_grant,
    route_id,
    rule,
    service,
    workload,
)

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import CLUSTERS, ENDPOINTS

CLUSTER = "shop/web/80"


def shop(*documents: Any, **spec: Any) -> World:
    """A route to port 80 of Service `web`."""
    ports = spec.pop("ports", [{"port": 80, "targetPort": 3000}])
    return World(gateway(), service("web", *ports, **spec), http_route("r"), *documents)


def test_many_rules_and_routes_to_one_service_port_share_one_cluster() -> None:
    found = shop(http_route("other", rule(backend(), path="/a"), rule(backend(), path="/b")))
    assert list(found.clusters()) == [CLUSTER]


def test_gateways_share_one_cluster() -> None:
    other = ResourceId("Gateway", "shop", "other")
    found = shop(gateway(name="other"), http_route("r", parents=[{"name": "edge"}, {"name": "other"}]))
    assert found.clusters(EDGE)[CLUSTER] == found.clusters(other)[CLUSTER]


@pytest.mark.parametrize(
    ("app_protocol", "protocol"),
    [
        (None, ir.Protocol.HTTP1),
        ("http", ir.Protocol.HTTP1),
        ("kubernetes.io/h2c", ir.Protocol.H2C),
        ("kubernetes.io/ws", ir.Protocol.WEBSOCKET),
    ],
)
def test_the_service_port_says_what_is_spoken(app_protocol: str | None, protocol: ir.Protocol) -> None:
    found = shop(ports=[{"port": 80, **({"appProtocol": app_protocol} if app_protocol else {})}])
    assert found.clusters()[CLUSTER].protocol == protocol


def test_slices_of_a_service_are_joined_sorted_and_without_duplicates() -> None:
    found = shop(
        endpoint_slice("web", "10.0.0.2", "10.0.0.1", name="s1"),
        endpoint_slice("web", "10.0.0.2", "10.0.0.3", name="s2"),
        endpoint_slice("other", "10.0.0.9"),
        endpoint_slice("web", "10.0.0.8", name="s3", namespace="elsewhere"),
    )
    assert found.addresses(CLUSTER) == [("10.0.0.1", 3000), ("10.0.0.2", 3000), ("10.0.0.3", 3000)]


def test_only_ready_endpoints_count_and_silence_means_ready() -> None:
    endpoints = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
        {"addresses": ["10.0.0.3"]},
    ]
    found = shop(endpoint_slice("web", endpoints=endpoints))
    assert found.addresses(CLUSTER) == [("10.0.0.1", 3000), ("10.0.0.3", 3000)]


def test_a_slice_port_is_found_by_the_name_of_the_service_port() -> None:
    ports = [{"name": "a", "port": 1111}, {"name": "b", "port": 2222}]
    found = shop(
        endpoint_slice("web", "10.0.0.1", ports=ports),
        ports=[{"name": "a", "port": 79}, {"name": "b", "port": 80}],
    )
    assert found.addresses(CLUSTER) == [("10.0.0.1", 2222)]


def test_a_slice_port_without_number_stands_for_the_target_port() -> None:
    assert shop(endpoint_slice("web", "10.0.0.1", ports=[{"name": ""}])).addresses(CLUSTER) == [
        ("10.0.0.1", 3000)
    ]


def test_a_headless_service_with_slices_written_by_hand_works_like_any_other() -> None:
    found = shop(endpoint_slice("web", "10.0.0.1"), clusterIP="None")
    assert found.addresses(CLUSTER) == [("10.0.0.1", 3000)]


def test_slices_of_host_names_have_no_addresses_to_dial() -> None:
    fqdn = endpoint_slice("web", "a.example.com", addressType="FQDN")
    assert shop(fqdn).addresses(CLUSTER) == []


def test_workloads_are_selected_by_all_labels_of_the_service() -> None:
    blue, both = {"app": "web"}, {"app": "web", "track": "stable"}
    found = shop(
        workload("one", "10.0.0.1", labels=both),
        workload("two", "10.0.0.2", labels=blue),
        workload("ill", "10.0.0.3", labels=both, ready=False),
        selector={"app": "web", "track": "stable"},
    )
    assert found.addresses(CLUSTER) == [("10.0.0.1", 3000)]
    found.apply(workload("two", "10.0.0.2", labels=both, zone="b", weight=3))
    assert found.values(ENDPOINTS)[EDGE, CLUSTER].endpoints == (
        ir.Endpoint("10.0.0.1", 3000),
        ir.Endpoint("10.0.0.2", 3000, "b", weight=3),
    )


def test_a_target_port_by_name_is_looked_up_on_each_workload() -> None:
    ports = [{"name": "web", "port": 8000}]
    found = shop(
        workload("one", "10.0.0.1", labels={"app": "web"}, ports=ports),
        workload("two", "10.0.0.2", labels={"app": "web"}),
        ports=[{"port": 80, "targetPort": "web"}],
        selector={"app": "web"},
    )
    assert found.addresses(CLUSTER) == [("10.0.0.1", 8000)]


def test_a_service_without_selector_selects_no_workload() -> None:
    assert shop(workload("one", "10.0.0.1", labels={"app": "web"})).addresses(CLUSTER) == []


def test_a_cluster_stays_while_any_route_uses_it() -> None:
    found = shop(http_route("other"))
    found.remove(route_id("other"))
    assert list(found.clusters()) == [CLUSTER]
    found.remove(route_id("r"))
    assert found.values(CLUSTERS) == found.values(ENDPOINTS) == {}


def test_a_service_that_comes_back_heals_the_route() -> None:
    found = shop()
    found.remove(ResourceId("Service", "shop", "web"))
    assert found.route().action == ir.Respond(status=500)
    assert found.clusters() == {}
    found.apply(service())
    assert found.forward().shares[0].cluster == CLUSTER


@pytest.mark.parametrize(
    ("grant", "permitted"),
    [
        (reference_grant("HTTPRoute", "shop", "Service", namespace="bank"), True),
        (reference_grant("HTTPRoute", "shop", "Service", namespace="bank", to_name="web"), True),
        (reference_grant("HTTPRoute", "shop", "Service", namespace="bank", to_name="other"), False),
        (reference_grant("HTTPRoute", "other", "Service", namespace="bank"), False),
        (reference_grant("GRPCRoute", "shop", "Service", namespace="bank"), False),
        (reference_grant("HTTPRoute", "shop", "Secret", namespace="bank"), False),
        (reference_grant("HTTPRoute", "shop", "Service", namespace="shop"), False),
    ],
    ids=[
        "all",
        "by name",
        "another name",
        "from elsewhere",
        "from another kind",
        "to another kind",
        "in the wrong place",
    ],
)
def test_a_backend_in_another_namespace_needs_a_grant_there(grant: Any, *, permitted: bool) -> None:
    found = World(
        gateway(), service("web", namespace="bank"), http_route("r", rule(backend(namespace="bank")))
    )
    assert found.parent_condition("r", "ResolvedRefs") == ("False", "RefNotPermitted")
    found.apply(grant)
    assert (found.parent_condition("r", "ResolvedRefs") == ("True", "ResolvedRefs")) is permitted
    assert (list(found.clusters()) == ["bank/web/80"]) is permitted
    found.remove(ResourceId("ReferenceGrant", grant["metadata"]["namespace"], "grant"))
    assert found.parent_condition("r", "ResolvedRefs") == ("False", "RefNotPermitted")


def test_grants_add_up() -> None:
    found = World(
        gateway(),
        service("web", namespace="bank"),
        http_route("r", rule(backend(namespace="bank"))),
        reference_grant("HTTPRoute", "shop", "Service", namespace="bank", name="a"),
        reference_grant("HTTPRoute", "shop", "Service", namespace="bank", name="b"),
    )
    found.remove(ResourceId("ReferenceGrant", "bank", "a"))
    assert found.parent_condition("r", "ResolvedRefs") == ("True", "ResolvedRefs")
