"""HTTPRoute rules: what becomes of matches, filters and backends, and what of mistakes."""

from typing import Any

import pytest
from tests.unit.translate.world import World, backend, gateway, http, http_route, rule, service, unvalidated

from sekisho import ir


def world(*rules: Any, services: tuple[Any, ...] = ()) -> World:
    """One route called `r`, not validated: what our API refuses can still come from another store."""
    found = World(gateway(), service(), service("api"), *services)
    found.commit(unvalidated(http_route("r", *rules)))
    return found


def redirect(**fields: Any) -> dict[str, Any]:
    return rule(filters=[{"type": "RequestRedirect", "requestRedirect": fields}])


def test_a_rule_without_matches_takes_every_request() -> None:
    route = world(rule(backend())).route()
    assert route.match == ir.RouteMatch()
    assert route.name == "shop/r/0/0"
    assert str(route.origin) == "HTTPRoute/shop/r spec.rules[0].matches[0]"


def test_an_empty_list_of_matches_takes_every_request() -> None:
    assert world(rule(backend(), matches=[])).route().match == ir.RouteMatch()


def test_the_name_of_a_rule_names_its_routes() -> None:
    assert world(rule(backend(), name="cart")).route().name == "shop/r/cart/0"


def test_a_rule_named_like_an_index_keeps_its_own_index() -> None:
    found = world(rule(backend(), name="1", path="/a"), rule(backend(), path="/b"))
    assert sorted(found.routes("*")) == ["shop/r/0/0", "shop/r/1/0"]


def test_all_conditions_of_a_match_are_kept_in_one_normal_form() -> None:
    match = {
        "path": {"type": "PathPrefix", "value": "/v2/"},
        "method": "GET",
        "headers": [
            {"name": "X-B", "value": "1"},
            {"name": "x-a", "value": "v.*", "type": "RegularExpression"},
            {"name": "x-b", "value": "not looked at"},
        ],
        "queryParams": [{"name": "Q", "value": "2"}],
    }
    assert world(rule(backend(), matches=[match])).route().match == ir.RouteMatch(
        path=ir.PathPrefix("/v2"),
        method="GET",
        headers=(ir.StringMatch("x-a", "v.*", regex=True), ir.StringMatch("x-b", "1")),
        query=(ir.StringMatch("Q", "2"),),
    )


def test_weights_share_the_requests_and_weight_0_gets_none() -> None:
    shares = (
        world(rule(backend(weight=9), backend("api", weight=1), backend("none", weight=0))).forward().shares
    )
    assert [(share.cluster, share.weight) for share in shares] == [("shop/web/80", 9), ("shop/api/80", 1)]


def test_a_backend_that_is_missing_keeps_its_share_to_be_answered_500() -> None:
    found = world(rule(backend(weight=1), backend("gone", weight=3)))
    assert [(share.cluster, share.weight) for share in found.forward().shares] == [
        ("shop/web/80", 1),
        (None, 3),
    ]
    assert found.parent_condition("r", "ResolvedRefs") == ("False", "BackendNotFound")
    assert found.parent_condition("r", "Accepted") == ("True", "Accepted")


@pytest.mark.parametrize(
    "refs", [[], [backend("gone")], [backend(weight=0)]], ids=["none", "missing only", "all of weight 0"]
)
def test_a_rule_that_can_reach_no_backend_answers_500(refs: list[Any]) -> None:
    assert world(rule(*refs)).route().action == ir.Respond(status=500)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (backend(group="example.com", kind="Bucket"), "InvalidKind"),
        (backend(namespace="other"), "RefNotPermitted"),
        (backend(port=81), "BackendNotFound"),
        (backend("external"), "BackendNotFound"),
        (backend("secure"), "UnsupportedProtocol"),
    ],
)
def test_a_backend_reference_that_leads_nowhere_says_why(reference: Any, reason: str) -> None:
    external = service("external", type="ExternalName", externalName="example.com")
    secure = service("secure", {"port": 80, "appProtocol": "kubernetes.io/wss"})
    found = world(rule(reference), services=(external, secure))
    assert found.parent_condition("r", "ResolvedRefs") == ("False", reason)
    assert found.route().action == ir.Respond(status=500)


