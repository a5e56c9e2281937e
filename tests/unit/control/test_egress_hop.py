"""What `explain` and `permissions` tell of the one way out: to something outside, and to other zones."""

import pytest
from tests.unit.translate.mesh.mesh import Mesh, mesh
from tests.unit.translate.world import document
from tests.unit.translate.zone.test_ways import EGRESS, EGRESS_ID, REMOTE, WEB, allowed, required

from sekisho.client.reviews import Explanation, ExplanationSpec, Permission, PermissionSpec
from sekisho.control.explain import explain
from sekisho.control.permissions import permissions
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip

FAR, OUTSIDE = "http://catalog.shop.svc.gcp.mesh.local/", "http://bank.shop.extsvc.mesh.local/"
BANK = ResourceId("ExternalService", "shop", "bank")
LET_OUT = ("permission", "allowed", WEB)


def world() -> Mesh:
    endpoints = [{"address": "api.bank.example", "port": 8443}]
    match = {"port": 80, "protocol": "http"}
    found = required(document("ExternalService", "bank", spec={"match": match, "endpoints": endpoints}))
    found.commit({AssignedVip.of(BANK): "242.0.128.1"})
    found.apply(mesh(egress="Required", zoneEgress="Required"))
    return found


def to_bank(**match: object) -> dict[str, object]:
    allow = [{"spiffeID": {"type": "Exact", "value": WEB}, **match}]
    spec = {
        "targetRef": {"kind": "ExternalService", "name": "bank"},
        "rules": [{"default": {"allow": allow}}],
    }
    return document("TrafficPermission", "to-bank", spec=spec)


def ask(found: Mesh, url: str, **fields: str) -> Explanation:
    return explain(found.engine, [], ExplanationSpec(url=url, client="shop/web-1", **fields))


def rows(found: Explanation) -> list[tuple[str, str, str]]:
    return [(step.what, step.name, step.detail) for step in found.steps]


def may(found: Mesh, server: str, **fields: str) -> Permission:
    return permissions(found.engine.read, PermissionSpec(client="shop/web-1", server=server, **fields))


def test_the_way_to_another_zone_is_told_with_the_hop_that_asks() -> None:
    found = world()
    refused = ask(found, FAR)
    assert "no permission lets it in" in refused.outcome
    assert not any(what == "zone" for what, _, _ in rows(refused))
    found.apply(allowed())
    told = rows(ask(found, FAR))
    assert ("egress", "10.0.0.9:15444", f"asks who goes out: {EGRESS}") in told
    steps = [what for what, _, _ in told]
    assert steps.index("tls") < steps.index("egress") < told.index(LET_OUT) < steps.index("zone")
    assert ("ingress", "203.0.113.7:443", "passes it on by server name, unopened") in told


def test_the_way_outside_is_told_with_it_too() -> None:
    found = world()
    assert ask(found, OUTSIDE).outcome == "answered 403: no permission lets it in"
    found.apply(to_bank(methods=["POST"]))
    assert ask(found, OUTSIDE).outcome == "answered 403: no permission lets it in"
    told = ask(found, OUTSIDE, method="POST")
    assert told.outcome == "forwarded to external/shop/bank/80"
    assert ("endpoint", "api.bank.example:8443", "outside the mesh") in rows(told)
    assert ("egress", "10.0.0.9:15444", f"asks who goes out: {EGRESS}") in rows(told)


@pytest.mark.parametrize("url", [FAR, OUTSIDE])
def test_without_an_egress_that_is_where_it_ends(url: str) -> None:
    found = world()
    found.remove(EGRESS)
    told = ask(found, url)
    assert "has no ready endpoint" in told.outcome
    assert "zone" not in {what for what, _, _ in rows(told)}


def test_permissions_are_those_of_the_egress() -> None:
    found = world()
    denied = may(found, f"shop/{REMOTE.name}")
    assert denied.outcome == "shop/web-1 may not call shop/catalog.gcp"
    assert denied.ports[0].identity == EGRESS_ID
    found.apply(allowed(), to_bank(methods=["POST"]))
    assert may(found, f"shop/{REMOTE.name}").outcome == "shop/web-1 may call shop/catalog.gcp"
    assert may(found, "shop/bank").outcome == "shop/web-1 may make some requests to shop/bank"
    assert may(found, "shop/bank", path="/", method="POST").allowed
    assert not may(found, "shop/bank", path="/", method="GET").allowed


def test_where_nobody_asks_it_says_so() -> None:
    found = world()
    found.apply(mesh())
    assert may(found, "shop/bank").outcome.endswith("the Mesh requires no egress for it")
