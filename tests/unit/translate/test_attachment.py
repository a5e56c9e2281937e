"""Routes and their parents: who may attach where, and what the route's status says about it."""

from typing import Any

import pytest
from tests.unit.translate.world import (
    EDGE,
    World,
    gateway,
    gateway_class,
    http,
    http_route,
    namespace,
    route_id,
    service,
    unvalidated,
)

TWO_DOORS = gateway(http("a", 8080, hostname="*.example.com"), http("b", 8081))


def attached(found: World) -> dict[str, int]:
    return {one["name"]: one["attachedRoutes"] for one in found.status()["listeners"]}


@pytest.mark.parametrize(
    ("reference", "counts"),
    [
        ({}, {"a": 1, "b": 1}),
        ({"sectionName": "a"}, {"a": 1, "b": 0}),
        ({"port": 8081}, {"a": 0, "b": 1}),
        ({"sectionName": "b", "port": 8081}, {"a": 0, "b": 1}),
    ],
)
def test_a_parent_reference_picks_listeners_by_name_and_port(reference: Any, counts: dict[str, int]) -> None:
    found = World(TWO_DOORS, http_route("r", parents=[{"name": "edge", **reference}]))
    assert attached(found) == counts
    assert found.parent_condition("r", "Accepted") == ("True", "Accepted")


@pytest.mark.parametrize(
    "reference", [{"sectionName": "none"}, {"port": 1}, {"sectionName": "a", "port": 8081}]
)
def test_a_reference_that_picks_no_listener_has_no_matching_parent(reference: Any) -> None:
    found = World(TWO_DOORS, http_route("r", parents=[{"name": "edge", **reference}]))
    assert attached(found) == {"a": 0, "b": 0}
    assert found.parent_condition("r", "Accepted") == ("False", "NoMatchingParent")


def test_a_route_attaches_where_a_hostname_meets_the_listeners() -> None:
    found = World(TWO_DOORS, http_route("r", hostnames=["a.example.org"]))
    assert attached(found) == {"a": 0, "b": 1}
    only_a = [{"name": "edge", "sectionName": "a"}]
    found.apply(http_route("r", hostnames=["a.example.org"], parents=only_a))
    assert found.parent_condition("r", "Accepted") == ("False", "NoMatchingListenerHostname")
    assert attached(found) == {"a": 0, "b": 0}


def allowing(**namespaces: Any) -> Any:
    return gateway(http(allowedRoutes={"namespaces": namespaces}))


@pytest.mark.parametrize(
    ("namespaces", "reason"),
    [
        ({"from": "Same"}, "NotAllowedByListeners"),
        ({"from": "All"}, "Accepted"),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}}, "Accepted"),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "red"}}}, "NotAllowedByListeners"),
        (
            {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "guest"}}},
            "Accepted",
        ),
    ],
)
def test_listeners_say_from_which_namespaces_routes_may_come(namespaces: Any, reason: str) -> None:
    guest = http_route("r", namespace="guest", parents=[{"name": "edge", "namespace": "shop"}])
    found = World(allowing(**namespaces), namespace("guest", team="blue"), guest)
    (parent,) = found.status(route_id("r", "guest"))["parents"]
    assert parent["conditions"][0]["reason"] == reason
    assert attached(found) == {"http": int(reason == "Accepted")}


def test_a_label_that_changes_lets_a_namespace_in_or_out() -> None:
    guest = http_route("r", namespace="guest", parents=[{"name": "edge", "namespace": "shop"}])
    wanted = {"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}}
    found = World(allowing(**wanted), namespace("guest"), guest)
    assert attached(found) == {"http": 0}
    found.apply(namespace("guest", team="blue"))
    assert attached(found) == {"http": 1}


def test_the_status_repeats_each_parent_reference_of_ours_as_declared_and_no_other() -> None:
    parents = [
        {"name": "edge", "sectionName": "http", "port": 8080},
        {"name": "edge", "namespace": "shop"},
        {"name": "theirs"},
        {"name": "web", "kind": "Service", "group": ""},
    ]
    theirs = gateway(name="theirs", gatewayClassName="other")
    found = World(
        gateway_class("other", "example.com/other"), gateway(), theirs, http_route("r", parents=parents)
    )
    declared = [parent["parentRef"] for parent in found.status(route_id("r"))["parents"]]
    group = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    assert declared == [
        {**group, "name": "edge", "sectionName": "http", "port": 8080},
        {**group, "namespace": "shop", "name": "edge"},
    ]
    assert {parent["controllerName"] for parent in found.status(route_id("r"))["parents"]} == {
        "sekisho.dev/gateway-controller"
    }


def test_two_references_to_one_listener_count_the_route_once() -> None:
    found = World(gateway())
    twice = [{"name": "edge"}, {"name": "edge", "sectionName": "http"}]
    found.commit(unvalidated(http_route("r", parents=twice)))
    assert attached(found) == {"http": 1}


def test_a_route_counts_where_the_certificate_is_missing() -> None:
    closed = {**http("tls", 8443), "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "missing"}]}}
    found = World(gateway(closed), service(), http_route("r"))
    assert attached(found) == {"tls": 1}
    assert found.parent_condition("r", "Accepted") == ("True", "Accepted")


def test_a_gateway_made_after_its_routes_finds_them() -> None:
    found = World(http_route("r"))
    assert found.status(route_id("r")) == {"parents": []}
    found.apply(gateway())
    assert attached(found) == {"http": 1}


def test_an_edit_of_a_route_that_stays_attached_leaves_the_gateways_status_alone() -> None:
    found = World(gateway(), service(), http_route("r"))
    before = found.engine.runs.copy()
    found.apply(http_route("r", hostnames=["a.b"]))
    again = found.engine.runs - before
    assert again["gateway_status.gateway_status"] == again["gateway_status.listener_status"] == 0
    assert EDGE in found.engine.keys(next(one for one in found.outputs() if one.name == "statuses"))
