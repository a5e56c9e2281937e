"""Rules of Zone, ZoneService, ZoneIngress and MultiZoneService, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

import json
from typing import Any

import pytest
from tests.kit.objects import manifest
from tests.unit.model.messages import messages

from sekisho.model.document import check
from sekisho.model.meta import ObjectMeta
from sekisho.model.origin import display_name


def told(kind: str, name: str, spec: dict[str, Any], namespace: str = "shop") -> list[str]:
    return messages(json.dumps(manifest(kind, name, namespace, spec=spec)))


SERVICE: dict[str, Any] = {
    "zone": "gcp",
    "mesh": "default",
    "service": "catalog",
    "ports": [{"port": 80, "protocol": "http", "inspected": True, "instances": 3}],
    "identities": ["spiffe://default.gcp.mesh.local/ns/shop/sa/catalog"],
}


@pytest.mark.parametrize("name", ["gcp", "eu-1"])
def test_a_zone_is_called_like_a_label(name: str) -> None:
    assert told("Zone", name, {}) == []


def test_no_zone_is_called_like_the_global_control_plane_or_has_dots() -> None:
    assert told("Zone", "global", {}) == ["metadata.name: global is the name of the global control plane"]
    (mistake,) = told("Zone", "eu.gcp", {})
    assert mistake.startswith("metadata.name: expected lower-case letters, digits and `-`, starting")


SERVICES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"identities": [], "headless": True}, []),
    ({"zone": "aws"}, ['metadata.name: expected "catalog.aws", found "catalog.gcp" (zones write these themselves)']),
    ({"service": "cart"}, ['metadata.name: expected "cart.gcp", found "catalog.gcp" (zones write these themselves)']),
    ({"zone": "a.b"}, ['spec.zone: expected lower-case letters, digits and `-`, starting and ending with a letter or digit, found "a.b"']),
    ({"ports": []}, ["spec.ports: expected at least 1 item, found 0"]),
    ({"ports": [{"port": 80}, {"port": 80}]}, ["spec.ports[1].port: port must be unique, the same as in spec.ports[0]"]),
    ({"ports": [{"port": 80, "instances": -1}]}, ["spec.ports[0].instances: expected 0 to 1000000, found -1"]),
    ({"identities": ["spiffe://Gcp/a"]}, ["spec.identities[0]: expected a trust domain of lower-case letters, digits, `.`, `-` and `_`"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), SERVICES)
def test_a_zone_service(change: dict[str, Any], expected: list[str]) -> None:
    assert told("ZoneService", "catalog.gcp", SERVICE | change) == expected


INGRESSES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ingress.gcp", {"zone": "gcp", "addresses": [{"address": "203.0.113.7", "port": 443}]}, []),
    ("in.gress.gcp", {"zone": "gcp", "addresses": [{"address": "in.example.com", "port": 443}], "ready": False}, []),
    ("ingress-gcp", {"zone": "gcp"}, ['metadata.name: expected "<gateway>.gcp", found "ingress-gcp" (zones write these themselves)']),
    (
        "ingress.gcp",
        {"zone": "gcp", "addresses": [{"address": "169.254.169.254", "port": 443}]},
        ["spec.addresses[0].address: 169.254.169.254 is link-local, where only the host itself has business"],
    ),
    (
        "ingress.gcp",
        {"zone": "gcp", "addresses": [{"address": "In.Example", "port": 443}]},
        ['spec.addresses[0].address: expected an IP address or a lower-case host name, found "In.Example"'],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spec", "expected"), INGRESSES)
def test_a_zone_ingress(name: str, spec: dict[str, Any], expected: list[str]) -> None:
    assert told("ZoneIngress", name, spec) == expected


LABELS = {"zoneService": {"matchLabels": {"sekisho.dev/service": "catalog"}}}
MULTI: list[tuple[dict[str, Any], list[str]]] = [
    ({"selector": LABELS, "ports": [{"port": 80, "protocol": "http"}]}, []),
    (
        {"selector": {"zoneService": {}}, "ports": [{"port": 80}]},
        ["spec.selector.zoneService.matchLabels: expected at least one label: not every service of a namespace is the same one (such as sekisho.dev/service)"],
    ),
    (
        {"selector": LABELS, "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
        ["spec.ports[1].name: port name must be unique, the same as in spec.ports[0]"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), MULTI)
def test_a_multi_zone_service(spec: dict[str, Any], expected: list[str]) -> None:
    assert told("MultiZoneService", "catalog", spec) == expected


@pytest.mark.parametrize(
    ("name", "labels", "shown"),
    [
        ("catalog.gcp", {"sekisho.dev/origin": "zone", "sekisho.dev/zone": "gcp"}, "catalog"),
        ("catalog.gcp", {"sekisho.dev/origin": "global"}, "catalog.gcp"),
        ("catalog.gcp", {}, "catalog.gcp"),
        ("catalog.gcp", {"sekisho.dev/zone": "gcp"}, "catalog.gcp"),
    ],
)
def test_the_name_where_it_comes_from(name: str, labels: dict[str, str], shown: str) -> None:
    assert display_name(ObjectMeta(name=name, labels=labels)) == shown


def test_what_a_zone_leaves_out_is_filled_in() -> None:
    document = manifest("ZoneService", "catalog.gcp", spec=SERVICE | {"ports": [{"port": 80}]})
    (port,) = check("ZoneService", document).object["spec"]["ports"]
    assert port == {"port": 80, "protocol": "tcp", "inspected": False, "instances": 0}
