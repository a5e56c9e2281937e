"""The one way out: through a zone egress, with permission, or not at all."""

from typing import Any

import pytest
from tests.kit.pki import TestAuthority
from tests.unit.translate.mesh.mesh import Mesh, member, mesh, permission
from tests.unit.translate.world import Document, document, gateway, gateway_class, passthrough, route

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_status import policy_status
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import (
    AUTHORITIES,
    MESH_ENDPOINTS,
    OUTBOUNDS,
    OUTLET_CLUSTERS,
    OUTLET_NAMES,
    OUTLETS,
)

EGRESS = ResourceId("Gateway", "shop", "egress")
BANK = Destination("ExternalService", "shop", "bank", 443)
OUTSIDE = "external/shop/bank/443"
WEB = "spiffe://default.default.mesh.local/ns/shop/sa/web"


def bank(protocol: str = "http") -> Document:
    endpoints = [{"address": "api.bank.example", "port": 8443}]
    spec = {"match": {"port": 443, "protocol": protocol}, "endpoints": endpoints, "tls": {"enabled": True}}
    return document("ExternalService", "bank", spec=spec)


def egress(**spec: Any) -> Document:
    return gateway(
        passthrough("out", 15444),
        name="egress", gatewayClassName="sekisho-zone-egress", addresses=[{"value": "10.0.0.9"}], **spec,
    )  # fmt: skip


def allowed(*namespaces: str, name: str = "bank") -> Document:
    target = {"kind": "ExternalService", "name": name}
    allow = [{"spiffeID": {"type": "Exact", "value": WEB}}, *({"namespaces": [one]} for one in namespaces)]
    rules = [{"default": {"allow": allow}}]
    return document("TrafficPermission", f"to-{name}", spec={"targetRef": target, "rules": rules})


def closed(*documents: Document) -> Mesh:
    """A mesh with one way out; nobody may go it."""
    found = Mesh(
        mesh(egress="Required"), gateway_class("sekisho-zone-egress"), bank(),
        permission("members", {"namespaces": ["nobody"]}), member("web-1", "web"), *documents,
        open_to_all=False,
    )  # fmt: skip
    found.commit({AssignedVip.of(BANK.resource): "242.0.128.1"})
    return found


def outlet(world: Mesh) -> ir.Inbound:
    found: ir.Inbound = world.engine.value(OUTLETS, (EGRESS, OUTSIDE))
    return found


def callers(world: Mesh) -> list[str]:
    """Who may go out."""
    rules = outlet(world).permissions.rules
    return sorted(text.value for rule in rules for text in rule.caller.identities)


def test_members_go_through_the_egress_by_mutual_tls() -> None:
    world = closed(egress())
    cluster = world.cluster("web-1", BANK)
    assert cluster is not None
    assert isinstance(cluster.transport, ir.MeshTransport)
    assert cluster.transport.server_name == "443.bank.external.shop.default.default.sekisho"
    assert cluster.transport.identities == ("spiffe://default.default.mesh.local/ns/shop/sa/egress",)
    assert cluster.transport.members_only
    assert cluster.hosts is None
    found: ir.Endpoints = world.engine.value(MESH_ENDPOINTS, (World.of("default"), BANK))
    assert [(one.address, one.port) for one in found.endpoints] == [("10.0.0.9", 15444)]


def test_without_an_egress_nothing_goes_out() -> None:
    world = closed()
    found: ir.Endpoints = world.engine.value(MESH_ENDPOINTS, (World.of("default"), BANK))
    assert found.endpoints == ()
    cluster = world.cluster("web-1", BANK)
    assert cluster is not None
    assert cluster.hosts is None


def test_where_the_mesh_does_not_ask_for_it_proxies_go_out_themselves() -> None:
    world = closed(egress())
    world.apply(mesh())
    cluster = world.cluster("web-1", BANK)
    assert cluster is not None
    assert cluster.hosts is not None
    assert isinstance(cluster.transport, ir.ServerTls)
    assert world.values(OUTLETS) == {}


