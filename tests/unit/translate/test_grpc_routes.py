"""GRPCRoutes: which calls they take, in which order, and what is spoken to their backends."""

from typing import Any

import pytest
from tests.unit.translate.world import (
    EDGE,
    World,
    backend,
    gateway,
    http_route,
    reference_grant,
    route,
    rule,
    service,
)

from sekisho import ir
from sekisho.model.names import ResourceId

CALLS = ResourceId("GRPCRoute", "shop", "calls")


def calls(*rules: Any, name: str = "calls", **fields: Any) -> dict[str, Any]:
    return route("GRPCRoute", name, *rules, **fields)


def match(service: str = "", method: str = "", type_: str = "", **headers: str) -> dict[str, Any]:
    named = {"service": service, "method": method, "type": type_}
    wanted = [{"name": name, "value": value} for name, value in headers.items()]
    return {"method": {key: text for key, text in named.items() if text}, "headers": wanted}


def world(*documents: Any) -> World:
    return World(gateway(), service(), service("api"), *documents)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (match("a.B", "C"), ir.PathExact("/a.B/C")),
        (match("a.B"), ir.PathPrefix("/a.B")),
        (match(method="C"), ir.PathRegex("/[^/]+/C")),
        (match("a.+|b", "C?", "RegularExpression"), ir.PathRegex("/(?:a.+|b)/(?:C?)")),
        (match("a.+", type_="RegularExpression"), ir.PathRegex("/(?:a.+)/[^/]+")),
        ({}, ir.PathPrefix("/")),
    ],
)
def test_the_path_of_a_call_is_its_service_and_method(written: Any, path: ir.PathMatch) -> None:
    found = world(calls(rule(backend(), matches=[written]))).route()
    assert found.match == ir.RouteMatch(path=path, grpc=True)


def test_a_rule_without_matches_takes_every_call_and_no_other_request() -> None:
    assert world(calls()).route().match == ir.RouteMatch(grpc=True)


def test_the_longest_service_wins_then_the_longest_method_then_the_most_headers() -> None:
    rules = [
        rule(backend(), matches=[one])
        for one in (
            {},
            match(type_="RegularExpression", service=".+", method="Longest"),
            match(method="Longer"),
            match("a"),
            match("a", "b"),
            match("a", "b", x="1"),
            match("a", "bc"),
            match("ab"),
        )
    ]
    found = world(calls(*rules)).routes("*")
    assert [name.split("/")[3] for name in found] == ["7", "6", "5", "4", "3", "2", "1", "0"]


def test_of_equal_matches_the_oldest_route_wins_then_the_first_by_name() -> None:
    young = calls(name="a", metadata={"creationTimestamp": "2026-01-02T00:00:00Z"})
    found = world(young, calls(name="c"), calls(name="b")).routes("*")
    assert found == ["GRPCRoute/shop/b/0/0", "GRPCRoute/shop/c/0/0", "GRPCRoute/shop/a/0/0"]


def test_calls_are_for_grpc_routes_first_and_other_requests_for_http_routes() -> None:
    found = world(http_route("r", rule(backend(), path="/a.B/C")), calls()).routes("*")
    assert found == ["GRPCRoute/shop/calls/0/0", "shop/r/0/0"]


def test_a_more_specific_hostname_comes_before_the_kind_of_route() -> None:
    found = world(http_route("r", hostnames=["a.example.com"]), calls(hostnames=["*.example.com"]))
    assert found.routes("a.example.com") == ["shop/r/0/0", "GRPCRoute/shop/calls/0/0"]
    assert found.routes("*.example.com") == ["GRPCRoute/shop/calls/0/0"]


def test_filters_and_weights_are_those_of_the_rule_and_its_backends() -> None:
    adds = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "X", "value": "1"}]}}
    sets = {
        "type": "ResponseHeaderModifier",
        "responseHeaderModifier": {"set": [{"name": "Y", "value": "2"}]},
    }
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("api")}}
    shares = [backend(weight=9), backend("api", weight=1, filters=[sets])]
    found = world(calls(rule(*shares, filters=[adds, mirror]))).route()
    assert found.request_headers == ir.HeaderEdits(add=(("x", "1"),))
    action = found.action
    assert isinstance(action, ir.Forward)
    assert [(share.cluster, share.weight) for share in action.shares] == [
        ("shop/web/80", 9),
        ("shop/api/80", 1),
    ]
    assert action.shares[1].response_headers == ir.HeaderEdits(set=(("y", "2"),))
    assert action.mirrors == (ir.Mirror(cluster="shop/api/80"),)


