"""What a zone shows to others: records of its Services, of its ways in and of its authorities."""

from typing import Any

import pytest
from tests.kit.pki import TestAuthority
from tests.unit.translate.mesh.mesh import Mesh, application, member, mesh
from tests.unit.translate.world import document, endpoint_slice, gateway, gateway_class, namespace, workload
from tests.unit.translate.zone.zones import zone_ingress_gateway

from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Authority, AuthorityState, Readiness, Settings, SettingsKey
from sekisho.translate.outputs import RECORDS
from sekisho.translate.zone.records import UNTOLD

CATALOG = ResourceId("ZoneService", "shop", "catalog.gcp")
INGRESS = ResourceId("ZoneIngress", "shop", "ingress.gcp")
TRUST = ResourceId("MeshTrust", "sekisho-system", "default.gcp")


def gcp(*documents: Any, linked: bool = True) -> Mesh:
    """Zone `gcp` with application `catalog` and two instances of it."""
    world = Mesh(
        application("catalog", "241.0.0.1"),
        member("catalog-1", "catalog", "10.0.0.1"), member("catalog-2", "catalog", "10.0.0.2"),
        gateway_class("sekisho-zone-ingress"),
        *documents,
    )  # fmt: skip
    world.commit({SettingsKey(): Settings(zone="gcp", linked=linked)})
    return world


def records(world: Mesh) -> dict[ResourceId, Any]:
    """All of them; each is one that the API would take."""
    found = world.values(RECORDS)
    for record, wanted in found.items():
        if wanted != UNTOLD:
            assert check(record.kind, wanted).resource.id == record
    return found


def service_records(world: Mesh) -> set[str]:
    return {record.name for record in records(world) if record.kind == "ZoneService"}


def test_a_service_whose_instances_have_sidecars_is_shown() -> None:
    found = records(gcp())[CATALOG]
    assert found["spec"] == {
        "zone": "gcp",
        "mesh": "default",
        "service": "catalog",
        "ports": [
            {"port": 80, "name": "http", "protocol": "http", "inspected": False, "instances": 2},
        ],
        "identities": ["spiffe://default.gcp.mesh.local/ns/shop/sa/catalog"],
        "headless": False,
    }


def test_labels_go_along_and_ours_say_where_it_is_from() -> None:
    catalog = application("catalog", "241.0.0.1")
    catalog["metadata"]["labels"] = {"team": "blue", "sekisho.dev/other": "x"}
    assert records(gcp(catalog))[CATALOG]["metadata"]["labels"] == {
        "team": "blue",
        "sekisho.dev/origin": "zone",
        "sekisho.dev/zone": "gcp",
        "sekisho.dev/service": "catalog",
    }


def test_nothing_is_kept_where_nobody_reads_it() -> None:
    assert records(gcp(zone_ingress_gateway(), linked=False)) == {}


def test_an_endpoint_that_changes_no_count_changes_no_record() -> None:
    world = gcp()
    changed = world.apply(member("catalog-2", "catalog", "10.0.0.3")).outputs
    assert RECORDS not in changed


@pytest.mark.parametrize("ready", [True, False])
def test_only_ready_instances_count(ready: bool) -> None:
    world = gcp()
    world.commit({Readiness.of(ResourceId("Workload", "shop", "catalog-2")): ready})
    assert records(world)[CATALOG]["spec"]["ports"][0]["instances"] == 1 + ready


def test_without_instances_it_stays_and_is_unavailable() -> None:
    world = gcp()
    world.remove(ResourceId("Workload", "shop", "catalog-1"), ResourceId("Workload", "shop", "catalog-2"))
    assert records(world)[CATALOG]["spec"]["ports"][0]["instances"] == 0


def test_it_goes_with_the_service() -> None:
    world = gcp()
    world.remove(ResourceId("Service", "shop", "catalog"))
    assert service_records(world) == set()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            workload("old", "10.0.0.9", labels={"app": "catalog"}, ports=[{"port": 8080}]), id="plain"
        ),
        pytest.param(endpoint_slice("catalog", "10.0.0.9"), id="slice"),
        pytest.param(namespace("shop", **{"sekisho.dev/export": "false"}), id="namespace"),
        pytest.param(namespace("shop", **{"sekisho.dev/mesh": "none"}), id="mesh"),
    ],
)
def test_what_cannot_be_spoken_to_by_mutual_tls_or_is_kept_back_is_not_shown(other: Any) -> None:
    assert service_records(gcp(other)) == set()


def test_a_service_may_be_shown_out_of_a_namespace_that_is_not() -> None:
    catalog = application("catalog", "241.0.0.1")
    catalog["metadata"]["labels"] = {"sekisho.dev/export": "true"}
    world = gcp(catalog, namespace("shop", **{"sekisho.dev/export": "false"}))
    assert service_records(world) == {"catalog.gcp"}


