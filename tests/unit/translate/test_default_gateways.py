"""Default Gateways: who gets the routes that ask for one, and what their authors are told."""

from typing import Any

import pytest
from tests.unit.translate.world import (
    World,
    document,
    gateway,
    gateway_class,
    http,
    http_route,
    namespace,
    service,
)

from sekisho.model.names import ResourceId

OTHER = ResourceId("Gateway", "infra", "other")


def asking(*, parents: Any = (), scope: str = "All") -> dict[str, Any]:
    made = http_route("r", parents=list(parents))
    made["spec"]["useDefaultGateways"] = scope
    return made


def parents(world: World) -> list[str]:
    return [one["parentRef"]["name"] for one in world.status(ResourceId("HTTPRoute", "shop", "r"))["parents"]]


def test_a_route_that_asks_is_at_every_default_gateway_and_told_so() -> None:
    second = gateway(http(port=9090), name="other", namespace="infra", defaultScope="All")
    world = World(
        gateway(defaultScope="All"), second, gateway(http(port=7070), name="plain"), service(), asking()
    )
    assert parents(world) == ["other", "edge"]
    assert world.parent_condition("r", "Accepted", 0) == ("True", "Accepted")
    assert world.host("*") is not None
    assert world.routes("*", "9090", OTHER) == ["shop/r/0/0"]
    assert world.routes("*", "7070", ResourceId("Gateway", "shop", "plain")) == []


@pytest.mark.parametrize("scope", ["None", None])
def test_a_route_that_does_not_ask_is_at_none(scope: str | None) -> None:
    made = asking()
    made["spec"]["useDefaultGateways"] = scope
    assert parents(World(gateway(defaultScope="All"), service(), made)) == []


def test_they_come_and_go_with_the_scope_of_gateways() -> None:
    world = World(gateway(), service(), asking())
    assert parents(world) == []
    world.apply(gateway(defaultScope="All"))
    assert parents(world) == ["edge"]
    world.apply(gateway(defaultScope="None"))
    assert parents(world) == []


def test_one_that_is_named_as_well_is_there_once_and_as_it_is_named() -> None:
    named = [{"name": "edge", "sectionName": "second"}]
    listeners = http(), http("second", 9090)
    world = World(gateway(*listeners, defaultScope="All"), service(), asking(parents=named))
    assert parents(world) == ["edge"]
    assert world.routes("*", "8080") == []
    assert world.routes("*", "9090") == ["shop/r/0/0"]


def test_a_default_gateway_takes_only_what_its_listeners_allow() -> None:
    closed = gateway(
        http(allowedRoutes={"namespaces": {"from": "Same"}}),
        name="other",
        namespace="infra",
        defaultScope="All",
    )
    world = World(closed, namespace("shop"), service(), asking())
    assert world.parent_condition("r", "Accepted") == ("False", "NotAllowedByListeners")


def test_gateways_of_other_controllers_take_nothing() -> None:
    foreign = gateway_class("foreign", controller="example.com/x")
    theirs = document(
        "Gateway",
        "theirs",
        spec={"gatewayClassName": "foreign", "listeners": [http()], "defaultScope": "All"},
    )
    assert parents(World(foreign, theirs, service(), asking())) == []
