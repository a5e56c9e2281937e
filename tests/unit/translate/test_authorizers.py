"""ExternalAuth and sessionPersistence: what is asked of proxies, and refused rather than ignored."""

from typing import Any

import pytest
from tests.unit.translate.world import Document, World, backend, gateway, http_route, route, rule, service

from sekisho import ir
from sekisho.translate.gateway.routes import mesh_plan

H2C = {"port": 80, "appProtocol": "kubernetes.io/h2c"}


def world(*rules: Document, **fields: Any) -> World:
    made = http_route("r", *rules, **fields)
    return World(gateway(), service(), service("auth"), service("grpc-auth", H2C), made)


def asking(name: str = "auth", protocol: str = "HTTP", *, details: Any = None, **fields: Any) -> Document:
    given = {
        "protocol": protocol, "backendRef": backend(name), protocol.lower(): details or {}, **fields,
    }  # fmt: skip
    return {"type": "ExternalAuth", "externalAuth": given}


def only(found: World) -> ir.Route:
    host = found.host("*")
    assert host is not None
    return host.routes[0]


def test_an_authorizer_is_a_cluster_of_the_gateway_and_no_backend_of_the_rule() -> None:
    found = world(rule(backend(), filters=[asking()]))
    assert only(found).authorizer == ir.Authorizer(cluster="shop/auth/80", protocol="HTTP")
    assert set(found.clusters()) == {"shop/auth/80", "shop/web/80"}
    assert found.parent_condition("r", "ResolvedRefs") == ("True", "ResolvedRefs")


def test_details_are_taken_as_written() -> None:
    details = {"path": "/in/", "allowedResponseHeaders": ["X-User"], "allowedHeaders": ["Authorization"]}
    found = world(rule(backend(), filters=[asking(details=details, forwardBody={"maxSize": 9})]))
    assert only(found).authorizer == ir.Authorizer(
        cluster="shop/auth/80", protocol="HTTP", path_prefix="/in", response_headers=("x-user",), max_body=9
    )
    found = world(rule(backend(), filters=[asking("grpc-auth", "GRPC")]))
    assert only(found).authorizer == ir.Authorizer(cluster="shop/grpc-auth/80", protocol="GRPC")


@pytest.mark.parametrize(
    ("filter_", "reason"),
    [
        (asking("gone"), "BackendNotFound"),
        (asking("auth", "GRPC"), "UnsupportedProtocol"),
        (asking(backendRef=backend(namespace="other")), "RefNotPermitted"),
        (asking(backendRef=backend(kind="Other", group="example.com")), "InvalidKind"),
    ],
)
def test_where_nobody_can_be_asked_the_rule_is_closed(filter_: Document, reason: str) -> None:
    found = world(rule(backend(), filters=[filter_]))
    assert only(found).action == ir.Respond(status=500)
    assert found.parent_condition("r", "ResolvedRefs") == ("False", reason)


def test_it_is_shown_the_headers_that_are_named() -> None:
    """By HTTP beside those that are shown in any case, by gRPC no others."""
    named = {"allowedHeaders": ["X-Key", "Authorization", "X-A"]}
    assert only(world(rule(backend(), filters=[asking(details=named)]))).authorizer == ir.Authorizer(
        cluster="shop/auth/80", protocol="HTTP", request_headers=("x-a", "x-key")
    )
    found = world(rule(backend(), filters=[asking("grpc-auth", "GRPC", details=named)]))
    assert only(found).authorizer == ir.Authorizer(
        cluster="shop/grpc-auth/80", protocol="GRPC", request_headers=("authorization", "x-a", "x-key")
    )


def test_in_a_mesh_nobody_is_asked_and_nothing_let_through() -> None:
    found = world(rule(backend(), filters=[asking()]), rule(backend(), path="/s", sessionPersistence={}))
    plan = mesh_plan(found.engine.read, found.host("*").routes[0].origin.resource)  # type: ignore[union-attr]
    assert {entry.route.action for entry in plan.entries} == {ir.Respond(status=500)}


def session(**wanted: Any) -> ir.Session | None:
    action = only(world(rule(backend(), sessionPersistence=wanted))).action
    assert isinstance(action, ir.Forward)
    return action.session


def test_sessions_by_cookie_and_by_header() -> None:
    assert session(sessionName="s") == ir.Session(name="s", by="cookie")
    assert session(sessionName="X-S", type="Header") == ir.Session(name="x-s", by="header")
    permanent = {"cookieConfig": {"lifetimeType": "Permanent"}, "absoluteTimeout": "1h"}
    assert session(sessionName="s", **permanent) == ir.Session(name="s", by="cookie", lifetime_ms=3_600_000)


def test_rules_without_a_name_for_their_sessions_have_sessions_apart() -> None:
    found = world(rule(backend(), path="/a", sessionPersistence={}), rule(backend(), sessionPersistence={}))
    named = {one.action.session.name for one in found.host("*").routes}  # type: ignore[union-attr]
    assert len(named) == 2


def test_an_end_that_nobody_would_keep_is_refused() -> None:
    found = world(rule(backend(), sessionPersistence={"absoluteTimeout": "1h"}))
    assert only(found).action == ir.Respond(status=500)
    assert found.parent_condition("r", "Accepted") == ("False", "UnsupportedValue")


def test_grpc_routes_keep_sessions_too() -> None:
    calls = route(
        "GRPCRoute", "g", {"backendRefs": [backend("grpc-auth")], "sessionPersistence": {"type": "Header"}}
    )
    found = World(gateway(), service("grpc-auth", H2C), calls)
    action = only(found).action
    assert isinstance(action, ir.Forward)
    assert action.session is not None
    assert action.session.by == "header"