def test_an_outlet_is_found_by_its_server_name_and_leads_outside() -> None:
    world = closed(egress())
    named: ir.Cluster = world.engine.value(
        OUTLET_NAMES, (EGRESS, "sni/443.bank.external.shop.default.default.sekisho")
    )
    assert named.inside == OUTSIDE
    assert outlet(world).name == "tunnel/external/shop/bank/443"
    outside: ir.Cluster = world.engine.value(OUTLET_CLUSTERS, (EGRESS, OUTSIDE))
    assert outside.hosts == (ir.Host("api.bank.example", 8443),)
    assert isinstance(outside.transport, ir.ServerTls)


def test_it_asks_who_goes_out() -> None:
    world = closed(egress())
    assert outlet(world).tls is not None
    assert WEB not in callers(world)
    world.apply(allowed())
    assert WEB in callers(world)
    world.remove(ResourceId("TrafficPermission", "shop", "to-bank"))
    assert WEB not in callers(world)


def test_a_permission_to_go_out_is_told_by_how_many_egresses_it_is_asked_for() -> None:
    def attached(world: Mesh, name: str = "bank") -> tuple[str, str]:
        permit = ResourceId("TrafficPermission", "shop", f"to-{name}")
        told = policy_status(world.engine.read, permit)["conditions"][1]
        return told["reason"], told["message"]

    permits = (allowed(), allowed(name="gone"))
    assert attached(closed(egress(), *permits)) == ("Attached", "For 1 proxy.")
    assert attached(closed(egress(), *permits), "gone")[0] == "NoProxies"
    assert attached(closed(*permits))[0] == "NoProxies"
    unasked = closed(egress(), *permits)
    unasked.apply(mesh())
    assert attached(unasked)[0] == "NoProxies"


def test_a_permission_for_another_one_is_none_for_this_one() -> None:
    assert WEB not in callers(closed(egress(), allowed(name="other")))


@pytest.mark.parametrize(("protocol", "read"), [("http", True), ("grpc", True), ("tcp", False)])
def test_requests_are_read_where_there_are_any(protocol: str, read: bool) -> None:
    assert outlet(closed(egress(), bank(protocol))).inspected is read


def test_no_route_leads_through_an_egress() -> None:
    world = closed(egress(), route("TLSRoute", "out", parents=[{"name": "egress"}], hostnames=["x.example"]))
    found = ResourceId("TLSRoute", "shop", "out")
    assert world.parent_condition(found, "Accepted") == ("False", "NotAllowedByListeners")


def test_who_is_believed_outside_is_the_egress_to_know() -> None:
    tls = {
        "enabled": True,
        "verification": {"mode": "Secured", "caCertificateRef": {"kind": "ConfigMap", "name": "ca"}},
    }
    given = bank()
    given["spec"]["tls"] = tls
    authority = TestAuthority().certificate.decode()
    world = closed(egress(), given, document("ConfigMap", "ca", data={"ca.crt": authority}))
    assert {key[0] for key in world.values(AUTHORITIES)} == {EGRESS}


@pytest.mark.parametrize("address", ["ledger.example", "192.0.2.1"])
def test_what_names_lead_to_is_asked_by_whoever_looks_them_up(address: str) -> None:
    """Bytes go another way where there are names: through the guard."""
    is_name = not address[0].isdigit()
    ledger = document(
        "ExternalService", "ledger",
        spec={"match": {"port": 443}, "endpoints": [{"address": address, "port": 5432}]},
    )  # fmt: skip
    destination = BANK._replace(name="ledger")
    world = closed(egress(), ledger)
    world.commit({AssignedVip.of(destination.resource): "242.0.128.2"})
    key = (world.world("web-1").profile, destination)
    assert world.engine.value(OUTLETS, (EGRESS, OUTSIDE.replace("bank", "ledger"))).is_named is is_name
    assert world.engine.value(OUTBOUNDS, key).tcp.is_named is False
    world.apply(mesh())
    assert world.engine.value(OUTBOUNDS, key).tcp.is_named is is_name
    cluster = world.cluster("web-1", destination)
    assert cluster is not None
    assert cluster.guarded is is_name
