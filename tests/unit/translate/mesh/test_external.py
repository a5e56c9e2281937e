"""ExternalServices: an address and a name inside, verified TLS outside, or nothing at all."""

import base64
from typing import Any

import pytest
from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.mesh.mesh import Mesh, application, member
from tests.unit.translate.world import Document, document, gateway, http_route, of_type, rule

from sekisho import ir
from sekisho.ir.transport import ServerTls
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip
from sekisho.translate.gateway.routes import plan
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_status import policy_status
from sekisho.translate.outputs import AUTHORITIES, CLIENT_CERTIFICATES, CLUSTERS, ENDPOINTS, OUTBOUNDS

BANK = ResourceId("ExternalService", "shop", "bank")
TO = Destination("ExternalService", "shop", "bank", 443)


def bank(**verification: Any) -> Document:
    """TLS is spoken where anything is said about it."""
    endpoints = [
        {"address": "api.bank.example", "port": 8443},
        {"address": "backup.bank.example", "port": 443, "priority": 1},
    ]
    tls = {"tls": {"enabled": True, "verification": verification}} if verification else {}
    match = {"port": 443, "protocol": "http"}
    return document("ExternalService", "bank", spec={"match": match, "endpoints": endpoints, **tls})


def found_with(*documents: Document) -> Mesh:
    found = Mesh(member("web-1", "web"), *documents)
    found.commit({AssignedVip.of(BANK): "242.0.128.1"})
    return found


def transport(found: Mesh) -> ServerTls | None:
    cluster = found.cluster("web-1", TO)
    assert cluster is not None
    assert not isinstance(cluster.transport, ir.MeshTransport)
    return cluster.transport


def test_it_is_called_at_its_address_and_by_its_name() -> None:
    found = found_with(bank())
    outbound = found.engine.value(OUTBOUNDS, (found.world("web-1").profile, TO))
    assert outbound.addresses == ("242.0.128.1", "fd5e:6b69:7368:6f::f200:8001")
    assert found.hostnames("web-1") == {"bank.shop.extsvc.mesh.local": outbound.addresses}
    cluster = found.cluster("web-1", TO)
    assert cluster is not None
    assert cluster.hosts == (("api.bank.example", 8443, 0), ("backup.bank.example", 443, 1))


def test_without_tls_bytes_go_out_as_they_are() -> None:
    assert transport(found_with(bank())) is None


def test_the_server_is_verified_by_the_name_of_its_endpoint() -> None:
    tls = transport(found_with(bank(mode="Secured")))
    assert tls is not None
    assert (tls.server_name, tls.verify, tls.authorities) == ("api.bank.example", "all", "")


def test_what_is_not_verified_was_asked_for_by_name() -> None:
    tls = transport(found_with(bank(mode="SkipSAN")))
    assert tls is not None
    assert tls.verify == "no-names"


def test_other_names_may_be_expected() -> None:
    tls = transport(found_with(bank(subjectAltNames=[{"type": "Prefix", "value": "spiffe://x/"}])))
    assert tls is not None
    assert tls.alternative_names == (("uri", "prefix", "spiffe://x/"),)


def authority(pem: bytes) -> Document:
    data = {"ca.crt": base64.b64encode(pem).decode()}
    return document("Secret", "ca", type="Opaque", data=data)


def test_authorities_and_certificates_come_along() -> None:
    pair = tls_secret("cert", "client.example.com")
    pem = base64.b64decode(pair["data"]["tls.crt"])
    found = found_with(
        bank(caCertificateRef={"name": "ca"}, clientCertificateRef={"name": "cert"}), authority(pem), pair
    )
    tls = transport(found)
    assert tls is not None
    assert (tls.authorities, tls.certificate) == ("authorities/Secret/shop/ca", "client/secret/shop/cert")
    world = found.world("web-1")
    assert found.engine.value(AUTHORITIES, (world, tls.authorities)).authorities == pem
    assert found.engine.value(CLIENT_CERTIFICATES, (world, tls.certificate)).key


@pytest.mark.parametrize(
    ("tls", "extra"),
    [
        ({"caCertificateRef": {"name": "ca"}}, []),
        ({"caCertificateRef": {"name": "ca"}}, [authority(b"nonsense")]),
        ({"clientCertificateRef": {"name": "cert"}}, []),
    ],
    ids=["no authority", "no certificate in it", "no client certificate"],
)
def test_what_cannot_be_verified_or_shown_closes_the_way(tls: Document, extra: list[Document]) -> None:
    found = found_with(bank(**tls), *extra)
    assert found.cluster("web-1", TO) is None
    assert of_type(found.status(BANK)["conditions"], "ResolvedRefs") == ("False", "InvalidReference")


def test_its_status_has_its_address_and_names() -> None:
    status = found_with(bank()).status(BANK)
    assert status["vip"] == {"ip": "242.0.128.1"}
    assert status["addresses"] == [{"hostname": "bank.shop.extsvc.mesh.local"}]
    assert of_type(status["conditions"], "Accepted") == ("True", "Accepted")


def test_while_no_address_is_free_it_cannot_be_called() -> None:
    found = Mesh(member("web-1", "web"), bank())
    assert found.engine.value(OUTBOUNDS, (found.world("web-1").profile, TO)) is None
    assert of_type(found.status(BANK)["conditions"], "Accepted") == ("False", "AddressNotAvailable")


