"""What the agent beside a workload may do to the Workload it runs, and to others."""

from typing import Any

import pytest

from sekisho.api.authentication import User
from sekisho.api.authorization import overreach, owns

from .harness import ROUTES, Api

WORKLOADS = "/apis/sekisho.dev/v1alpha1/namespaces/default/workloads"
OWN = f"{WORKLOADS}/cart-1"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


MINE = {"manager": "me", "operation": "Update", "apiVersion": "sekisho.dev/v1alpha1",
        "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:address": {}}}}  # fmt: skip


def workload(name: str = "cart-1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "sekisho.dev/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "cart"}},
        "spec": {"address": "10.0.0.1", "serviceAccountName": "cart", "ports": [{"port": 80}], **spec},
    }


@pytest.fixture
async def registered(api: Api) -> Api:
    """With two Workloads; the user `proxy` speaks for the first."""
    for name in ("cart-1", "cart-2"):
        await api.ok("POST", WORKLOADS, workload(name))
    return api


async def test_it_reports_address_readiness_and_conditions_of_its_own(registered: Api) -> None:
    patch = {"spec": {"address": "10.0.0.9", "ready": False}}
    changed = await registered.ok("PATCH", OWN, patch, user="proxy", content_type=MERGE)
    assert changed["spec"]["address"] == "10.0.0.9"
    conditions = [{"type": "Ready", "status": "True", "reason": "ProbeSucceeded", "message": "",
                   "lastTransitionTime": "2026-01-01T00:00:00Z"}]  # fmt: skip
    status = {"status": {"conditions": conditions}}
    told = await registered.ok("PATCH", f"{OWN}/status", status, user="proxy", content_type=MERGE)
    assert told["status"]["conditions"] == conditions
    assert (await registered.ok("GET", OWN, user="proxy"))["spec"]["ready"] is False


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"spec": {"serviceAccountName": "admin"}}, "spec.serviceAccountName"),
        ({"spec": {"serviceAccountName": None}}, "spec.serviceAccountName"),
        ({"spec": {"ports": [{"port": 22}]}}, "spec.ports"),
        ({"spec": {"address": "10.0.0.9", "weight": 1000}}, "spec.weight"),
        ({"spec": None}, "spec.address"),
        ({"metadata": {"labels": {"app": "payment"}}}, "metadata.labels"),
        ({"metadata": {"annotations": {"a": "b"}}}, "metadata.annotations"),
        ({"metadata": {"finalizers": ["x/y"]}}, "metadata.finalizers"),
        ({"metadata": {"managedFields": [MINE]}}, "metadata.managedFields"),
    ],
)
async def test_it_cannot_change_who_its_workload_is(
    registered: Api, patch: dict[str, Any], field: str
) -> None:
    before = await registered.ok("GET", OWN)
    status = await registered.refused(403, "PATCH", OWN, patch, user="proxy", content_type=MERGE)
    if field != "spec.address":
        assert field in status["message"]
    applied = workload() | {"metadata": {"labels": {"app": "payment"}}}
    await registered.refused(
        403, "PATCH", f"{OWN}?fieldManager=a&force=1", applied, user="proxy", content_type=APPLY
    )
    assert await registered.ok("GET", OWN) == before


READY = {"type": "Ready", "status": "True", "reason": "ProbeSucceeded", "message": "",
         "lastTransitionTime": "2026-01-01T00:00:00Z"}  # fmt: skip
ACCEPTED = READY | {"type": "Accepted"}


@pytest.mark.parametrize(
    "status",
    [{"spiffeID": "spiffe://d/ns/a/sa/root"}, {"conditions": [READY, ACCEPTED]}, {"conditions": [3]}],
)
async def test_of_its_status_it_says_no_more_than_whether_it_is_ready(registered: Api, status: Any) -> None:
    before = await registered.ok("GET", OWN)
    await registered.refused(
        403, "PATCH", f"{OWN}/status", {"status": status}, user="proxy", content_type=MERGE
    )
    assert await registered.ok("GET", OWN) == before


async def test_what_others_say_in_its_status_stays(registered: Api) -> None:
    said = {"spiffeID": "spiffe://d/ns/default/sa/cart", "conditions": [ACCEPTED]}
    await registered.ok("PATCH", f"{OWN}/status", {"status": said}, content_type=MERGE)
    path, both = f"{OWN}/status", {"status": {"conditions": [ACCEPTED, READY]}}
    told = await registered.ok("PATCH", path, both, user="proxy", content_type=MERGE)
    assert told["status"] == said | {"conditions": [ACCEPTED, READY]}
    alone = {"status": {"conditions": [READY]}}
    await registered.refused(403, "PATCH", path, alone, user="proxy", content_type=MERGE)


async def test_a_status_write_changes_neither_labels_nor_owners_of_fields(registered: Api) -> None:
    before = await registered.ok("GET", OWN)
    hidden = {"metadata": {"labels": {"app": "payment"}, "managedFields": [MINE]}, "status": {}}
    await registered.ok("PATCH", f"{OWN}/status", hidden, user="proxy", content_type=MERGE)
    after = await registered.ok("GET", OWN)
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["metadata"].get("managedFields") == before["metadata"].get("managedFields")


@pytest.mark.parametrize("suffix", ["", "/status"])
async def test_it_does_nothing_to_another_workload(registered: Api, suffix: str) -> None:
    other = f"{WORKLOADS}/cart-2{suffix}"
    await registered.refused(403, "GET", other, user="proxy")
    await registered.refused(
        403, "PATCH", other, {"spec": {"ready": False}}, user="proxy", content_type=MERGE
    )
    await registered.refused(403, "PUT", other, workload("cart-2"), user="proxy")


async def test_it_registers_nobody_and_removes_nobody(registered: Api) -> None:
    await registered.refused(403, "POST", WORKLOADS, workload("cart-3"), user="proxy")
    await registered.refused(403, "DELETE", OWN, user="proxy")
    await registered.refused(403, "DELETE", WORKLOADS, user="proxy")
    await registered.ok("DELETE", OWN)
    path = f"{OWN}?fieldManager=a"
    status = await registered.refused(403, "PATCH", path, workload(), user="proxy", content_type=APPLY)
    assert "registered by an administrator" in status["message"]


async def test_it_reads_nothing_else(registered: Api) -> None:
    for path in (WORKLOADS, f"{WORKLOADS}?watch=1", f"{OWN}?watch=1", ROUTES, "/api/v1/secrets", "/metrics"):
        await registered.refused(403, "GET", path, user="proxy")


def test_a_collection_is_nobodys_own() -> None:
    everybody = User("host", frozenset({"agent"}), ("*",))
    assert owns(everybody, "Workload", "default", "cart-1")
    assert not owns(everybody, "Workload", "default", "")


def test_the_agent_of_all_proxies_cannot_change_identities_either() -> None:
    host = User("host", frozenset({"agent"}), ("*",))
    assert "serviceAccountName" in overreach(
        host, "Workload", workload(serviceAccountName="root"), workload()
    )
    assert overreach(host, "Gateway", {}, None) == ""
    assert overreach(User("ada", frozenset({"admin"})), "Workload", workload(), None) == ""
