"""Routes whose parent is a Service: whose requests they are for, and what becomes of the others."""

from typing import Any

import pytest
from tests.unit.translate.mesh.mesh import Mesh, application, member, service_route, shop
from tests.unit.translate.world import backend, of_type, route, rule

from sekisho.model.names import ResourceId
from sekisho.translate.facts import Rejection
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.rejections import ROUTES_TYPE
from sekisho.translate.outputs import STATUSES

CART = Destination("Service", "shop", "cart", 80)


def condition(found: Mesh, route: str, type_: str, namespace: str = "shop") -> tuple[str, str]:
    status = found.engine.value(STATUSES, ResourceId("HTTPRoute", namespace, route))
    (parent,) = status["parents"]
    return of_type(parent["conditions"], type_)


def far(*documents: Any) -> Mesh:
    """The shop, and a client in another namespace."""
    return shop(member("far", "far", "10.0.0.9", namespace="bank"), *documents)


def test_a_producers_route_holds_for_all_clients() -> None:
    found = far(service_route("r", "cart"))
    assert found.table("web-1", "cart") == found.table("far", "cart", namespace="bank") == ["shop/r/0/0"]


def test_a_consumers_route_holds_for_the_clients_of_its_namespace_alone() -> None:
    found = far(service_route("r", "cart", namespace="bank"))
    assert found.table("far", "cart", namespace="bank") == ["bank/r/0/0"]
    assert found.table("web-1", "cart") == ["shop/cart/80"], "straight on, as the port speaks HTTP now"


def test_consumers_routes_take_the_place_of_the_producers() -> None:
    found = far(service_route("r", "cart"), service_route("own", "cart", namespace="bank"))
    assert found.table("far", "cart", namespace="bank") == ["bank/own/0/0"]
    assert found.table("web-1", "cart") == ["shop/r/0/0"]


def test_with_a_route_what_it_does_not_match_is_nobodys() -> None:
    assert shop(service_route("r", "cart", path="/only")).table("web-1", "cart") == ["shop/r/0/0"]


def test_routes_are_in_the_order_of_precedence() -> None:
    found = shop(service_route("a", "cart"), service_route("b", "cart", path="/longer"))
    assert found.table("web-1", "cart") == ["shop/b/0/0", "shop/a/0/0"]


def test_a_parents_port_is_all_it_is_for() -> None:
    found = shop(service_route("r", "cart", port=81), service_route("s", "cart", sectionName="http"))
    assert condition(found, "r", "Accepted") == ("False", "NoMatchingParent")
    assert condition(found, "s", "Accepted") == ("True", "Accepted")
    assert found.table("web-1", "cart") == ["shop/s/0/0"]


def test_a_headless_service_has_no_address_to_route_by() -> None:
    headless = application("many", "None")
    assert condition(shop(headless, service_route("r", "many")), "r", "Accepted") == (
        "False",
        "NoMatchingParent",
    )


def test_a_route_makes_its_port_http() -> None:
    plain = application("raw", "241.0.0.5", port={"name": "x"})
    found = shop(plain, member("raw-1", "raw", "10.0.0.5"))
    assert found.table("web-1", "raw") == []
    assert found.inbound("raw-1", 8080).protocol == "tcp"
    found.apply(service_route("r", "raw"))
    assert found.table("web-1", "raw") == ["shop/r/0/0"]
    assert found.inbound("raw-1", 8080).protocol == "http/1.1"


def test_a_consumers_route_may_lead_into_any_namespace_without_a_grant() -> None:
    found = far(
        application("there", "241.0.0.7", namespace="third"),
        service_route("r", "cart", namespace="bank"),
    )
    assert condition(found, "r", "ResolvedRefs", "bank") == ("True", "ResolvedRefs")
    outside = service_route("r", "cart", namespace="bank")
    outside["spec"]["rules"][0]["backendRefs"][0] |= {"name": "there", "namespace": "third"}
    found.apply(outside)
    assert condition(found, "r", "ResolvedRefs", "bank") == ("True", "ResolvedRefs")
    assert Destination("Service", "third", "there", 80) in found.members("far", "bank").backends | {
        Destination("Service", one.namespace, one.name, 80) for one in found.members("far", "bank").services
    }


def test_without_a_mesh_a_service_parent_is_not_ours() -> None:
    found = shop(service_route("r", "cart"))
    found.remove(ResourceId("Mesh", "", "default"))
    assert found.status(ResourceId("HTTPRoute", "shop", "r")) == {"parents": []}


def test_a_refused_table_is_told_to_the_routes_in_it() -> None:
    found = shop(service_route("r", "cart"), service_route("other", "web"))
    refusal = Rejection.of(found.world("web-1"), ROUTES_TYPE, "outbound/shop/cart/80")
    found.commit({refusal: "bad\nregex"})
    assert condition(found, "r", "Programmed") == ("False", "Rejected")
    assert condition(found, "other", "Programmed") == ("", "")
    found.commit({refusal: None})
    assert condition(found, "r", "Programmed") == ("", "")


@pytest.mark.parametrize("name", ["trust", "inbound/80", "a/b", "outbound/x"])
def test_a_refused_resource_of_no_service_is_nobodys_route(name: str) -> None:
    found = shop(service_route("r", "cart"))
    found.commit({Rejection.of(found.world("web-1"), ROUTES_TYPE, name): "no"})
    assert condition(found, "r", "Programmed") == ("", "")


class TestCalls:
    """GRPCRoutes."""

    CALLS = ResourceId("GRPCRoute", "shop", "calls")

    def calls(self, *backends: str) -> Any:
        parents = [{"group": "", "kind": "Service", "name": "cart"}]
        return route("GRPCRoute", "calls", rule(*(backend(name) for name in backends)), parents=parents)

    def accepted(self, found: Mesh, route_: ResourceId) -> tuple[str, str]:
        (parent,) = found.engine.value(STATUSES, route_)["parents"]
        return of_type(parent["conditions"], "Accepted")

    def test_calls_to_a_service_follow_its_routes(self) -> None:
        found = shop(self.calls("cart"))
        assert found.table("web-1", "cart") == ["GRPCRoute/shop/calls/0/0"]
        assert self.accepted(found, self.CALLS) == ("True", "Accepted")

    def test_of_two_kinds_on_one_port_calls_count_and_the_others_are_told(self) -> None:
        found = shop(service_route("r", "cart"), self.calls("cart"))
        assert found.table("web-1", "cart") == ["GRPCRoute/shop/calls/0/0"]
        assert condition(found, "r", "Accepted") == ("False", "Conflicted")
        found.remove(self.CALLS)
        assert found.table("web-1", "cart") == ["shop/r/0/0"]
        assert condition(found, "r", "Accepted") == ("True", "Accepted")