def test_a_stream_is_not_cut_off_by_the_default_timeout() -> None:
    action = world(calls()).route().action
    assert isinstance(action, ir.Forward)
    assert action.request_timeout_ms == 0


@pytest.mark.parametrize(
    ("port", "protocol"),
    [
        ({"port": 80}, ir.Protocol.GRPC),
        ({"port": 80, "appProtocol": "http"}, ir.Protocol.GRPC),
        ({"port": 80, "appProtocol": "kubernetes.io/h2c"}, ir.Protocol.H2C),
    ],
)
def test_http2_is_spoken_to_backends_of_calls(port: Any, protocol: ir.Protocol) -> None:
    found = World(gateway(), service("web", port), calls())
    assert found.clusters()["shop/web/80"].protocol is protocol


def test_what_is_spoken_follows_the_grpc_routes_of_this_gateway() -> None:
    found = world(http_route("r"))
    assert found.clusters()["shop/web/80"].protocol is ir.Protocol.HTTP1
    found.apply(calls())
    assert found.clusters()["shop/web/80"].protocol is ir.Protocol.GRPC
    found.remove(CALLS)
    assert found.clusters()["shop/web/80"].protocol is ir.Protocol.HTTP1


def test_a_backend_that_cannot_carry_calls_is_told() -> None:
    found = World(gateway(), service("web", {"port": 80, "appProtocol": "kubernetes.io/ws"}), calls())
    assert found.parent_condition(CALLS, "ResolvedRefs") == ("False", "UnsupportedProtocol")
    assert found.route().action == ir.Respond(status=503)


def test_a_backend_that_leads_nowhere_is_unavailable_for_its_share() -> None:
    found = world(calls(rule(backend(weight=3), backend("gone", weight=1))))
    action = found.route().action
    assert isinstance(action, ir.Forward)
    assert [share.cluster for share in action.shares] == ["shop/web/80", None]
    assert action.unresolved_status == 503
    assert found.parent_condition(CALLS, "ResolvedRefs") == ("False", "BackendNotFound")


def test_a_grant_for_grpc_routes_is_needed_across_namespaces() -> None:
    found = World(
        gateway(), service("web", namespace="bank"), calls(rule(backend(namespace="bank"))),
        reference_grant("HTTPRoute", "shop", "Service", namespace="bank"),
    )  # fmt: skip
    assert found.parent_condition(CALLS, "ResolvedRefs") == ("False", "RefNotPermitted")
    found.apply(reference_grant("GRPCRoute", "shop", "Service", namespace="bank"))
    assert found.parent_condition(CALLS, "ResolvedRefs") == ("True", "ResolvedRefs")


def test_a_filter_nobody_knows_closes_the_rule() -> None:
    odd = {"type": "ExtensionRef", "extensionRef": {"group": "a.b", "kind": "Odd", "name": "x"}}
    found = world(calls(rule(backend(), filters=[odd])))
    assert found.route().action == ir.Respond(status=503)
    assert found.parent_condition(CALLS, "Accepted") == ("False", "UnsupportedValue")
    assert found.listener_status("http")["attachedRoutes"] == 0


def test_a_route_without_rules_is_accepted_and_takes_nothing() -> None:
    empty = calls()
    empty["spec"]["rules"] = []
    found = world(empty)
    assert found.parent_condition(CALLS, "Accepted") == ("True", "Accepted")
    assert found.routes("*") == []


def test_both_kinds_are_counted_at_a_listener_and_named_rules_name_their_routes() -> None:
    found = world(http_route("r"), calls(rule(backend(), name="first")))
    assert found.listener_status("http", EDGE)["attachedRoutes"] == 2
    assert found.routes("*")[0] == "GRPCRoute/shop/calls/first/0"
