"""Worlds on demand: everything that admits a workload is in them, and little of it comes without asking."""

from typing import Any

import pytest
from tests.unit.translate.mesh.mesh import Mesh, application, member, mesh, permission, service_route, shop
from tests.unit.translate.world import Document, backend, document, http_route, rule

from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip
from sekisho.translate.mesh.names import DIRECT, Destination
from sekisho.translate.outputs import OUTBOUNDS

DEMANDING = mesh(reachable="Listed", onDemand=True)


def caller(*reachable: str, **sidecar: Any) -> Document:
    listed = {"reachable": [{"name": name} for name in reachable]} if reachable else {}
    return member("a", "a", "10.0.0.5", sidecar={"capture": "Redirect", **listed, **sidecar})


def at_once(found: Mesh, workload: str = "a") -> set[str] | None:
    """Services and routes' backends that come without asking; None where everything does."""
    names = found.members(workload).at_once
    return None if names is None else {name for name in names if not name.startswith(DIRECT)}


def test_what_is_named_comes_at_once_and_the_rest_of_what_may_be_called_on_demand() -> None:
    found = shop(DEMANDING, caller("cart"))
    assert found.sees("a") == {"web", "cart"}
    assert at_once(found) == {"shop/cart/80"}


def test_without_it_what_is_not_named_is_not_there() -> None:
    found = shop(mesh(reachable="Listed"), caller("cart"))
    assert (found.sees("a"), at_once(found)) == ({"cart"}, None)


def test_a_workload_may_have_it_otherwise_than_its_mesh() -> None:
    assert shop(DEMANDING, caller("cart", onDemand=False)).sees("a") == {"cart"}
    assert shop(caller("cart", onDemand=True)).sees("a") == {"web", "cart"}


def test_where_everything_permitted_is_known_from_the_start_nothing_is_left_to_fetch() -> None:
    found = shop(mesh(onDemand=True), caller())
    assert at_once(found) is None
    assert found.world("a") == shop(caller()).world("a")


@pytest.mark.parametrize(
    ("reachable", "named"), [("Namespace", {"shop/web/80", "shop/cart/80"}), ("Listed", set())]
)
def test_the_mesh_says_what_is_named_by_those_that_name_nothing(reachable: str, named: set[str]) -> None:
    far = application("far", "241.0.0.8", namespace="bank")
    found = shop(far, mesh(reachable=reachable, onDemand=True), caller())
    assert (found.sees("a"), at_once(found)) == ({"web", "cart", "far"}, named)


def test_nobody_gets_by_asking_what_does_not_admit_him() -> None:
    nobody = permission("to-cart", {"spiffeID": {"value": "spiffe://default.default.mesh.local/ns/x/sa/x"}})
    nobody["spec"]["targetRef"] = {"kind": "Workload", "labels": {"app": "cart"}}
    found = shop(DEMANDING, nobody, caller(), open_to_all=False)
    assert found.sees("a") == set()


def test_the_backends_of_what_is_named_come_with_it_those_of_others_on_demand() -> None:
    to_web, to_cart = service_route("r", "cart", to="web"), service_route("r", "web", to="cart")
    assert at_once(shop(DEMANDING, to_web, caller("cart"))) == {"shop/cart/80", "shop/web/80"}
    assert at_once(shop(DEMANDING, to_cart, caller("cart"))) == {"shop/cart/80"}
    assert at_once(shop(DEMANDING, to_web, caller())) == set()


def test_copies_of_requests_have_somewhere_to_go_from_the_start() -> None:
    parents = [{"group": "", "kind": "Service", "name": "cart", "namespace": "shop"}]
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("web", namespace="shop")}}
    route = http_route("r", rule(backend("cart", namespace="shop"), filters=[mirror]), parents=parents)
    assert at_once(shop(DEMANDING, route, caller())) == {"shop/web/80"}


def test_what_is_outside_comes_at_once() -> None:
    bank = document(
        "ExternalService", "bank",
        spec={"match": {"port": 443, "protocol": "http"}, "endpoints": [{"address": "b.example", "port": 1}]},
    )  # fmt: skip
    found = shop(DEMANDING, bank, caller())
    found.commit({AssignedVip.of(ResourceId("ExternalService", "shop", "bank")): "242.0.128.1"})
    assert at_once(found) == {"external/shop/bank/443"}
    profile = found.world("a").profile
    outbound = found.engine.value(OUTBOUNDS, (profile, Destination("ExternalService", "shop", "bank", 443)))
    assert not outbound.on_demand, "while there is no way out, nobody waits for one"


def test_only_listeners_of_worlds_on_demand_fetch_anything() -> None:
    found = shop(
        DEMANDING,
        caller("cart"),
        member("b", "b", "10.0.0.6", sidecar={"capture": "Redirect", "onDemand": False}),
    )
    on_demand, plain = found.outbound("a", "web"), found.outbound("b", "web")
    assert on_demand is not None
    assert on_demand.on_demand
    assert plain is None
    known = found.outbound("a", "cart")
    assert known is not None
    assert known.on_demand, "its routes may lead to what is not known yet"


def test_routes_clusters_and_endpoints_are_the_same_as_everybodys() -> None:
    found = shop(DEMANDING, caller("cart"))
    eager = shop()
    world, other = found.world("a"), eager.world("web-1")
    assert (world.client, world.located, world.named) == (other.client, other.located, other.named)
    assert world.profile != other.profile
