"""Headless Services: each instance by its own address and name, over mutual TLS, where calls are captured."""

import pytest
from tests.unit.translate.mesh.mesh import DOMAIN, Mesh, application, member, shop
from tests.unit.translate.world import Document, document

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Readiness, Rejection
from sekisho.translate.mesh.names import Destination, Part
from sekisho.translate.mesh.rejections import LISTENER_TYPE, refused
from sekisho.translate.outputs import DIRECT_CLUSTERS, DIRECT_OUTBOUNDS

DATA = ResourceId("Service", "shop", "data")
TO = Destination(*DATA, 80)


def data(name: str = "data", **spec: object) -> Document:
    return application(name, "None", **{"selector": {"app": "data"}, **spec})  # type: ignore[arg-type]


def instances(*documents: Document) -> Mesh:
    return shop(
        data(), member("data-0", "data", "10.0.1.0"), member("data-1", "data", "10.0.1.1"), *documents
    )


def direct(found: Mesh, workload: str = "web-1", service: str = "data") -> dict[str, ir.Outbound]:
    profile = found.world(workload).profile
    made: dict[tuple[object, Part], ir.Outbound] = found.values(DIRECT_OUTBOUNDS)
    return {
        part.part: one for (part_of, part), one in made.items() if part_of == profile and part.name == service
    }


def test_each_instance_has_a_listener_at_its_own_address_and_port() -> None:
    found = direct(instances())
    assert {part: (one.addresses, one.port) for part, one in found.items()} == {
        "80/data-0": (("10.0.1.0",), 8080),
        "80/data-1": (("10.0.1.1",), 8080),
    }
    assert found["80/data-0"].name == "direct/shop/data/80/data-0"
    assert found["80/data-0"].tcp is not None
    assert found["80/data-0"].tcp.shares == (("direct/shop/data/80", 1),)


def test_one_way_leads_to_all_of_them_and_expects_who_they_are() -> None:
    found = instances()
    cluster: ir.Cluster = found.engine.value(DIRECT_CLUSTERS, (found.world("web-1").client, TO))
    assert cluster.original_destination
    assert isinstance(cluster.transport, ir.MeshTransport)
    assert cluster.transport.identities == (f"{DOMAIN}/ns/shop/sa/data",)
    assert cluster.transport.alpn == "sekisho"


def test_an_instance_without_a_sidecar_is_outside() -> None:
    found = instances(member("data-2", "data", "10.0.1.2", sidecar=None))
    assert sorted(direct(found)) == ["80/data-0", "80/data-1"]


def test_where_nothing_is_captured_there_is_nothing_to_take_over() -> None:
    found = instances(member("plain-1", "plain", "10.0.0.8", sidecar={"capture": "None"}))
    assert direct(found, "plain-1") == {}


def test_of_two_services_one_has_the_listener() -> None:
    found = instances(data("data-too"))
    assert sorted(direct(found)) == ["80/data-0", "80/data-1"]
    assert direct(found, service="data-too") == {}


def test_a_service_with_an_address_of_its_own_has_none() -> None:
    assert direct(instances(), service="cart") == {}


def test_instances_have_names_beneath_the_services_for_as_long_as_they_are_ready() -> None:
    found = instances()
    names = found.hostnames("web-1")
    assert names["data.shop.svc.mesh.local"] == ("10.0.1.0", "10.0.1.1")
    assert names["data-0.data.shop.svc.mesh.local"] == ("10.0.1.0",)
    assert names["data-1.data.shop.svc.cluster.local"] == ("10.0.1.1",)
    found.commit({Readiness.of(ResourceId("Workload", "shop", "data-0")): False})
    names = found.hostnames("web-1")
    assert names["data-0.data.shop.svc.mesh.local"] == ()
    assert names["data.shop.svc.mesh.local"] == ("10.0.1.1",)
    assert sorted(direct(found)) == ["80/data-0", "80/data-1"], "never in plain text, ready or not"


@pytest.mark.parametrize("name", ["direct/shop/data/80", "direct/shop/data/80/data-0"])
def test_what_a_proxy_refuses_of_it_is_told_to_the_service(name: str) -> None:
    found = instances()
    found.commit({Rejection.of(found.world("web-1"), LISTENER_TYPE, name): "no"})
    assert refused(found.engine.read, DATA) == (f"{name}: no",)


def mesh_tls(**default: object) -> Document:
    rules = [{"default": default}]
    return document("MeshTLS", "old", "sekisho-system", spec={"targetRef": {"kind": "Mesh"}, "rules": rules})


def test_callers_take_the_versions_and_ciphers_of_the_server() -> None:
    found = shop()
    assert found.transport("web-1", "cart").min_version == "1.3"
    versions = {"min": "TLS12", "max": "TLS12"}
    found.apply(mesh_tls(tlsVersion=versions))
    cart = found.transport("web-1", "cart")
    assert (cart.min_version, cart.max_version, cart.ciphers) == ("1.2", "1.2", ())
    ciphers = ["ECDHE-ECDSA-AES256-GCM-SHA384"]
    found.apply(mesh_tls(tlsVersion=versions, tlsCiphers=ciphers))
    assert found.transport("web-1", "cart").ciphers == tuple(ciphers)
