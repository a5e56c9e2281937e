"""`sekisho.federation.producers`: what owners of services write for callers, as other zones see it."""

from typing import Any

import pytest
from tests.kit.federation import of_zone, timeout
from tests.kit.objects import manifest

from sekisho.federation.table import down, up
from sekisho.model.document import check
from sekisho.model.policies.roles import Role, roles

CATALOG = {"kind": "Service", "name": "catalog"}


def elsewhere(written: dict[str, Any]) -> dict[str, Any] | None:
    """As azure sees what gcp wrote."""
    at_global = up(check(written["kind"], written).object, "gcp")
    assert at_global is not None
    found = down(at_global, "azure", lambda _: True)
    return None if found is None else dict(found)


def test_a_producers_policy_is_about_the_zones_service() -> None:
    found = elsewhere(timeout("slow", {**CATALOG, "sectionName": "80"}))
    assert found is not None
    assert found["metadata"]["name"] == "slow.gcp"
    assert found["metadata"]["labels"] == of_zone("gcp")
    (entry,) = found["spec"]["to"]
    assert entry["targetRef"] == {"kind": "ZoneService", "name": "catalog.gcp", "sectionName": "80"}
    assert roles(check("Timeout", found).resource) == {Role.PRODUCER}, "there as here"


@pytest.mark.parametrize(
    "to",
    [
        {"kind": "Mesh"},
        {"kind": "Service"},
        {"kind": "Service", "labels": {"app": "catalog"}},
        {"kind": "Service", "name": "catalog", "namespace": "other"},
        {"kind": "ExternalService", "name": "catalog"},
        {"kind": "ZoneService", "name": "catalog.aws"},
        {"kind": "MultiZoneService", "name": "catalog"},
    ],
)
def test_what_consumers_write_is_theirs(to: dict[str, Any]) -> None:
    assert elsewhere(timeout("slow", to)) is None


def test_what_operators_of_a_zone_write_is_of_that_zone() -> None:
    assert elsewhere(timeout("slow", CATALOG, namespace="sekisho-system")) is None
    inbound = manifest("Timeout", "in", spec={"rules": [{"default": {"idleTimeout": "1s"}}]})
    assert elsewhere(inbound) is None


def test_a_policy_of_two_minds_stays() -> None:
    policy = timeout("slow", CATALOG)
    policy["spec"]["to"] += timeout("x", {"kind": "Mesh"})["spec"]["to"]
    at_global = up(policy, "gcp")
    assert at_global is not None
    assert down(at_global, "azure", lambda _: True) is None


def test_a_policy_for_a_route_is_for_the_routes_copy() -> None:
    policy = timeout("slow", {"kind": "HTTPRoute", "name": "canary"})
    found = elsewhere(policy)
    assert found is not None
    assert found["spec"]["to"][0]["targetRef"] == {"kind": "HTTPRoute", "name": "canary.gcp"}


def route(*parents: dict[str, Any], **rule: Any) -> dict[str, Any]:
    backends = [{"name": "catalog-2", "port": 80, "weight": 3}]
    spec = {"parentRefs": list(parents), "rules": [{"backendRefs": backends, **rule}]}
    return manifest("HTTPRoute", "canary", spec=spec)


SERVICE_PARENT = {"group": "", "kind": "Service", "name": "catalog", "port": 80}


def test_a_producers_route_leads_from_its_zones_service_to_its_zones_services() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "shadow", "port": 80}}}
    found = elsewhere(route(SERVICE_PARENT, filters=[mirror]))
    assert found is not None
    (parent,) = found["spec"]["parentRefs"]
    assert (parent["group"], parent["kind"], parent["name"], parent["port"]) == (
        "sekisho.dev", "ZoneService", "catalog.gcp", 80,
    )  # fmt: skip
    (rule,) = found["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    assert (backend["group"], backend["kind"], backend["name"], backend["weight"]) == (
        "sekisho.dev", "ZoneService", "catalog-2.gcp", 3,
    )  # fmt: skip
    assert rule["filters"][0]["requestMirror"]["backendRef"]["name"] == "shadow.gcp"
    check("HTTPRoute", found)


def test_backends_that_are_no_services_of_the_zone_stay_what_they_are() -> None:
    written = route(SERVICE_PARENT)
    other = {"group": "sekisho.dev", "kind": "MultiZoneService", "name": "catalog", "port": 80}
    written["spec"]["rules"][0]["backendRefs"] = [other]
    found = elsewhere(written)
    assert found is not None
    (backend,) = found["spec"]["rules"][0]["backendRefs"]
    assert (backend["kind"], backend["name"]) == ("MultiZoneService", "catalog")


@pytest.mark.parametrize(
    "parents",
    [
        [{"name": "web"}],
        [SERVICE_PARENT, {"name": "web"}],
        [{**SERVICE_PARENT, "namespace": "other"}],
    ],
)
def test_a_route_of_a_gateway_or_of_a_caller_stays(parents: list[dict[str, Any]]) -> None:
    assert elsewhere(route(*parents)) is None