def test_header_modifiers_of_rules_and_of_single_backends_stay_apart() -> None:
    modifier = {"set": [{"name": "X-A", "value": "1"}], "add": [{"name": "b", "value": "2"}], "remove": ["C"]}
    edits = ir.HeaderEdits(set=(("x-a", "1"),), add=(("b", "2"),), remove=("c",))
    request = {"type": "RequestHeaderModifier", "requestHeaderModifier": modifier}
    response = {"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}
    found = world(rule(backend(filters=[response]), filters=[request]))
    assert (found.route().request_headers, found.route().response_headers) == (edits, ir.HeaderEdits())
    (share,) = found.forward().shares
    assert (share.request_headers, share.response_headers) == (ir.HeaderEdits(), edits)


@pytest.mark.parametrize(
    ("asked", "port", "expected"),
    [
        ({"scheme": "https"}, 8080, ir.Redirect(scheme="https")),
        ({"scheme": "https", "port": 8443}, 8080, ir.Redirect(scheme="https", port=8443)),
        ({"scheme": "http", "port": 80}, 8080, ir.Redirect(scheme="http")),
        ({"hostname": "b.example.com"}, 8080, ir.Redirect(host="b.example.com", port=8080)),
        ({"hostname": "b.example.com"}, 80, ir.Redirect(host="b.example.com")),
        ({"port": 443}, 8080, ir.Redirect(port=443)),
        ({"statusCode": 308}, 80, ir.Redirect(status=308)),
        (
            {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/n"}},
            80,
            ir.Redirect(path=ir.ReplacePrefix("/n")),
        ),
        (
            {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/n"}},
            80,
            ir.Redirect(path=ir.ReplaceFullPath("/n")),
        ),
    ],
)
def test_a_redirect_names_a_port_only_where_the_scheme_does_not_imply_it(
    asked: Any, port: int, expected: ir.Redirect
) -> None:
    found = World(gateway(http(port=port)), http_route("r", redirect(**asked)))
    assert found.route(table=str(port)).action == expected


def test_one_redirect_follows_the_port_of_each_listener() -> None:
    found = World(gateway(http("a", 8080), http("b", 8081)), http_route("r", redirect(statusCode=301)))
    assert found.route(table="8080").action == ir.Redirect(port=8080, status=301)
    assert found.route(table="8081").action == ir.Redirect(port=8081, status=301)


def test_host_and_path_are_rewritten_together() -> None:
    rewrite = {
        "hostname": "in.example.com",
        "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"},
    }
    forward = world(
        rule(backend(), path="/a", filters=[{"type": "URLRewrite", "urlRewrite": rewrite}])
    ).forward()
    assert forward.path_rewrite == ir.ReplacePrefix("/")
    assert forward.host_rewrite == ir.HostRewrite("in.example.com")


def test_several_mirrors_copy_all_a_percentage_or_a_fraction() -> None:
    def mirror(**fields: Any) -> dict[str, Any]:
        return {"type": "RequestMirror", "requestMirror": {"backendRef": backend("api"), **fields}}

    filters = [
        mirror(),
        mirror(percent=20),
        mirror(fraction={"numerator": 1, "denominator": 3}),
        mirror(percent=0),
    ]
    assert world(rule(backend(), filters=filters)).forward().mirrors == (
        ir.Mirror(cluster="shop/api/80"),
        ir.Mirror(cluster="shop/api/80", numerator=20),
        ir.Mirror(cluster="shop/api/80", numerator=1, denominator=3),
    )


def test_a_mirror_that_leads_nowhere_is_told_and_the_requests_go_on() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("gone")}}
    found = world(rule(backend(), filters=[mirror]))
    assert found.forward().mirrors == ()
    assert found.parent_condition("r", "ResolvedRefs") == ("False", "BackendNotFound")


def test_cors_is_carried_with_its_defaults() -> None:
    cors = {"allowOrigins": ["https://*.example.com"], "allowMethods": ["GET"], "allowCredentials": True}
    assert world(rule(backend(), filters=[{"type": "CORS", "cors": cors}])).route().cors == ir.Cors(
        origins=(ir.OriginMatch(value="https://*.example.com"),),
        methods=("GET",),
        credentials=True,
        max_age=5,
    )


def test_a_preflight_finds_the_rule_whose_method_it_asks_about() -> None:
    cors = {"type": "CORS", "cors": {"allowOrigins": ["https://a.b"]}}
    asked = {"path": {"value": "/a"}, "method": "POST", "headers": [{"name": "x", "value": "1"}]}
    host = world(rule(backend(), matches=[asked], filters=[cors])).host("*")
    assert host is not None
    posted, preflight = sorted(host.routes, key=lambda route: route.name)
    assert preflight.name == "shop/r/0/0/preflight"
    assert (preflight.cors, preflight.action) == (posted.cors, posted.action)
    assert preflight.match == ir.RouteMatch(
        path=ir.PathPrefix("/a"),
        method="OPTIONS",
        headers=(
            ir.StringMatch("access-control-request-method", "POST"),
            ir.StringMatch("origin", ".+", regex=True),
        ),
    )


