"""Ingresses: the resources they become, their Gateway, their status, and how little an edit changes."""

from typing import Any

from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import Document, World, document, gateway, http, https, leaves, service

from sekisho.control.lowering import Lowering
from sekisho.model.httproute import HTTPRoute
from sekisho.model.names import ResourceId
from sekisho.translate.ingress.derived import is_derived
from sekisho.translate.ingress.gateways import INGRESS_GATEWAYS

OPEN = {"allowedListeners": {"namespaces": {"from": "All"}}}
WEB = ResourceId("Ingress", "shop", "web")
USUAL = ResourceId("IngressClass", "", "usual")
EDGE_PARAMETERS = {
    "apiGroup": "gateway.networking.k8s.io", "kind": "Gateway",
    "scope": "Namespace", "namespace": "shop", "name": "edge",
}  # fmt: skip


class Ingresses(World):
    """A world in which Ingresses are lowered first."""

    def __init__(self, *documents: Document) -> None:
        self.lowering = Lowering()
        self.derived: dict[ResourceId, Any] = {}
        self.changed: dict[ResourceId, Any] = {}
        super().__init__(*documents)

    def commit(self, changed: Any) -> Any:
        lowered = self.lowering.commit(changed)
        assert not lowered.failures
        self.gateways = lowered.outputs.get(INGRESS_GATEWAYS, {})
        self.changed = self.lowering.leaves(lowered)
        self.derived |= self.changed
        return super().commit({**changed, **self.changed})

    def names(self, kind: str) -> set[str]:
        return {id.name for id, found in self.derived.items() if id.kind == kind and found is not None}

    def made(self, kind: str, name: str) -> Any:
        return self.derived[ResourceId(kind, "shop", name)]


def path(value: str = "/", service: str = "web", **fields: Any) -> Document:
    return {
        "path": value, "pathType": "Prefix",
        "backend": {"service": {"name": service, "port": {"number": 80}}}, **fields,
    }  # fmt: skip


def rule(host: str, *paths: Document) -> Document:
    named = {"host": host} if host else {}
    return {**named, "http": {"paths": list(paths) or [path()]}}


def ingress(name: str = "web", *rules: Document, metadata: Any = None, **spec: Any) -> Document:
    given = {"ingressClassName": "usual", "rules": list(rules), **spec}
    return document("Ingress", name, spec=given, metadata=metadata or {})


def ingress_class(name: str = "usual", metadata: Any = None, **spec: Any) -> Document:
    given = {"controller": "sekisho.dev/ingress-controller", **spec}
    return document("IngressClass", name, spec=given, metadata=metadata or {})


def edge(*documents: Document, listeners: tuple[Document, ...] = ()) -> Ingresses:
    """A class whose Gateway is `edge`."""
    own = gateway(*(listeners or (http(),)), **OPEN)
    return Ingresses(own, ingress_class(parameters=EDGE_PARAMETERS), service(), *documents)


def test_a_gateway_is_made_for_a_class_while_it_has_ingresses() -> None:
    world = Ingresses(ingress_class(), service())
    assert world.gateways == {}
    world.apply(ingress("web", rule("a.test")))
    made = world.gateways[USUAL]
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("sekisho-system", "ingress-usual")
    assert made["metadata"]["ownerReferences"][0]["name"] == "usual"
    assert leaves([made])  # the API takes it
    world.apply(ingress("second", rule("b.test")))
    assert world.gateways == {}, "one Gateway for all Ingresses of a class"
    world.remove(WEB, ResourceId("Ingress", "shop", "second"))
    assert world.gateways == {USUAL: None}


def test_no_gateway_is_made_where_the_class_names_one() -> None:
    world = edge(ingress("web", rule("a.test")))
    assert world.gateways == {}
    assert world.host("a.test") is not None


