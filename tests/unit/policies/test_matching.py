"""`sekisho.policies.matching` and `roles`: whom a policy picks."""

from typing import Any

import msgspec
import pytest

from sekisho.model.document import check
from sekisho.model.policies.timeout import Timeout
from sekisho.model.targets import ToTargetRef
from sekisho.policies.matching import Called, Proxy, Section, ServedPort, covers, picks_client, picks_server
from sekisho.policies.roles import Role, reaches, role

CART = Proxy("Workload", "shop", "cart-1", {"app": "cart"})
EDGE = Proxy("Gateway", "shop", "edge", {"tier": "front"})
MESH_WIDE = [{"targetRef": {"kind": "Mesh"}, "default": {}}]


def policy(namespace: str = "shop", target: Any = None, to: Any = None, rules: Any = None) -> Timeout:
    spec = {key: value for key, value in (("targetRef", target), ("to", to), ("rules", rules)) if value}
    metadata = {"name": "a", "namespace": namespace}
    document = {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Timeout", "metadata": metadata, "spec": spec}
    found = check("Timeout", document).resource
    assert isinstance(found, Timeout)
    return found


def client(proxy: Proxy, **written: Any) -> bool:
    found = policy(**{"to": MESH_WIDE, **written})
    return picks_client(found, found.spec.target_ref, proxy)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, Role.CONSUMER),
        ({"namespace": "sekisho-system"}, Role.SYSTEM),
        ({"to": [{"targetRef": {"kind": "Service", "name": "cart"}}]}, Role.PRODUCER),
        ({"to": [{"targetRef": {"kind": "Service", "name": "cart", "namespace": "shop"}}]}, Role.PRODUCER),
        ({"to": [{"targetRef": {"kind": "HTTPRoute", "name": "r"}}]}, Role.PRODUCER),
        ({"to": [{"targetRef": {"kind": "Service", "name": "cart", "namespace": "x"}}]}, Role.CONSUMER),
        ({"to": [{"targetRef": {"kind": "Service", "labels": {"a": "b"}}}]}, Role.CONSUMER),
        ({"to": [{"targetRef": {"kind": "ExternalService", "name": "cart"}}]}, Role.CONSUMER),
        ({"to": None, "rules": [{"default": {}}]}, Role.WORKLOAD_OWNER),
    ],
)
def test_the_role_of_its_author(written: dict[str, Any], expected: Role) -> None:
    found = policy(**{"to": MESH_WIDE, **written})
    assert role(found) is expected
    assert reaches(found, "elsewhere") is (expected in (Role.SYSTEM, Role.PRODUCER))
    assert reaches(found, found.metadata.namespace)


@pytest.mark.parametrize(
    ("proxy", "target", "expected"),
    [
        (CART, None, True),
        (CART, {"kind": "Mesh"}, True),
        (EDGE, {"kind": "Mesh"}, True),
        (CART, {"kind": "Workload"}, True),
        (EDGE, {"kind": "Workload"}, False),
        (CART, {"kind": "Workload", "labels": {"app": "cart"}}, True),
        (CART, {"kind": "Workload", "labels": {"app": "cart", "v": "2"}}, False),
        (CART, {"kind": "Workload", "name": "cart-1"}, True),
        (CART, {"kind": "Workload", "name": "cart-2"}, False),
        (EDGE, {"kind": "Gateway", "name": "edge"}, True),
        (EDGE, {"kind": "Gateway", "labels": {"tier": "back"}}, False),
        (CART, {"kind": "Gateway"}, False),
    ],
)
def test_which_clients_a_target_picks(proxy: Proxy, target: Any, expected: bool) -> None:
    assert client(proxy, target=target) is expected


def test_consumers_speak_for_their_namespace_and_operators_for_all() -> None:
    assert not client(CART, namespace="web")
    assert client(CART, namespace="sekisho-system")
    assert client(CART, namespace="sekisho-system", target={"kind": "Workload", "namespace": "shop"})
    assert not client(CART, namespace="sekisho-system", target={"kind": "Workload", "namespace": "web"})


def test_producers_reach_clients_of_every_namespace() -> None:
    to = [{"targetRef": {"kind": "Service", "name": "api"}}]
    assert client(CART, namespace="web", to=to)
    assert client(CART, namespace="web", to=to, target={"kind": "Workload", "labels": {"app": "cart"}})


SERVED = (ServedPort("shop", "cart", {"team": "a"}, Section(80, "http")),)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, True),
        ({"kind": "Workload", "sectionName": "8080"}, True),
        ({"kind": "Workload", "sectionName": "web"}, True),
        ({"kind": "Workload", "sectionName": "admin"}, False),
        ({"kind": "Service", "name": "cart"}, True),
        ({"kind": "Service", "name": "other"}, False),
        ({"kind": "Service", "labels": {"team": "a"}}, True),
        ({"kind": "Service", "name": "cart", "sectionName": "http"}, True),
        ({"kind": "Service", "name": "cart", "sectionName": "80"}, True),
        ({"kind": "Service", "name": "cart", "sectionName": "8080"}, False),
    ],
)
def test_which_ports_a_target_picks(target: Any, expected: bool) -> None:
    found = policy(target=target, rules=[{"default": {}}])
    assert picks_server(found, found.spec.target_ref, CART, Section(8080, "web"), SERVED) is expected


def test_rules_are_for_the_own_namespace_unless_operators_wrote_them() -> None:
    rules = [{"default": {}}]
    for namespace, expected in (("shop", True), ("web", False), ("sekisho-system", True)):
        found = policy(namespace=namespace, rules=rules)
        assert picks_server(found, None, CART, Section(8080), ()) is expected


CALLED = Called("Service", "shop", "cart", {"team": "a"}, Section(80, "http"), route=("shop", "split"))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"kind": "Mesh"}, True),
        ({"kind": "Service"}, True),
        ({"kind": "Service", "name": "cart"}, True),
        ({"kind": "Service", "name": "cart", "namespace": "web"}, False),
        ({"kind": "Service", "labels": {"team": "a"}}, True),
        ({"kind": "Service", "labels": {"team": "b"}}, False),
        ({"kind": "Service", "name": "cart", "sectionName": "http"}, True),
        ({"kind": "Service", "name": "cart", "sectionName": "81"}, False),
        ({"kind": "ExternalService", "name": "cart"}, False),
        ({"kind": "HTTPRoute", "name": "split"}, True),
        ({"kind": "HTTPRoute", "name": "other"}, False),
    ],
)
def test_which_destinations_an_entry_covers(reference: Any, expected: bool) -> None:
    assert covers("shop", msgspec.convert(reference, ToTargetRef), CALLED) is expected
