"""Server-side apply through the API: ownership, conflicts, removal, adoption."""

from typing import Any

import pytest
from tests.unit.api.harness import ROUTES, SERVICES, Api, config_map, route, service

MAPS = "/api/v1/namespaces/default/configmaps"
APPLY = "application/apply-patch+yaml"


async def applied(api: Api, path: str, document: Any, manager: str, **query: str) -> Any:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return await api.ok("PATCH", f"{path}?fieldManager={manager}{more}", document, content_type=APPLY)


async def conflicting(api: Api, path: str, document: Any, manager: str) -> list[dict[str, str]]:
    status = await api.refused(409, "PATCH", f"{path}?fieldManager={manager}", document, content_type=APPLY)
    assert status["message"].startswith("Apply failed with ")
    return status["details"]["causes"]  # type: ignore[no-any-return]


def maps(**data: str) -> dict[str, Any]:
    return config_map() | {"data": data}


def owners(object_: dict[str, Any]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in object_["metadata"]["managedFields"]}


async def test_an_apply_creates_what_is_not_there(api: Api) -> None:
    answer = await api.call("PATCH", f"{ROUTES}/cart?fieldManager=one", route(), content_type=APPLY)
    assert answer.status_code == 201
    (entry,) = answer.json()["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["fieldsType"]) == ("one", "Apply", "FieldsV1")
    assert entry["fieldsV1"] == {"f:spec": {"f:parentRefs": {}, "f:hostnames": {}, "f:rules": {}}}


async def test_applying_the_same_again_changes_nothing(api: Api) -> None:
    made = await applied(api, f"{ROUTES}/cart", route(), "one")
    assert await applied(api, f"{ROUTES}/cart", route(), "one") == made


async def test_what_is_applied_no_longer_goes(api: Api) -> None:
    await applied(api, f"{MAPS}/settings", maps(a="1", b="2"), "one")
    assert (await applied(api, f"{MAPS}/settings", maps(a="1"), "one"))["data"] == {"a": "1"}


async def test_a_field_that_is_applied_no_longer_goes_with_the_defaults_in_it(api: Api) -> None:
    workloads = "/apis/sekisho.dev/v1alpha1/namespaces/default/workloads"
    bare = {"address": "192.0.2.1", "sidecar": {}}
    spec = bare | {"readinessProbe": {"httpGet": {"path": "/ready", "port": 9000}}}
    workload = {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "one"}}
    await applied(api, f"{workloads}/one", workload | {"spec": spec}, "one")
    left = await applied(api, f"{workloads}/one", workload | {"spec": bare}, "one")
    assert "readinessProbe" not in left["spec"]


async def test_what_somebody_else_owns_stays(api: Api) -> None:
    await applied(api, f"{MAPS}/settings", maps(a="1", b="2"), "one")
    await applied(api, f"{MAPS}/settings", maps(b="2", c="3"), "two")
    left = await applied(api, f"{MAPS}/settings", maps(a="1"), "one")
    assert left["data"] == {"a": "1", "b": "2", "c": "3"}
    assert owners(left) == {
        "one": {"f:data": {"f:a": {}}},
        "two": {"f:data": {"f:b": {}, "f:c": {}}},
    }


async def test_changing_what_somebody_else_owns_is_a_conflict_unless_forced(api: Api) -> None:
    await applied(api, f"{MAPS}/settings", maps(a="1"), "one")
    causes = await conflicting(api, f"{MAPS}/settings", maps(a="2"), "two")
    assert causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one" using v1', "field": ".data.a"}
    ]
    taken = await applied(api, f"{MAPS}/settings", maps(a="2"), "two", force="true")
    assert taken["data"] == {"a": "2"}
    assert owners(taken) == {"two": {"f:data": {"f:a": {}}}}


async def test_items_of_a_keyed_list_have_their_own_owners(api: Api) -> None:
    http, admin = {"name": "http", "port": 80}, {"name": "admin", "port": 81}
    await applied(api, f"{SERVICES}/cart", service(ports=[http]), "one")
    both = await applied(api, f"{SERVICES}/cart", service(ports=[admin]), "two")
    assert [port["name"] for port in both["spec"]["ports"]] == ["admin", "http"]
    causes = await conflicting(
        api, f"{SERVICES}/cart", service(ports=[admin, {"name": "web", "port": 80}]), "two"
    )
    assert [cause["field"] for cause in causes] == ['.spec.ports[port=80,protocol="TCP"].name']
    left = await applied(api, f"{SERVICES}/cart", {**service(), "spec": {"selector": {"a": "b"}}}, "one")
    assert [port["name"] for port in left["spec"]["ports"]] == ["admin"]