def test_a_preflight_comes_after_a_route_of_equal_precedence() -> None:
    cors = {"type": "CORS", "cors": {"allowOrigins": ["https://a.b"]}}
    headers = [{"name": "x", "value": "1"}, {"name": "y", "value": "1"}]
    found = world(rule(backend(), matches=[{"method": "POST", "headers": headers}], filters=[cors]))
    assert found.routes("*") == ["shop/r/0/0", "shop/r/0/0/preflight"]


@pytest.mark.parametrize(
    ("timeouts", "request_ms", "backend_ms"),
    [
        ({}, None, None),
        ({"request": "1m30s"}, 90_000, None),
        ({"request": "0s"}, 0, None),
        ({"request": "2s", "backendRequest": "500ms"}, 2_000, 500),
        ({"backendRequest": "30s"}, 0, 30_000),
        ({"backendRequest": "0s"}, 0, None),
    ],
)
def test_timeouts_bound_the_request_and_each_try(
    timeouts: Any, request_ms: int | None, backend_ms: int | None
) -> None:
    forward = world(rule(backend(), timeouts=timeouts)).forward()
    assert (forward.request_timeout_ms, forward.backend_timeout_ms) == (request_ms, backend_ms)


def test_retries_have_codes_attempts_and_a_least_wait() -> None:
    assert world(
        rule(backend(), retry={"codes": [503, 500], "attempts": 3, "backoff": "1s"})
    ).forward().retry == (ir.Retry(attempts=3, codes=(500, 503), backoff_ms=1000))
    assert world(rule(backend(), retry={"codes": [503]})).forward().retry == ir.Retry(
        attempts=1, codes=(503,)
    )


FOREIGN = {"type": "ExtensionRef", "extensionRef": {"group": "example.com", "kind": "Auth", "name": "a"}}
HOST_HEADER = {
    "type": "RequestHeaderModifier",
    "requestHeaderModifier": {"set": [{"name": "Host", "value": "evil.example.com"}]},
}


@pytest.mark.parametrize("filter_", [FOREIGN, HOST_HEADER], ids=["extension", "host header"])
def test_a_rule_with_a_filter_we_cannot_honour_answers_500_and_disturbs_no_other(filter_: Any) -> None:
    found = world(rule(backend(), path="/guarded", filters=[filter_]), rule(backend(), path="/open"))
    host = found.host("*")
    assert host is not None
    by_path = {route.match.path: route.action for route in host.routes}
    assert by_path[ir.PathPrefix("/guarded")] == ir.Respond(status=500)
    assert isinstance(by_path[ir.PathPrefix("/open")], ir.Forward)
    assert found.parent_condition("r", "Accepted") == ("True", "Accepted")
    assert found.parent_condition("r", "PartiallyInvalid") == ("True", "UnsupportedValue")


def test_a_route_without_a_rule_we_can_honour_is_not_accepted_and_still_answers_500() -> None:
    found = world(rule(backend(), filters=[FOREIGN]))
    assert found.parent_condition("r", "Accepted") == ("False", "UnsupportedValue")
    assert found.parent_condition("r", "PartiallyInvalid") == ("", "")
    assert found.route().action == ir.Respond(status=500)
    assert found.listener_status("http")["attachedRoutes"] == 0
    assert found.clusters() == {}


REWRITE = {"type": "URLRewrite", "urlRewrite": {"hostname": "a.example.com"}}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"hostname": "a.example.com"}}
PREFIX = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/n"}}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (rule(filters=[REWRITE, REDIRECT]), "IncompatibleFilters"),
        (rule(backend(), filters=[REDIRECT]), "IncompatibleFilters"),
        (rule(backend(), filters=[REWRITE, REWRITE]), "IncompatibleFilters"),
        (
            rule(
                backend(),
                matches=[{"path": {"type": "Exact", "value": "/a"}}],
                filters=[{"type": "URLRewrite", "urlRewrite": PREFIX}],
            ),
            "UnsupportedValue",
        ),
    ],
    ids=[
        "rewrite and redirect",
        "redirect and backend",
        "a filter twice",
        "prefix replaced in an exact path",
    ],
)
def test_parts_of_a_rule_that_do_not_go_together_make_it_answer_500(written: Any, reason: str) -> None:
    found = world(written)
    assert found.route().action == ir.Respond(status=500)
    assert found.parent_condition("r", "Accepted") == ("False", reason)


def test_a_filter_we_cannot_honour_on_a_backend_fails_the_rule() -> None:
    found = world(rule(backend(filters=[FOREIGN])))
    assert found.route().action == ir.Respond(status=500)
    assert found.parent_condition("r", "Accepted") == ("False", "UnsupportedValue")
