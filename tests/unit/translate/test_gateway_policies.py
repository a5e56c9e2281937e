"""Policies on Gateways: they are clients like any other."""

from typing import Any

from tests.kit.tokens import Issuer
from tests.unit.translate.world import (
    EDGE,
    Document,
    World,
    backend,
    document,
    gateway,
    http,
    http_route,
    rule,
    service,
)

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import COLLECTORS

MESH = {"kind": "Mesh"}


def policy(
    kind: str, default: dict[str, Any], to: dict[str, Any] | None = None, name: str = "a", **spec: Any
) -> Document:
    spec["to"] = [{"targetRef": to or MESH, "default": default}]
    return document(kind, name, spec=spec)


def timeout(request: str, **fields: Any) -> Document:
    return policy("Timeout", {"http": {"requestTimeout": request}}, **fields)


def world(*documents: Document) -> World:
    return World(gateway(), service(), service("api"), http_route("r"), *documents)


def test_times_and_retries_of_a_gateway_are_those_of_its_policies() -> None:
    retries = policy("Retry", {"http": {"numRetries": 3, "retryOn": ["503"]}})
    found = world(timeout("2s"), retries).forward()
    assert found.request_timeout_ms == 2_000
    assert found.retry is not None
    assert (found.retry.attempts, found.retry.codes) == (3, (503,))


def test_a_policy_for_a_route_is_for_its_requests() -> None:
    wide = timeout("2s") | {"metadata": {"name": "a", "namespace": "sekisho-system"}}
    found = world(wide, timeout("3s", to={"kind": "HTTPRoute", "name": "r"}, name="b"))
    assert found.forward().request_timeout_ms == 3_000
    found.apply(timeout("4s", targetRef={"kind": "HTTPRoute", "name": "r"}, name="c"))
    assert found.forward().request_timeout_ms == 4_000


def test_what_the_route_says_itself_stays() -> None:
    own = rule(backend(), timeouts={"request": "7s"})
    found = World(gateway(), service(), http_route("r", own), timeout("2s"))
    assert found.forward().request_timeout_ms == 7_000


def test_bounds_and_balancing_are_those_of_the_destination() -> None:
    limits = policy(
        "CircuitBreaker", {"connectionLimits": {"maxConnections": 5}}, to={"kind": "Service", "name": "web"}
    )
    balancing = policy("LoadBalancing", {"loadBalancer": {"type": "RoundRobin"}})
    cluster = world(limits, balancing).clusters()["shop/web/80"]
    assert cluster.limits.connections == 5
    assert cluster.balancing.balancer == "RoundRobin"


def test_an_edit_of_a_policy_is_seen_and_an_unrelated_one_is_not() -> None:
    found = world(timeout("2s"))
    changes = found.apply(timeout("3s", to={"kind": "Service", "name": "api"}, name="b"))
    assert not [key for values in changes.outputs.values() for key in values if key != _id("b")]
    found.apply(timeout("5s"))
    assert found.forward().request_timeout_ms == 5_000
    found.remove(_id("a"))
    assert found.forward().request_timeout_ms is None


def _id(name: str) -> ResourceId:
    return ResourceId("Timeout", "shop", name)


# What happens before a request is sent on


EDGE_ONLY = {"kind": "Gateway", "name": "edge"}
OFFICE = {"sourceRanges": ["10.0.0.0/8"]}


def permission(target: dict[str, Any] | None, *allow: Any, name: str = "p", **default: Any) -> Document:
    spec: dict[str, Any] = {"rules": [{"default": {"allow": list(allow), **default}}]}
    return document("TrafficPermission", name, spec=spec | ({"targetRef": target} if target else {}))


def limit(number: int, **fields: Any) -> Document:
    local = {"http": {"requestRate": {"num": number, "interval": "1s"}}}
    return policy("RateLimit", {"local": local}, **fields)


