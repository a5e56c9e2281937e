"""What kubectl shows of the mesh's kinds."""

from typing import Any

import pytest

from sekisho.api.columns import COLUMNS
from sekisho.model.kinds import KINDS, POLICY_KINDS, SEKISHO_GROUP

SIDECAR = {"sidecar": {"capture": "Redirect"}}
PROBED = {"readinessProbe": {"tcpSocket": {"port": 80}}}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
ENDPOINT = {"address": "api.example.com", "port": 443}
MATCH = {"port": 443, "protocol": "http"}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[Any]]] = [
    (
        "Workload",
        {"address": "10.0.0.1", "ports": [{"port": 80}], "serviceAccountName": "cart"},
        {},
        ["10.0.0.1", "80/TCP", "cart", "<none>", "True"],
    ),
    (
        "Workload",
        {"address": "10.0.0.1", "ready": False, **SIDECAR},
        READY,
        ["10.0.0.1", "", "", "Redirect", "False"],
    ),
    (
        "Workload",
        {"address": "10.0.0.1", **SIDECAR, **PROBED},
        {},
        ["10.0.0.1", "", "", "Redirect", "Unknown"],
    ),
    (
        "Workload",
        {"address": "10.0.0.1", **SIDECAR, **PROBED},
        READY,
        ["10.0.0.1", "", "", "Redirect", "True"],
    ),
    ("Mesh", {"inspection": "Auto", "reachable": "Permitted"}, READY, ["Auto", "Permitted", "True"]),
    (
        "MeshIdentity",
        {"provider": {"type": "Spire"}, "spiffeID": {"path": "/{{ .Workload }}"}},
        {},
        ["Spire", "/{{ .Workload }}", ""],
    ),
    ("MeshTrust", {"trustDomain": "a.b", "caBundles": [{}, {}]}, {}, ["a.b", 2]),
    ("MeshTLS", {"rules": [{"default": {"mode": "Permissive"}}]}, {}, ["Mesh", "Permissive"]),
    (
        "ExternalService",
        {"match": MATCH, "endpoints": [ENDPOINT, {**ENDPOINT, "port": 80}]},
        {"vip": {"ip": "242.0.0.1"}, "addresses": [{"hostname": "pay.mesh.local"}]},
        ["pay.mesh.local", "242.0.0.1", "443/http", "api.example.com:443,api.example.com:80"],
    ),
    (
        "HostnameGenerator",
        {"selector": {"service": {"matchLabels": {"app": "a"}}}, "template": "a.b"},
        {"conditions": [{"type": "Generated", "status": "False"}]},
        ["service(app=a)", "a.b", "False"],
    ),
    ("HostnameGenerator", {"selector": {"service": {}}, "template": "a.b"}, {}, ["service", "a.b", ""]),
    (
        "Timeout",
        {
            "targetRef": {"kind": "Workload", "labels": {"app": "a"}, "sectionName": "http"},
            "to": [
                {"targetRef": {"kind": "Service", "namespace": "shop", "name": "cart"}},
                {"targetRef": {"kind": "Mesh"}},
            ],
        },
        {},
        ["Workload(app=a):http", "Service/shop/cart,Mesh"],
    ),
    ("TrafficPermission", {"targetRef": {"kind": "Service", "name": "cart"}}, {}, ["Service/cart", ""]),
]


@pytest.mark.parametrize(("kind", "spec", "status", "cells"), CASES)
def test_what_is_shown_between_name_and_age(
    kind: str, spec: dict[str, Any], status: dict[str, Any], cells: list[Any]
) -> None:
    object_ = {"metadata": {"name": "a"}, "spec": spec, "status": status}
    assert [column.cell(object_) for column in COLUMNS[kind] if not column.priority] == cells


def test_a_shadow_policy_shows_so_with_wide_output() -> None:
    shadow = {"metadata": {"labels": {"sekisho.dev/effect": "shadow"}}, "spec": {}}
    assert [column.cell(shadow) for column in COLUMNS["Retry"] if column.priority] == ["shadow"]


def test_every_kind_of_ours_shows_more_than_its_name() -> None:
    ours = [kind.kind for kind in KINDS.values() if kind.group == SEKISHO_GROUP]
    assert set(POLICY_KINDS) < set(ours)
    assert [kind for kind in ours if not COLUMNS.get(kind)] == []


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_take_an_object_that_says_nothing(kind: str) -> None:
    """What a newer or damaged store holds is still listed."""
    for column in COLUMNS[kind]:
        column.cell({"metadata": {"name": "a"}})