def test_nothing_is_served_of_classes_that_are_not_ours_or_have_unknown_parameters() -> None:
    foreign = ingress_class("foreign", controller="example.com/x")
    strange = ingress_class("strange", parameters={"kind": "ConfigMap", "name": "x"})
    world = edge(foreign, strange)
    for name in ("foreign", "strange", "absent"):
        world.apply(ingress("web", rule("a.test"), ingressClassName=name))
        assert world.derived == {}
        assert world.status(WEB) is None


def test_the_old_annotation_names_a_class_where_the_field_does_not() -> None:
    old = ingress("web", rule("a.test"), metadata={"annotations": {"kubernetes.io/ingress.class": "usual"}})
    del old["spec"]["ingressClassName"]
    assert edge(old).host("a.test") is not None


def test_each_host_is_a_route_of_its_own_and_marked_as_derived() -> None:
    world = edge(ingress("web", rule("a.test"), rule(""), rule("a.test", path("/b"))))
    assert world.names("HTTPRoute") == {"ingress~web~a.test", "ingress~web~*"}
    assert all(map(is_derived, world.derived))
    route: HTTPRoute = world.made("HTTPRoute", "ingress~web~a.test")
    assert [one.matches[0].path.value for one in route.spec.rules] == ["/", "/b"]


def test_of_two_ingresses_with_one_path_the_older_has_it_and_a_default_comes_last() -> None:
    def aged(name: str, year: str, **spec: Any) -> Document:
        return ingress(name, rule(""), metadata={"creationTimestamp": f"{year}-01-01T00:00:00Z"}, **spec)

    backend = {"service": {"name": "web", "port": {"number": 80}}}
    oldest = aged("c", "2020")
    oldest["spec"] = {"ingressClassName": "usual", "defaultBackend": backend}
    world = edge(aged("a", "2024"), aged("b", "2023"), oldest)
    names = [name.split("/")[1] for name in world.routes("*")]
    assert names == ["ingress~b~*", "ingress~a~*", "ingress~c~*~default"]


def test_a_port_is_found_by_name_and_followed_when_it_moves() -> None:
    named = path(backend={"service": {"name": "web", "port": {"name": "http"}}})
    world = edge(ingress("web", rule("a.test", named)), service("web", {"name": "http", "port": 8000}))
    assert world.forward("a.test").shares[0].cluster == "shop/web/8000"
    world.apply(service("web", {"name": "http", "port": 9000}))
    assert world.forward("a.test").shares[0].cluster == "shop/web/9000"


def test_a_secret_makes_a_listener_that_all_ingresses_of_the_host_share() -> None:
    tls = [{"hosts": ["a.test"], "secretName": "cert"}]
    world = edge(tls_secret("cert", "a.test"), ingress("web", rule("a.test"), tls=tls))
    assert world.names("ListenerSet") == {"ingress~shop~edge~a.test"}
    world.apply(ingress("other", rule("a.test", path("/b"))), ingress("third", rule("", path("/c"))))
    paths = [name.split("/")[1] for name in world.routes("a.test", "443/https")]
    assert paths == ["ingress~other~a.test", "ingress~web~a.test", "ingress~third~*"]
    plain = [name.split("/")[1] for name in world.routes("a.test")]
    assert plain == ["ingress~other~a.test", "ingress~web~a.test~to-https", "ingress~third~*"]


def test_plain_text_is_served_beside_https_where_the_author_says_so() -> None:
    tls = [{"hosts": ["a.test"], "secretName": "cert"}]
    metadata = {"annotations": {"sekisho.dev/ssl-redirect": "false"}}
    world = edge(tls_secret("cert", "a.test"), ingress("web", rule("a.test"), tls=tls, metadata=metadata))
    assert world.routes("a.test") == ["shop/ingress~web~a.test/0/0"]