def test_a_gateway_that_no_permission_names_is_open_and_pays_nothing() -> None:
    found = world(permission(None, OFFICE), permission({"kind": "Workload"}, name="q"))
    (listener,) = found.listeners().values()
    assert listener.filters == ir.PolicyFilters()
    host = found.host("*")
    assert host is not None
    assert host.treatment == ir.Treatment()
    assert host.routes[0].treatment is None


def test_a_gateway_that_a_permission_names_lets_in_nobody_else() -> None:
    found = world(permission(EDGE_ONLY, OFFICE))
    (listener,) = found.listeners().values()
    assert listener.filters.permissions
    host = found.host("*")
    assert host is not None
    assert host.treatment.permissions is not None
    (rule,) = host.treatment.permissions.rules
    assert rule.caller.source_ranges == ("10.0.0.0/8",)
    assert rule.origin.path == "spec.rules[0].default.allow[0]"
    assert found.condition(ResourceId("TrafficPermission", "shop", "p"), "Attached") == ("True", "Attached")
    found.remove(ResourceId("TrafficPermission", "shop", "p"))
    host = found.host("*")
    assert host is not None
    assert host.treatment == ir.Treatment()


def test_a_permission_for_one_listener_leaves_the_others_open() -> None:
    two = gateway(http(), http("private", 8081))
    private = {**EDGE_ONLY, "sectionName": "private"}
    found = World(two, service(), http_route("r"), permission(private, OFFICE))
    public, closed = found.host("*"), found.host("*", "8081")
    assert public is not None
    assert closed is not None
    assert public.treatment.permissions is None
    assert closed.treatment.permissions is not None


def test_a_permission_for_a_route_is_for_its_requests_beside_those_of_the_gateway() -> None:
    route = {"kind": "HTTPRoute", "name": "r"}
    other = http_route("other", rule(backend(), path="/other"))
    found = world(other, permission(route, {"methods": ["GET"]}))
    host = found.host("*")
    assert host is not None
    assert host.treatment.permissions is None
    by_route = {one.origin.resource.name: one.treatment for one in host.routes}
    assert by_route["other"] is None
    assert by_route["r"] is not None
    assert by_route["r"].permissions is not None
    found.apply(permission(EDGE_ONLY, OFFICE, name="door"))
    host = found.host("*")
    assert host is not None
    (own,) = [one.treatment for one in host.routes if one.origin.resource.name == "r"]
    assert own is not None
    assert own.permissions is not None
    assert len(own.permissions.rules) == 2


def test_limits_are_of_hostnames_and_of_routes_that_differ() -> None:
    other = http_route("other", rule(backend("api"), path="/api"))
    wide = limit(5) | {"metadata": {"name": "a", "namespace": "sekisho-system"}}
    found = world(other, wide, limit(2, to={"kind": "Service", "name": "api"}, name="b"))
    host = found.host("*")
    assert host is not None
    assert host.treatment.rate_limit is not None
    assert host.treatment.rate_limit.tokens == 5
    by_route = {one.origin.resource.name: one.treatment for one in host.routes}
    assert by_route["r"] is None
    assert by_route["other"] is not None
    assert by_route["other"].rate_limit is not None
    assert by_route["other"].rate_limit.tokens == 2


def test_an_edit_of_one_hostname_moves_no_other_and_no_listener() -> None:
    one = http_route("one", hostnames=["one.example.com"])
    found = world(one, http_route("two", hostnames=["two.example.com"]), limit(5))
    edited = http_route("one", rule(backend(), path="/new"), hostnames=["one.example.com"])
    changes = found.apply(edited)
    moved = [key for values in changes.outputs.values() for key in values if len(key) == 3]
    assert [key for key in moved if key[0] == EDGE] == [(EDGE, "8080", "one.example.com")]
    assert not [key for values in changes.outputs.values() for key in values if key == (EDGE, "http")]


def test_times_of_strangers_can_be_shorter_and_never_longer() -> None:
    short = policy("Timeout", {"idleTimeout": "1m", "http": {"streamIdleTimeout": "0s"}})
    (listener,) = world(short).listeners().values()
    assert listener.times.idle == 60_000
    assert listener.times.stream_idle == 300_000


