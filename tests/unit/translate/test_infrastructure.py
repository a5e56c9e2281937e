"""The Service made for a Gateway."""

import pytest
from tests.unit.translate.world import EDGE, World, gateway, gateway_class, http

from sekisho.model.document import check
from sekisho.translate.gateway.infrastructure import INFRASTRUCTURE, service_name


def test_a_gateway_has_a_service_with_its_ports_labels_and_annotations() -> None:
    asked = {"labels": {"team": "blue"}, "annotations": {"example.com/note": "hello"}}
    found = World(
        gateway(http("b", 8081), http("a", 8080), http("c", 8080, hostname="c.d"), infrastructure=asked)
    )
    made = found.engine.value(INFRASTRUCTURE, EDGE)
    assert made["metadata"]["labels"] == {"team": "blue", "gateway.networking.k8s.io/gateway-name": "edge"}
    assert made["metadata"]["annotations"] == {"example.com/note": "hello"}
    assert [port["port"] for port in made["spec"]["ports"]] == [8080, 8081]
    assert check("Service", made).resource.id.name == "gateway-edge"


def test_the_label_with_the_gateways_name_cannot_be_asked_away() -> None:
    asked = {"labels": {"gateway.networking.k8s.io/gateway-name": "other"}}
    made = World(gateway(infrastructure=asked)).engine.value(INFRASTRUCTURE, EDGE)
    assert made["metadata"]["labels"] == {"gateway.networking.k8s.io/gateway-name": "edge"}


def test_nothing_is_made_for_a_gateway_that_is_not_served() -> None:
    found = World(gateway_class("other", "example.com/other"), gateway(gatewayClassName="other"))
    assert found.values(INFRASTRUCTURE) == {}


@pytest.mark.parametrize("name", ["edge", "1st", "a.b", "x" * 253, "a." * 60 + "z"])
def test_every_name_of_a_gateway_gives_a_name_of_a_service(name: str) -> None:
    made = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service_name(name), "namespace": "shop"},
    }
    assert check("Service", {**made, "spec": {"ports": [{"port": 80}]}}).resource.id.name == service_name(
        name
    )


def test_two_names_that_look_alike_stay_apart() -> None:
    assert service_name("a.b") != service_name("a-b")
    assert service_name("x" * 253) != service_name("x" * 252)