async def test_an_object_made_otherwise_belongs_to_nobody_in_particular_at_first(api: Api) -> None:
    made = await api.ok("POST", MAPS, maps(a="1", b="2"))
    assert "managedFields" not in made["metadata"]
    adopted = await applied(api, f"{MAPS}/settings", maps(a="1"), "one")
    assert set(owners(adopted)) == {"before-first-apply", "one"}
    assert adopted["data"] == {"a": "1", "b": "2"}
    causes = await conflicting(api, f"{MAPS}/settings", maps(b="3"), "one")
    assert causes[0]["message"] == 'conflict with "before-first-apply" using v1'


async def test_other_writers_take_what_they_change(api: Api) -> None:
    await applied(api, f"{MAPS}/settings", maps(a="1", b="2"), "one")
    patch = {"data": {"b": "3"}}
    edited = await api.ok(
        "PATCH", f"{MAPS}/settings?fieldManager=editor", patch, content_type="application/merge-patch+json"
    )
    assert owners(edited) == {"one": {"f:data": {"f:a": {}}}, "editor": {"f:data": {"f:b": {}}}}
    causes = await conflicting(api, f"{MAPS}/settings", maps(a="1", b="2"), "one")
    assert causes[0]["message"] == 'conflict with "editor" using v1'
    unchanged = await api.ok("PUT", f"{MAPS}/settings", edited)
    assert unchanged == edited


async def test_a_manager_is_named_after_its_program_when_it_does_not_say(api: Api) -> None:
    await applied(api, f"{MAPS}/settings", maps(a="1"), "one")
    edited = await api.ok("PUT", f"{MAPS}/settings", maps(a="2"), user_agent="mytool/v1.2 (linux)")
    assert set(owners(edited)) == {"mytool"}


async def test_tracking_ends_with_an_empty_list(api: Api) -> None:
    made = await applied(api, f"{MAPS}/settings", maps(a="1"), "one")
    made["metadata"]["managedFields"] = []
    await api.ok("PUT", f"{MAPS}/settings", made)
    stored = await api.ok("GET", f"{MAPS}/settings")
    assert not stored["metadata"].get("managedFields")


async def test_an_atomic_list_applied_without_its_defaults_is_no_conflict(api: Api) -> None:
    await applied(api, f"{ROUTES}/cart", route(), "one")
    shared = await applied(api, f"{ROUTES}/cart", route(), "two")
    assert set(owners(shared)) == {"one", "two"}


async def test_a_dry_run_writes_nothing(api: Api) -> None:
    await applied(api, f"{MAPS}/settings", maps(a="1"), "one", dryRun="All")
    await api.refused(404, "GET", f"{MAPS}/settings")
    await applied(api, f"{MAPS}/settings", maps(a="1"), "one")
    seen = await applied(api, f"{MAPS}/settings", maps(a="2"), "one", dryRun="All")
    assert seen["data"] == {"a": "2"}
    assert (await api.ok("GET", f"{MAPS}/settings"))["data"] == {"a": "1"}


@pytest.mark.parametrize(
    "text", [b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n"]
)
async def test_yaml_can_be_applied(api: Api, text: bytes) -> None:
    assert (await applied(api, f"{MAPS}/settings", text, "one"))["data"] == {"a": "1"}


async def test_what_apply_needs_is_asked_for(api: Api) -> None:
    await api.refused(400, "PATCH", f"{MAPS}/settings", maps(), content_type=APPLY)
    named = f"{MAPS}/settings?fieldManager=one"
    with_fields = config_map(managedFields=[{"manager": "x"}])
    await api.refused(400, "PATCH", named, with_fields, content_type=APPLY)
    await api.refused(400, "PATCH", named, config_map("other"), content_type=APPLY)
    await api.refused(409, "PATCH", named, config_map(resourceVersion="7"), content_type=APPLY)
    await api.refused(400, "PATCH", f"{MAPS}/settings?fieldManager={'x' * 200}", maps(), content_type=APPLY)
    await api.refused(415, "PATCH", f"{ROUTES}/cart/status?fieldManager=one", route(), content_type=APPLY)
    await api.refused(422, "PATCH", named, maps() | {"datas": {}}, content_type=APPLY)


async def test_a_writer_that_names_no_manager_is_known_by_the_start_of_its_user_agent(api: Api) -> None:
    await applied(api, f"{MAPS}/settings", maps(a="1", b="1"), "one")
    changed = await api.ok("PUT", f"{MAPS}/settings", maps(a="2", b="1"), user_agent="x" * 300)
    assert set(owners(changed)) == {"one", "x" * 128}