def test_logs_and_spans_of_a_gateway_go_to_its_collectors() -> None:
    collector = {"collector": {"address": "10.0.0.9", "port": 4317}}
    by_service = {"collector": {"service": {"name": "logs", "port": 4317}}}
    logs = policy(
        "AccessLog",
        {"backends": [
            {"type": "OpenTelemetry", "openTelemetry": by_service},
            {"type": "File", "file": {"path": "/dev/stdout"}},
        ]},
    )  # fmt: skip
    backends = [{"type": "OpenTelemetry", "openTelemetry": collector}]
    spans = document("Tracing", "t", spec={"default": {"backends": backends}})
    found = world(logs, spans)
    (listener,) = found.listeners().values()
    assert [type(one).__name__ for one in listener.access_logs] == ["FileLog"], "its collector is not there"
    assert listener.tracing is not None
    assert listener.tracing.cluster == "collector/address/10.0.0.9/4317"
    assert (EDGE, "collector/address/10.0.0.9/4317") in found.values(COLLECTORS)
    found.apply(service("logs", {"port": 4317, "appProtocol": "grpc"}))
    (listener,) = found.listeners().values()
    assert len(listener.access_logs) == 2
    assert "shop/logs/4317" in found.clusters()


def test_a_denial_by_path_warns_that_paths_have_many_spellings() -> None:
    denial = permission(EDGE_ONLY, deny=[{"methods": ["GET"]}, {"paths": [{"value": "/admin"}]}])
    found = world(denial, permission(EDGE_ONLY, {"paths": [{"value": "/shop"}]}, name="q"))
    warned = found.status(ResourceId("TrafficPermission", "shop", "p"))["conditions"][-1]
    assert (warned["type"], warned["status"]) == ("PathsIncomplete", "True")
    assert warned["message"].startswith("spec.rules[0].default.deny[1]: paths are compared")
    other = ResourceId("TrafficPermission", "shop", "q")
    assert found.condition(other, "PathsIncomplete") == ("", "")


def test_a_listener_of_bytes_that_a_permission_names_is_closed() -> None:
    two = gateway(http(), {"name": "bytes", "port": 9000, "protocol": "TCP"})
    parents = [{"name": "edge", "sectionName": "bytes"}]
    straight = document(
        "TCPRoute", "t", spec={"parentRefs": parents, "rules": [{"backendRefs": [backend()]}]}
    )
    found = World(two, service(), straight)
    ((bytes_,),) = (one.chains for one in found.listeners().values() if one.port == 9000)
    assert bytes_.tcp is not None
    assert bytes_.tcp.shares != ((ir.CLOSED, 1),)
    found.apply(permission(EDGE_ONLY, OFFICE))
    ((bytes_,),) = (one.chains for one in found.listeners().values() if one.port == 9000)
    assert bytes_.tcp == ir.TcpForward(shares=((ir.CLOSED, 1),))


BUYERS = {"claims": [{"name": "role", "value": "buyer"}]}
PROVIDER = {"name": "login", "issuer": "https://login", "jwks": {"inline": Issuer().keys}}
BELIEVING = document("Mesh", "default", "", spec={"jwtProviders": [PROVIDER]})


def test_a_gateway_verifies_tokens_where_a_permission_asks_for_claims_and_somebody_is_believed() -> None:
    for one in (
        world(BELIEVING, permission(EDGE_ONLY, BUYERS)),
        world(BELIEVING, permission({"kind": "HTTPRoute", "name": "r"}, BUYERS)),
    ):
        (listener,) = one.listeners().values()
        assert listener.filters.tokens
        assert [issuer.name for issuer in listener.token_issuers] == ["login"]
    for one in (
        world(permission(EDGE_ONLY, BUYERS)),
        world(BELIEVING, permission(EDGE_ONLY, OFFICE)),
        world(BELIEVING, permission({"kind": "Workload"}, BUYERS)),
    ):
        (listener,) = one.listeners().values()
        assert not listener.filters.tokens
        assert not listener.token_issuers