def test_the_oldest_ingress_decides_the_certificate_of_a_host_and_the_next_after_it() -> None:
    def with_secret(name: str, year: str) -> Document:
        tls = [{"hosts": ["a.test"], "secretName": f"of-{name}"}]
        metadata = {"creationTimestamp": f"{year}-01-01T00:00:00Z"}
        return ingress(name, rule("a.test"), tls=tls, metadata=metadata)

    def secret(world: Ingresses) -> str:
        found = world.made("ListenerSet", "ingress~shop~edge~a.test")
        return str(found.spec.listeners[0].tls.certificate_refs[0].name)

    world = edge(with_secret("a", "2024"), with_secret("b", "2023"))
    assert secret(world) == "of-b"
    world.remove(ResourceId("Ingress", "shop", "b"))
    assert secret(world) == "of-a"
    world.remove(ResourceId("Ingress", "shop", "a"))
    assert world.names("ListenerSet") == world.names("HTTPRoute") == set()


def test_https_is_where_the_gateway_has_it_already_or_the_class_says() -> None:
    tls = [{"hosts": ["a.test"], "secretName": "cert"}]
    own = https("own", 8443, hostname="own.test")
    world = edge(
        tls_secret("cert", "a.test"), ingress("web", rule("a.test"), tls=tls), listeners=(http(), own)
    )
    assert world.host("a.test", "8443/https") is not None
    annotated = {"annotations": {"sekisho.dev/https-port": "9443"}}
    world.apply(ingress_class(metadata=annotated, parameters=EDGE_PARAMETERS))
    assert world.host("a.test", "9443/https") is not None
    assert world.host("a.test", "8443/https") is None


def test_routes_of_hosts_without_certificate_are_at_the_gateways_own_https_too() -> None:
    own = https("own", 8443, hostname="*.own.test", secret="cert")
    world = edge(
        tls_secret("cert", "*.own.test"), ingress("web", rule("a.own.test")), listeners=(http(), own)
    )
    assert world.host("a.own.test") is not None
    assert world.host("a.own.test", "8443/https") is not None


def test_the_status_has_the_addresses_and_says_what_is_wrong_at_which_port() -> None:
    tls = [{"hosts": ["a.test"], "secretName": "cert"}]
    world = edge(tls_secret("cert", "a.test"), ingress("web", rule("a.test"), tls=tls))
    good = {"ip": "127.0.0.1", "ports": [{"port": 8080, "protocol": "TCP"}, {"port": 443, "protocol": "TCP"}]}
    assert world.status(WEB) == {"loadBalancer": {"ingress": [good]}}
    world.remove(ResourceId("Secret", "shop", "cert"))
    plain, secured = world.status(WEB)["loadBalancer"]["ingress"][0]["ports"]
    assert "error" not in plain
    assert secured["error"] == "InvalidCertificateRef"
    world.remove(ResourceId("Service", "shop", "web"))
    plain, secured = world.status(WEB)["loadBalancer"]["ingress"][0]["ports"]
    assert (plain["error"], secured["error"]) == ("BackendNotFound", "InvalidCertificateRef")


def test_the_status_has_no_address_before_there_is_a_gateway_or_where_it_lets_no_certificate_in() -> None:
    tls = [{"hosts": ["a.test"], "secretName": "cert"}]
    world = Ingresses(
        ingress_class(parameters=EDGE_PARAMETERS), service(), ingress("web", rule("a.test"), tls=tls)
    )
    assert world.status(WEB) == {"loadBalancer": {}}
    world.apply(gateway(http()))
    *_, secured = world.status(WEB)["loadBalancer"]["ingress"][0]["ports"]
    assert secured["error"] == "NotAllowed"


def test_an_edit_of_one_ingress_changes_its_own_routes_only() -> None:
    others = [ingress(f"other-{index}", rule(f"{index}.test")) for index in range(20)]
    world = edge(ingress("web", rule("a.test")), *others)
    world.apply(ingress("web", rule("a.test", path("/b"))))
    assert set(world.changed) == {ResourceId("HTTPRoute", "shop", "ingress~web~a.test")}
    world.apply(ingress("web", rule("a.test", path("/b"))))
    assert world.changed == {}
