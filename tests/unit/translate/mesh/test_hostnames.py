"""Names: built in, by generators, and whose they are when several want them."""

from tests.unit.translate.mesh.mesh import Mesh, application, member, shop
from tests.unit.translate.world import Document, document, of_type, unvalidated
from tests.unit.translate.zone.zones import two_zones

from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId

CART = "cart.shop.svc.mesh.local"
BOTH = ("241.0.0.2", "fd5e:6b69:7368:6f::f100:2")


def generator(
    name: str, template: str, created: str = "2026-01-01T00:00:00Z", **selector: Document
) -> Document:
    return document(
        "HostnameGenerator", name, SYSTEM_NAMESPACE, metadata={"creationTimestamp": created},
        spec={"selector": selector or {"service": {}}, "template": template},
    )  # fmt: skip


def generated(found: Mesh, name: str) -> tuple[str, str]:
    status = found.status(ResourceId("HostnameGenerator", SYSTEM_NAMESPACE, name))
    return of_type(status["conditions"], "Generated")


def test_a_service_has_names_without_any_generator() -> None:
    assert shop().hostnames("web-1") == {
        name: addresses
        for service, addresses in {"web": ("241.0.0.1", "fd5e:6b69:7368:6f::f100:1"), "cart": BOTH}.items()
        for name in (
            f"{service}.shop.svc.mesh.local",
            f"{service}.shop.svc.cluster.local",
            f"{service}.shop.svc.default.mesh.local",
        )
    }


def test_without_capture_no_names_are_told_as_nobody_asks_for_any() -> None:
    uncaptured = {"capture": "None", "outboundAddresses": "127.9.0.0/16"}
    found = shop(member("bare-1", "bare", "10.0.0.9", sidecar=uncaptured))
    assert CART in found.hostnames("web-1")
    assert found.hostnames("bare-1") == {}
    assert found.outbound("bare-1", "cart") is not None


def test_services_of_other_zones_are_called_with_their_zone() -> None:
    names = two_zones().hostnames("web-1")
    assert names["catalog.shop.svc.gcp.mesh.local"][0] == "243.0.0.1"
    assert "web.shop.svc.azure.mesh.local" in names


def test_generators_choose_the_services_of_this_zone_or_of_others() -> None:
    template = "{{ .DisplayName }}.{{ .Zone }}.corp"
    of_others = two_zones(generator("g", template, zoneService={})).hostnames("web-1")
    assert [name for name in of_others if name.endswith(".corp")] == ["catalog.gcp.corp"]
    own = two_zones(generator("g", template, service={"matchLabels": {}})).hostnames("web-1")
    assert [name for name in own if name.endswith(".corp")] == ["web.azure.corp"]


def test_a_generator_of_the_zone_has_a_name_before_one_for_all_zones() -> None:
    blue, green = application("blue", "241.0.0.2"), application("green", "241.0.0.3")
    for one in (blue, green):
        one["metadata"]["labels"] = {"color": one["metadata"]["name"]}

    def named(color: str, created: str) -> Document:
        return generator(color, "the.corp", created, service={"matchLabels": {"color": color}})

    everywhere = named("blue", "2026-01-01T00:00:00Z")
    everywhere["metadata"]["labels"] = {"sekisho.dev/origin": "global"}
    here = named("green", "2026-01-02T00:00:00Z")
    found = Mesh(blue, green, member("x", "x"), everywhere, here)
    assert found.hostnames("x")["the.corp"][0] == "241.0.0.3"
    assert generated(found, "blue") == ("False", "Collision")
    assert generated(found, "green") == ("True", "Generated")


def test_a_generator_adds_names_to_what_it_selects() -> None:
    labelled = application("blue", "241.0.0.2")
    labelled["metadata"]["labels"] = {"team": "blue"}
    template = '{{ .Name }}.{{ label "team" }}.corp'
    found = Mesh(
        labelled, member("x", "x"), generator("g", template, service={"matchLabels": {"team": "blue"}})
    )
    assert found.hostnames("x")["blue.blue.corp"] == BOTH
    assert generated(found, "g") == ("True", "Generated")


def test_a_label_that_is_missing_makes_no_name() -> None:
    found = shop(generator("g", '{{ label "team" }}.corp'))
    assert not [name for name in found.hostnames("web-1") if name.endswith(".corp")]


def test_what_is_no_host_name_is_none() -> None:
    found = shop()
    found.commit(unvalidated(generator("g", "{{ .Name }}..corp")))
    assert not [name for name in found.hostnames("web-1") if name.endswith("corp")]


def test_of_two_generators_the_older_one_has_the_name_and_the_other_is_told() -> None:
    blue, green = application("blue", "241.0.0.2"), application("green", "241.0.0.3")
    found = Mesh(blue, green, member("x", "x"))
    for service, created in (("blue", "2026-01-02T00:00:00Z"), ("green", "2026-01-01T00:00:00Z")):
        labelled = {"blue": blue, "green": green}[service]
        labelled["metadata"]["labels"] = {"team": service}
        selector = {"matchLabels": {"team": service}}
        found.apply(labelled, generator(service, "shop.corp", created, service=selector))
    assert found.hostnames("x")["shop.corp"] == ("241.0.0.3", "fd5e:6b69:7368:6f::f100:3")
    assert generated(found, "blue") == ("False", "Collision")
    assert generated(found, "green") == ("True", "Generated")
    found.remove(ResourceId("HostnameGenerator", SYSTEM_NAMESPACE, "green"))
    assert found.hostnames("x")["shop.corp"] == BOTH
    assert generated(found, "blue") == ("True", "Generated")


def test_no_generator_takes_a_name_that_is_built_in() -> None:
    found = shop(generator("thief", CART, "2020-01-01T00:00:00Z", service={"matchLabels": {}}))
    assert found.hostnames("web-1")[CART] == BOTH
    assert generated(found, "thief") == ("False", "Collision")


def test_a_generator_of_another_namespace_makes_nothing() -> None:
    found = shop()
    own = generator("own", "mine.corp")
    own["metadata"]["namespace"] = "shop"
    found.commit(unvalidated(own))
    assert "mine.corp" not in found.hostnames("web-1")


def test_a_headless_service_is_its_instances() -> None:
    found = shop(
        application("many", "None"), member("m1", "many", "10.0.0.7"), member("m2", "many", "10.0.0.6")
    )
    assert found.hostnames("web-1")["many.shop.svc.mesh.local"] == ("10.0.0.6", "10.0.0.7")
    found.remove(ResourceId("Workload", "shop", "m1"), ResourceId("Workload", "shop", "m2"))
    assert found.hostnames("web-1")["many.shop.svc.mesh.local"] == ()
