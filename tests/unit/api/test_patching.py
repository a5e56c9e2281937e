"""PATCH: the kinds of patch, on objects and on their status."""

from typing import Any

import pytest

from sekisho.store.protocol import Write

from .harness import ROUTES, SERVICES, Api, config_map, route, service

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        (MERGE, {"spec": {"hostnames": ["b.example.com"]}}),
        (JSON, [{"op": "replace", "path": "/spec/hostnames/0", "value": "b.example.com"}]),
        (STRATEGIC, {"spec": {"hostnames": ["b.example.com"]}}),
    ],
)
async def test_each_kind_of_patch_changes_the_object(api: Api, content_type: str, patch: Any) -> None:
    await api.ok("POST", ROUTES, route())
    patched = await api.ok("PATCH", f"{ROUTES}/cart", patch, content_type=content_type)
    assert patched["spec"]["hostnames"] == ["b.example.com"]
    assert patched["metadata"]["generation"] == 2


async def test_a_strategic_patch_merges_ports_by_number(api: Api) -> None:
    await api.ok("POST", SERVICES, service())
    patch = {"spec": {"ports": [{"port": 81, "name": "admin"}]}}
    patched = await api.ok("PATCH", f"{SERVICES}/cart", patch, content_type=STRATEGIC)
    assert [port["port"] for port in patched["spec"]["ports"]] == [80, 81]


async def test_a_patch_of_the_status_leaves_the_rest_and_the_reverse(api: Api) -> None:
    await api.ok("POST", ROUTES, route())
    patch = {"spec": {"hostnames": []}, "status": {"parents": []}, "metadata": {"labels": {"a": "b"}}}
    on_status = await api.ok("PATCH", f"{ROUTES}/cart/status", patch, content_type=MERGE)
    assert (on_status["status"], on_status["spec"]["hostnames"]) == ({"parents": []}, ["shop.example.com"])
    assert "labels" not in on_status["metadata"]
    on_object = await api.ok("PATCH", f"{ROUTES}/cart", {"status": None}, content_type=MERGE)
    assert on_object["status"] == {"parents": []}


async def test_the_result_of_a_patch_is_validated(api: Api) -> None:
    await api.ok("POST", ROUTES, route())
    status = await api.refused(
        422, "PATCH", f"{ROUTES}/cart", {"spec": {"hostname": "x"}}, content_type=MERGE
    )
    assert status["details"]["causes"][0]["field"] == "spec.hostname"
    await api.refused(422, "PATCH", f"{ROUTES}/cart/status", {"status": 7}, content_type=MERGE)


async def test_a_patch_that_does_not_fit_is_refused(api: Api) -> None:
    await api.ok("POST", ROUTES, route())
    for content_type, patch in (
        (JSON, [{"op": "remove", "path": "/x"}]),
        (STRATEGIC, {"spec": {"$patch": "x"}}),
    ):
        status = await api.refused(422, "PATCH", f"{ROUTES}/cart", patch, content_type=content_type)
        assert "the server rejected our request" in status["message"]
    await api.refused(400, "PATCH", f"{ROUTES}/cart", [1], content_type=MERGE)
    await api.refused(400, "PATCH", f"{ROUTES}/cart", {"metadata": {"name": "other"}}, content_type=MERGE)
    await api.refused(415, "PATCH", f"{ROUTES}/cart", {}, content_type="application/json")
    await api.refused(404, "PATCH", f"{ROUTES}/nowhere", {}, content_type=MERGE)


async def test_a_patch_that_names_an_old_revision_is_a_conflict(api: Api) -> None:
    made = await api.ok("POST", MAPS, config_map())
    revision = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    await api.ok("PATCH", f"{MAPS}/settings", revision | {"data": {"a": "2"}}, content_type=MERGE)
    await api.refused(409, "PATCH", f"{MAPS}/settings", revision | {"data": {"a": "3"}}, content_type=MERGE)


async def test_a_patch_is_done_again_when_somebody_else_was_faster(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer gets in between the read and the write of the first attempt."""
    await api.ok("POST", MAPS, config_map())
    original = api.store.write
    meddled = []

    async def meddling(writes: list[Write]) -> Any:
        if not meddled:
            meddled.append(True)
            await original([Write("update", writes[0].id, config_map() | {"data": {"b": "1"}})])
        return await original(writes)

    monkeypatch.setattr(api.store, "write", meddling)
    patched = await api.ok("PATCH", f"{MAPS}/settings", {"data": {"c": "2"}}, content_type=MERGE)
    assert patched["data"] == {"b": "1", "c": "2"}


async def test_a_writer_that_is_never_fast_enough_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.ok("POST", MAPS, config_map())
    original = api.store.write
    count = 0

    async def meddling(writes: list[Write]) -> Any:
        nonlocal count
        count += 1
        await original([Write("update", writes[0].id, config_map() | {"data": {"b": str(count)}})])
        return await original(writes)

    monkeypatch.setattr(api.store, "write", meddling)
    await api.refused(409, "PATCH", f"{MAPS}/settings", {"data": {"c": "2"}}, content_type=MERGE)
