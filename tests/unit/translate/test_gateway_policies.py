"""Policies on Gateways: they are clients like any other."""

from typing import Any

from tests.unit.translate.world import Document, World, backend, document, gateway, http_route, rule, service

from sekisho.model.names import ResourceId

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
