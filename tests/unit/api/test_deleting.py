"""The verbs delete and deletecollection."""

from collections.abc import Sequence
from typing import Any

import pytest

from sekisho.api.writing import ATTEMPTS
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Record, Write

from .harness import ROUTES, Api, config_map, route

MAPS = "/api/v1/namespaces/default/configmaps"


def names(listed: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


async def test_a_deletion_answers_with_what_went(api: Api) -> None:
    made = await api.ok("POST", ROUTES, route())
    answer = await api.ok(
        "DELETE", f"{ROUTES}/cart", {"kind": "DeleteOptions", "propagationPolicy": "Background"}
    )
    assert answer["status"] == "Success"
    assert answer["details"] == {
        "name": "cart",
        "group": "gateway.networking.k8s.io",
        "kind": "httproutes",
        "uid": made["metadata"]["uid"],
    }
    await api.refused(404, "DELETE", f"{ROUTES}/cart")


async def test_a_deletion_obeys_its_preconditions(api: Api) -> None:
    made = await api.ok("POST", ROUTES, route())
    await api.refused(409, "DELETE", f"{ROUTES}/cart", {"preconditions": {"uid": "another"}})
    await api.refused(409, "DELETE", f"{ROUTES}/cart", {"preconditions": {"resourceVersion": "1"}})
    await api.refused(409, "DELETE", f"{ROUTES}/cart", {"preconditions": {"uid": ""}})
    await api.refused(409, "DELETE", f"{ROUTES}/cart?uid=another")
    await api.refused(409, "DELETE", f"{ROUTES}/cart?resourceVersion=1")
    await api.ok("DELETE", f"{ROUTES}/cart", {"preconditions": {"uid": made["metadata"]["uid"]}})


async def test_finalizers_hold_an_object_until_they_are_gone(api: Api) -> None:
    await api.ok("POST", ROUTES, route(finalizers=["example.com/hold"]))
    held = await api.ok("DELETE", f"{ROUTES}/cart")
    assert held["kind"] == "HTTPRoute"
    assert held["metadata"]["deletionTimestamp"]
    held["metadata"]["finalizers"] = []
    await api.ok("PUT", f"{ROUTES}/cart", held)
    await api.refused(404, "GET", f"{ROUTES}/cart")


async def test_a_collection_is_deleted_by_selector(api: Api) -> None:
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        await api.ok("POST", MAPS, config_map(name, labels={"app": app}))
    answer = await api.ok("DELETE", f"{MAPS}?labelSelector=app%3Dx")
    assert names(answer) == ["a", "b"]
    assert names(await api.ok("GET", MAPS)) == ["c"]
    await api.refused(405, "DELETE", "/api/v1/configmaps")
    await api.refused(405, "DELETE", "/api/v1/namespaces")


@pytest.mark.parametrize(
    ("asked", "field", "reason"),
    [
        ({"propagationPolicy": "Sideways"}, "propagationPolicy", "FieldValueNotSupported"),
        ({"dryRun": ["All", "Some"]}, "dryRun", "FieldValueNotSupported"),
        (
            {"orphanDependents": True, "propagationPolicy": "Orphan"},
            "orphanDependents",
            "FieldValueForbidden",
        ),
    ],
)
@pytest.mark.parametrize("path", [f"{ROUTES}/cart", ROUTES])
async def test_options_that_are_not_known_delete_nothing(
    api: Api, path: str, asked: dict[str, Any], field: str, reason: str
) -> None:
    await api.ok("POST", ROUTES, route())
    status = await api.refused(422, "DELETE", path, asked)
    (cause,) = status["details"]["causes"]
    assert (cause["field"], cause["reason"]) == (field, reason)
    await api.refused(422, "DELETE", f"{path}?dryRun=Some", {})
    await api.ok("GET", f"{ROUTES}/cart")


@pytest.mark.parametrize(
    "body",
    [[], {"kind": "HTTPRoute"}, {"preconditions": "x"}, {"dryRun": "All"}, {"preconditions": {"uid": 7}}],
)
async def test_what_is_no_delete_options_deletes_nothing(api: Api, body: Any) -> None:
    await api.ok("POST", ROUTES, route())
    await api.refused(400, "DELETE", f"{ROUTES}/cart", body)
    await api.refused(400, "DELETE", ROUTES, body)
    await api.ok("GET", f"{ROUTES}/cart")


@pytest.mark.parametrize("path", [f"{ROUTES}/cart", ROUTES])
async def test_a_dry_run_deletes_nothing_wherever_it_is_asked_for(api: Api, path: str) -> None:
    await api.ok("POST", ROUTES, route())
    await api.ok("DELETE", f"{path}?dryRun=All")
    await api.ok("DELETE", path, {"dryRun": ["All"]})
    await api.ok("DELETE", f"{path}?dryRun=All", {"kind": "DeleteOptions"})
    await api.ok("GET", f"{ROUTES}/cart")


async def test_a_collection_obeys_preconditions_before_anything_goes(api: Api) -> None:
    first = await api.ok("POST", MAPS, config_map("a", labels={"app": "x"}))
    await api.ok("POST", MAPS, config_map("b"))
    its = {"uid": first["metadata"]["uid"], "resourceVersion": first["metadata"]["resourceVersion"]}
    for precondition in ({"uid": its["uid"]}, {"resourceVersion": its["resourceVersion"]}, {"uid": "other"}):
        status = await api.refused(409, "DELETE", MAPS, {"preconditions": precondition})
        assert status["reason"] == "Conflict"
    await api.refused(409, "DELETE", f"{MAPS}?uid={its['uid']}")
    assert names(await api.ok("GET", MAPS)) == ["a", "b"]
    await api.refused(409, "DELETE", MAPS, {"dryRun": ["All"], "preconditions": {"uid": its["uid"]}})
    assert names(await api.ok("DELETE", f"{MAPS}?labelSelector=app", {"preconditions": its})) == ["a"]
    assert names(await api.ok("GET", MAPS)) == ["b"]


async def test_what_is_written_anew_in_between_is_looked_at_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.ok("POST", MAPS, config_map("a"))
    raced = Raced(api, times=1)
    monkeypatch.setattr(api.store, "write", raced.write)
    old = {"preconditions": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    await api.refused(409, "DELETE", MAPS, old)
    assert names(await api.ok("GET", MAPS)) == ["a"], "it is another state by now"
    raced.times = 1
    assert names(await api.ok("DELETE", MAPS, {"preconditions": {"uid": made["metadata"]["uid"]}})) == ["a"]
    assert names(await api.ok("GET", MAPS)) == [], "it is the same object still"


async def test_what_is_written_all_the_time_is_a_conflict_at_last(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.ok("POST", MAPS, config_map("a"))
    monkeypatch.setattr(api.store, "write", Raced(api, times=ATTEMPTS).write)
    await api.refused(409, "DELETE", MAPS, {"preconditions": {"uid": made["metadata"]["uid"]}})


class Raced:
    """Writes of a store, before each of which somebody else's is made, so many times."""

    def __init__(self, api: Api, times: int) -> None:
        self._write = api.store.write
        self.times = times

    async def write(self, writes: Sequence[Write]) -> Sequence[Record | Exception]:
        if self.times:
            changed = config_map("a", labels={"times": str(self.times)})
            self.times -= 1
            await self._write([Write("update", ResourceId("ConfigMap", "default", "a"), changed)])
        return await self._write(writes)


async def test_a_collection_goes_page_by_page_where_a_limit_asks_for_it(api: Api) -> None:
    for name in "abc":
        await api.ok("POST", MAPS, config_map(name))
    first = await api.ok("DELETE", f"{MAPS}?limit=2")
    assert names(first) == ["a", "b"]
    assert names(await api.ok("GET", MAPS)) == ["c"]
    last = await api.ok("DELETE", f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    assert names(last) == ["c"]
    assert "continue" not in last["metadata"]