def asking(name: str) -> Document:
    default = {"interval": "1s", "http": {}}
    to = [{"targetRef": {"kind": "ExternalService", "name": name}, "default": default}]
    return document("HealthCheck", "checks", spec={"to": to})


@pytest.mark.parametrize(
    ("verification", "asked"), [({}, False), ({"mode": "SkipCA"}, False), ({"mode": "Secured"}, True)]
)
def test_who_may_be_anybody_is_not_asked_and_the_policy_says_so(verification: Document, asked: bool) -> None:
    found = found_with(bank(**verification), asking("bank"))
    cluster = found.cluster("web-1", TO)
    assert cluster is not None
    assert bool(cluster.health_checks) == asked
    conditions = policy_status(found.engine.read, ResourceId("HealthCheck", "shop", "checks"))["conditions"]
    assert ("ChecksIncomplete" in {one["type"] for one in conditions}) != asked


def test_a_health_check_of_others_says_nothing_about_it() -> None:
    found = found_with(bank(), asking("broker"))
    conditions = policy_status(found.engine.read, ResourceId("HealthCheck", "shop", "checks"))["conditions"]
    assert "ChecksIncomplete" not in {one["type"] for one in conditions}


def edge(**fields: Any) -> list[Document]:
    """A Gateway whose route leads to the bank."""
    reference = {"group": "sekisho.dev", "kind": "ExternalService", "name": "bank", **fields}
    return [gateway(), http_route("r", rule(reference))]


def resolved(found: Mesh) -> tuple[str, str]:
    (parent,) = found.status(ResourceId("HTTPRoute", "shop", "r"))["parents"]
    return of_type(parent["conditions"], "ResolvedRefs")


def test_routes_of_gateways_lead_there_verified_and_with_its_own_host_name() -> None:
    pair = tls_secret("cert", "client.example.com")
    pem = base64.b64decode(pair["data"]["tls.crt"])
    verification = {"caCertificateRef": {"name": "ca"}, "clientCertificateRef": {"name": "cert"}}
    found = found_with(bank(**verification), authority(pem), pair, *edge())
    key = (ResourceId("Gateway", "shop", "edge"), "external/shop/bank/443")
    cluster: ir.Cluster = found.engine.value(CLUSTERS, key)
    assert isinstance(cluster.transport, ServerTls)
    assert found.engine.value(AUTHORITIES, (key[0], cluster.transport.authorities)).authorities == pem
    assert found.engine.value(CLIENT_CERTIFICATES, (key[0], cluster.transport.certificate)).key
    assert found.engine.value(ENDPOINTS, key) is None
    assert resolved(found) == ("True", "ResolvedRefs")
    (entry,) = plan(found.engine.read, ResourceId("HTTPRoute", "shop", "r")).entries
    assert isinstance(entry.route.action, ir.Forward)
    assert entry.route.action.host_of_server
    found.remove(ResourceId("Secret", "shop", "ca"))
    assert found.engine.value(CLUSTERS, key) is None, "closed, and not unverified"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"port": 443}, "ResolvedRefs"),
        ({"port": 80}, "BackendNotFound"),
        ({"name": "nobody"}, "BackendNotFound"),
        ({"namespace": "vault"}, "RefNotPermitted"),
    ],
)
def test_what_a_route_names_must_be_there_and_permitted(fields: Document, reason: str) -> None:
    assert resolved(found_with(bank(), *edge(**fields)))[1] == reason


def test_where_no_http_is_spoken_no_request_is_sent() -> None:
    raw = bank()
    raw["spec"]["match"]["protocol"] = "tls"
    assert resolved(found_with(raw, *edge())) == ("False", "UnsupportedProtocol")


def test_routes_of_services_lead_there_too_and_bring_what_it_is_verified_by() -> None:
    pair = tls_secret("cert", "client.example.com")
    pem = base64.b64decode(pair["data"]["tls.crt"])
    reference = {"group": "sekisho.dev", "kind": "ExternalService", "name": "bank"}
    parents = [{"group": "", "kind": "Service", "name": "web"}]
    reachable = {"capture": "Redirect", "reachable": [{"kind": "Service", "name": "web"}]}
    found = found_with(
        bank(caCertificateRef={"name": "ca"}), authority(pem),
        application("web", "241.0.0.1"), http_route("r", rule(reference), parents=parents),
        member("few-1", "few", "10.0.0.5", sidecar=reachable),
    )  # fmt: skip
    assert found.members("few-1").backends == {TO}
    world = found.world("few-1")
    assert found.engine.value(AUTHORITIES, (world, "authorities/Secret/shop/ca")).authorities == pem
    assert resolved(found) == ("True", "ResolvedRefs")


def test_the_key_it_is_shown_with_goes_to_workloads_of_its_namespace_alone() -> None:
    """Any sidecar of the mesh would hold it, else, and whoever breaks into one of their hosts."""
    away = member("web-2", "web", "10.0.0.9", namespace="elsewhere")
    found = found_with(bank(clientCertificateRef={"name": "cert"}), tls_secret("cert", "shop"), away)
    holders = {key[0] for key in found.values(CLIENT_CERTIFICATES)}
    assert holders == {found.world("web-1")}
    assert (found.sees("web-1"), found.sees("web-2", "elsewhere")) == ({"bank"}, set())
    found.apply(bank())
    assert found.sees("web-2", "elsewhere") == {"bank"}