@pytest.mark.parametrize(
    ("port", "spoken"),
    [
        ({"name": "http"}, "http"),
        ({"name": "grpc"}, "grpc"),
        ({"name": "http2"}, "http2"),
        ({"name": "x", "appProtocol": "kubernetes.io/ws"}, "http"),
        ({"name": "https"}, "tls"),
        ({"name": "x", "appProtocol": "https"}, "tls"),
        ({"name": "tls-admin"}, "tls"),
        ({"name": "postgres"}, "tcp"),
    ],
)
def test_what_is_spoken_is_told(port: dict[str, str], spoken: str) -> None:
    found = records(gcp(application("catalog", "241.0.0.1", port=port)))[CATALOG]
    assert found["spec"]["ports"][0]["protocol"] == spoken


def test_it_is_told_where_http_is_read() -> None:
    found = records(gcp(mesh(inspection="Always")))[CATALOG]
    assert found["spec"]["ports"][0]["inspected"] is True


def test_versions_of_tls_that_are_not_the_usual_one_are_told() -> None:
    """Callers elsewhere would offer the newest alone."""

    def mesh_tls(**default: Any) -> Any:
        return document("MeshTLS", "old", "sekisho-system", spec={"rules": [{"default": default}]})

    cipher = "ECDHE-ECDSA-AES128-GCM-SHA256"
    world = gcp(mesh_tls(tlsVersion={"min": "TLS12", "max": "TLS12"}, tlsCiphers=[cipher]))
    (port,) = records(world)[CATALOG]["spec"]["ports"]
    assert (port["tlsVersion"], port["tlsCiphers"]) == ({"min": "TLS12", "max": "TLS12"}, [cipher])
    world.apply(mesh_tls(mode="Permissive"))
    (port,) = records(world)[CATALOG]["spec"]["ports"]
    assert not {"tlsVersion", "tlsCiphers"} & set(port)


def test_an_ingress_is_told_where_its_sockets_are() -> None:
    found = records(gcp(zone_ingress_gateway(addresses=[{"value": "192.0.2.1"}])))[INGRESS]
    assert found["spec"] == {
        "zone": "gcp", "addresses": [{"address": "192.0.2.1", "port": 15443}], "ready": True
    }  # fmt: skip


def test_an_ingress_behind_nat_says_where_it_is_reached() -> None:
    door = zone_ingress_gateway(addresses=[{"value": "0.0.0.0"}])
    door["metadata"]["annotations"] = {
        "sekisho.dev/advertised-addresses": (
            "203.0.113.7:443, Ingress.gcp.example.com:8443,[2001:db8::7]:443,x:y"
        )
    }
    places = records(gcp(door))[INGRESS]["spec"]["addresses"]
    assert places == [
        {"address": "2001:db8::7", "port": 443},
        {"address": "203.0.113.7", "port": 443},
        {"address": "ingress.gcp.example.com", "port": 8443},
    ]


def test_an_ingress_on_all_addresses_has_none_to_tell() -> None:
    found = records(gcp(zone_ingress_gateway(addresses=[{"value": "0.0.0.0"}])))[INGRESS]
    assert (found["spec"]["addresses"], found["spec"]["ready"]) == ([], False)


def test_other_gateways_are_no_ways_in() -> None:
    assert INGRESS not in records(gcp(gateway(name="ingress")))


def test_public_authorities_are_told_all_that_are_believed() -> None:
    old, new = TestAuthority("old").certificate, TestAuthority("new").certificate
    world = gcp()
    assert records(world)[TRUST] == UNTOLD, "nothing is known, so nothing is taken back"
    bundles = (("default.gcp.mesh.local", old + new),)
    world.commit({Authority.of("default"): AuthorityState(bundles=bundles)})
    assert records(world)[TRUST]["spec"] == {
        "trustDomain": "default.gcp.mesh.local",
        "caBundles": [{"type": "Pem", "pem": {"value": (old + new).decode()}}],
    }


def test_a_trust_domain_of_another_name_has_a_record_of_its_own() -> None:
    identity = document(
        "MeshIdentity", "own", "sekisho-system",
        spec={
            "selector": {"workload": {"matchLabels": {}}},
            "spiffeID": {"trustDomain": "acme.example", "path": "/ns/{{ .Namespace }}"},
        },
    )  # fmt: skip
    world = gcp(identity)
    authority = TestAuthority("acme").certificate
    world.commit({Authority.of("default"): AuthorityState(bundles=(("acme.example", authority),))})
    record = ResourceId("MeshTrust", "sekisho-system", "default.acme.example.gcp")
    assert records(world)[record]["spec"]["trustDomain"] == "acme.example"
