"""BackendTLSPolicies: which ports are spoken to by TLS, whom a Gateway believes there, and what closes."""

from typing import Any

import pytest
from tests.unit.translate.certificates import key_pair
from tests.unit.translate.world import EDGE, World, document, gateway, http_route, of_type, rule, service
from tests.unit.translate.world import backend as backend_ref

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import AUTHORITIES, STATUSES

POLICY = ResourceId("BackendTLSPolicy", "shop", "p")
BUNDLE = "authorities/BackendTLSPolicy/shop/p"
AUTHORITY = {"group": "", "kind": "ConfigMap", "name": "ca"}
PORTS = ({"port": 80, "name": "http"}, {"port": 443, "name": "https", "appProtocol": "kubernetes.io/h2c"})
LATER = {"creationTimestamp": "2026-01-02T00:00:00Z"}


def policy(name: str = "p", section: str = "", metadata: Any = None, **validation: Any) -> dict[str, Any]:
    target = {"group": "", "kind": "Service", "name": "web"} | ({"sectionName": section} if section else {})
    wanted = {"hostname": "web.internal", "caCertificateRefs": [AUTHORITY], **validation}
    spec = {"targetRefs": [target], "validation": wanted}
    return document("BackendTLSPolicy", name, metadata=metadata or {}, spec=spec)


def authorities(name: str = "ca", text: str = "") -> dict[str, Any]:
    return document("ConfigMap", name, data={"ca.crt": text or key_pair("ca.example.com")[0].decode()})


def world(*documents: Any) -> World:
    routes = http_route("r", rule(backend_ref(port=80)), rule(backend_ref(port=443), path="/b"))
    return World(gateway(), service("web", *PORTS), routes, authorities(), *documents)


def transport(found: World, port: int = 80) -> Any:
    return found.clusters()[f"shop/web/{port}"].transport


def said(found: World, type_: str, name: str = "p") -> tuple[str, str]:
    (ancestor,) = found.engine.value(STATUSES, POLICY._replace(name=name))["ancestors"]
    assert ancestor["ancestorRef"]["name"] == "edge"
    return of_type(ancestor["conditions"], type_)


def test_a_service_with_a_policy_is_spoken_to_by_tls() -> None:
    found = world(policy())
    assert transport(found) == ir.ServerTls(
        server_name="web.internal", authorities=BUNDLE, alpn=("http/1.1",)
    )
    assert transport(found, 443).alpn == ("h2",)
    assert found.engine.value(AUTHORITIES, (EDGE, BUNDLE)).authorities
    assert said(found, "Accepted") == ("True", "Accepted")
    assert said(found, "ResolvedRefs") == ("True", "ResolvedRefs")


def test_without_a_policy_there_is_no_tls() -> None:
    found = world(policy())
    found.remove(POLICY)
    assert transport(found) is None
    assert not found.values(AUTHORITIES)


def test_a_policy_for_one_port_counts_before_one_for_all() -> None:
    found = world(policy(), policy("one", "https", hostname="one.internal", metadata=LATER))
    assert (transport(found).server_name, transport(found, 443).server_name) == (
        "web.internal",
        "one.internal",
    )
    assert said(found, "Accepted", "one") == ("True", "Accepted")


def test_of_two_for_the_same_the_oldest_wins_and_the_other_is_told() -> None:
    found = world(policy(), policy("late", hostname="late.internal", metadata=LATER))
    assert transport(found).server_name == "web.internal"
    assert said(found, "Accepted", "late") == ("False", "Conflicted")
    found.remove(POLICY)
    assert transport(found).server_name == "late.internal"
    assert said(found, "Accepted", "late") == ("True", "Accepted")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ({"group": "", "kind": "ConfigMap", "name": "gone"}, "InvalidCACertificateRef"),
        ({"group": "", "kind": "ConfigMap", "name": "odd"}, "InvalidCACertificateRef"),
        ({"group": "", "kind": "Secret", "name": "ca"}, "InvalidKind"),
    ],
)
def test_with_nobody_to_believe_nothing_goes_there(reference: Any, reason: str) -> None:
    found = world(policy(caCertificateRefs=[reference]), authorities("odd", "no certificate"))
    assert "shop/web/80" not in found.clusters(), "a route to a cluster that is not there answers 503"
    assert said(found, "Accepted") == ("False", "NoValidCACertificate")
    assert said(found, "ResolvedRefs") == ("False", reason)


def test_good_authorities_are_believed_beside_bad_ones() -> None:
    gone = AUTHORITY | {"name": "gone"}
    found = world(policy(caCertificateRefs=[gone, AUTHORITY]))
    assert transport(found).authorities == BUNDLE
    assert said(found, "Accepted") == ("True", "Accepted")
    assert said(found, "ResolvedRefs") == ("False", "InvalidCACertificateRef")


def test_new_authorities_take_effect() -> None:
    found = world(policy())
    before = found.engine.value(AUTHORITIES, (EDGE, BUNDLE))
    found.apply(authorities(text=key_pair("other.example.com")[0].decode()))
    assert found.engine.value(AUTHORITIES, (EDGE, BUNDLE)) != before
    found.remove(ResourceId("ConfigMap", "shop", "ca"))
    assert found.clusters() == {}


def test_listed_names_take_the_place_of_the_hostname() -> None:
    names = [{"type": "Hostname", "hostname": "a.b"}, {"type": "URI", "uri": "spiffe://a/b"}]
    found = transport(world(policy(subjectAltNames=names)))
    assert found.server_name == "web.internal"
    assert found.alternative_names == (("dns", "exact", "a.b"), ("uri", "exact", "spiffe://a/b"))


def test_the_authorities_of_the_host_can_be_believed() -> None:
    wanted = {"caCertificateRefs": [], "wellKnownCACertificates": "System"}
    assert transport(world(policy(**wanted))).authorities == ""
    wanted["wellKnownCACertificates"] = "example.com/ours"
    found = world(policy(**wanted))
    assert found.clusters() == {}
    assert said(found, "Accepted") == ("False", "Invalid")


def test_a_gateway_that_does_not_go_there_is_no_ancestor() -> None:
    found = World(gateway(), service("web", *PORTS), authorities(), policy())
    assert found.engine.value(STATUSES, POLICY) == {"ancestors": []}


@pytest.mark.parametrize("application", ["https", "HTTPS", "kubernetes.io/wss"])
def test_a_port_that_speaks_tls_is_a_backend_once_a_policy_says_whom_to_believe(application: str) -> None:
    port = {"port": 80, "name": "http", "appProtocol": application}
    found = World(gateway(), service("web", port), http_route("r"), authorities())
    assert found.parent_condition("r", "ResolvedRefs") == ("False", "UnsupportedProtocol")
    found.apply(policy())
    assert found.parent_condition("r", "ResolvedRefs") == ("True", "ResolvedRefs")
    assert transport(found).server_name == "web.internal"
    found.remove(POLICY)
    assert found.clusters() == {}
