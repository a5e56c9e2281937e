"""Create, get, list, update and delete, as Kubernetes clients know them."""

import pytest

from .harness import ROUTES, Api, config_map, route

MAPS = "/api/v1/namespaces/default/configmaps"


async def test_a_created_object_comes_back_with_defaults_and_bookkeeping(api: Api) -> None:
    answer = await api.call("POST", ROUTES, route())
    made = answer.json()
    assert answer.status_code == 201
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["uid"]
    assert made["spec"]["parentRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}
    ]
    assert await api.ok("GET", f"{ROUTES}/cart") == made


@pytest.mark.parametrize(
    "user_agent", ["x" * 300, "tool\x7f/1.0", "gateway::v1::" + "HTTPRoute," * 40, "/1.0"]
)
async def test_nobody_is_refused_for_a_user_agent(api: Api, user_agent: str) -> None:
    """The conformance suite names its test and every feature of it there."""
    await api.ok("POST", ROUTES, route(), user_agent=user_agent)


async def test_the_answer_is_the_stored_bytes(api: Api) -> None:
    await api.ok("POST", ROUTES, route())
    answer = await api.call("GET", f"{ROUTES}/cart")
    (record,) = (await api.store.list(["HTTPRoute"])).records
    assert answer.content == record.body


async def test_a_second_create_of_a_name_is_refused(api: Api) -> None:
    await api.ok("POST", ROUTES, route())
    status = await api.refused(409, "POST", ROUTES, route())
    assert status["reason"] == "AlreadyExists"
    assert status["details"] == {"name": "cart", "group": "gateway.networking.k8s.io", "kind": "httproutes"}


async def test_a_name_is_generated_from_its_beginning(api: Api) -> None:
    document = route()
    document["metadata"] = {"generateName": "cart-"}
    names = {(await api.ok("POST", ROUTES, document))["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("cart-") and len(name) == 10 for name in names)


async def test_a_name_is_required(api: Api) -> None:
    document = route()
    document["metadata"] = {}
    status = await api.refused(422, "POST", ROUTES, document)
    assert status["details"]["causes"][0]["field"] == "metadata.name"


async def test_every_mistake_is_a_cause_with_its_field_and_a_hint(api: Api) -> None:
    document = route()
    document["spec"] = {"hostname": ["x"], "rules": [{"backendRefs": [{"name": "y", "port": 99999}]}]}
    status = await api.refused(422, "POST", ROUTES, document)
    causes = {cause["field"]: cause["message"] for cause in status["details"]["causes"]}
    assert set(causes) >= {"spec.hostname", "spec.rules[0].backendRefs[0].port"}
    assert 'did you mean "hostnames"?' in causes["spec.hostname"]
    assert status["reason"] == "Invalid"


@pytest.mark.parametrize("validation", ["", "Ignore", "Warn", "Strict"])
async def test_unknown_fields_are_refused_whatever_validation_is_asked_for(api: Api, validation: str) -> None:
    document = route() | {"specs": {}}
    await api.refused(422, "POST", f"{ROUTES}?fieldValidation={validation}", document)
    await api.ok("POST", f"{ROUTES}?fieldValidation={validation}", route())


async def test_unknown_values_of_options_are_refused(api: Api) -> None:
    await api.refused(400, "POST", f"{ROUTES}?dryRun=Some", route())
    await api.refused(400, "POST", f"{ROUTES}?fieldValidation=Maybe", route())


async def test_a_namespace_must_exist_and_agree_with_the_path(api: Api) -> None:
    status = await api.refused(404, "POST", ROUTES.replace("default", "nowhere"), route())
    assert status["details"] == {"name": "nowhere", "kind": "namespaces"}
    await api.refused(400, "POST", ROUTES, route(namespace="other"))


async def test_a_namespace_carries_its_name_as_a_label_and_is_active(api: Api) -> None:
    made = await api.ok(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    )
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}
    assert made["status"] == {"phase": "Active"}


async def test_a_namespace_takes_along_what_is_in_it(api: Api) -> None:
    await api.ok(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    )
    for index in range(3):
        await api.ok("POST", ROUTES.replace("default", "shop"), route(f"cart-{index}"))
    await api.ok("POST", ROUTES, route())
    await api.ok("DELETE", "/api/v1/namespaces/shop")
    await api.refused(404, "GET", "/api/v1/namespaces/shop")
    assert [str(record.id) for record in (await api.store.list(["HTTPRoute"])).records] == [
        "HTTPRoute/default/cart"
    ]


async def test_a_namespace_stays_while_finalizers_hold_its_contents(api: Api) -> None:
    await api.ok("POST", ROUTES, route(finalizers=["example.com/hold"]))
    status = await api.refused(409, "DELETE", "/api/v1/namespaces/default")
    assert "HTTPRoute/default/cart" in status["message"]
    await api.ok("GET", "/api/v1/namespaces/default")


async def test_a_fresh_gateway_waits_for_its_controller(api: Api) -> None:
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "gw"},
        "spec": {
            "gatewayClassName": "sekisho",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }
    made = await api.ok(
        "POST", ROUTES.replace("httproutes", "gateways"), gateway | {"status": {"addresses": []}}
    )
    assert [(each["type"], each["status"]) for each in made["status"]["conditions"]] == [
        ("Accepted", "Unknown"),
        ("Programmed", "Unknown"),
    ]


async def test_an_update_of_the_object_leaves_its_status_and_the_reverse(api: Api) -> None:
    made = await api.ok("POST", ROUTES, route())
    made["status"] = {"parents": []}
    made["spec"]["hostnames"] = ["other.example.com"]
    answered = await api.ok("PUT", f"{ROUTES}/cart/status", made)
    assert answered["status"] == {"parents": []}
    assert answered["spec"]["hostnames"] == ["shop.example.com"]
    assert answered["metadata"]["generation"] == 1
    answered["spec"]["hostnames"] = ["other.example.com"]
    answered["status"] = {"parents": "overwritten"}
    again = await api.ok("PUT", f"{ROUTES}/cart", answered)
    assert again["status"] == {"parents": []}
    assert again["spec"]["hostnames"] == ["other.example.com"]
    assert again["metadata"]["generation"] == 2


async def test_an_update_with_an_old_revision_is_a_conflict(api: Api) -> None:
    made = await api.ok("POST", MAPS, config_map())
    await api.ok("PUT", f"{MAPS}/settings", made | {"data": {"a": "2"}})
    status = await api.refused(409, "PUT", f"{MAPS}/settings", made | {"data": {"a": "3"}})
    assert status["reason"] == "Conflict"
    del made["metadata"]["resourceVersion"]
    assert (await api.ok("PUT", f"{MAPS}/settings", made | {"data": {"a": "3"}}))["data"] == {"a": "3"}


async def test_an_update_of_another_incarnation_is_a_conflict(api: Api) -> None:
    made = await api.ok("POST", MAPS, config_map())
    made["metadata"] = {"name": "settings", "uid": "another"}
    await api.refused(409, "PUT", f"{MAPS}/settings", made)


async def test_an_update_that_changes_nothing_keeps_the_revision(api: Api) -> None:
    made = await api.ok("POST", MAPS, config_map())
    assert await api.ok("PUT", f"{MAPS}/settings", config_map()) == made


async def test_an_update_needs_an_object_of_that_name(api: Api) -> None:
    await api.refused(404, "PUT", f"{MAPS}/settings", config_map())
    await api.ok("POST", MAPS, config_map())
    await api.refused(400, "PUT", f"{MAPS}/settings", config_map("other"))


async def test_a_field_that_never_changes_is_refused_with_its_path(api: Api) -> None:
    classes = "/apis/gateway.networking.k8s.io/v1/gatewayclasses"
    document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "sekisho"},
        "spec": {"controllerName": "sekisho.dev/gateway"},
    }
    await api.ok("POST", classes, document)
    document["spec"] = {"controllerName": "other.dev/gateway"}
    status = await api.refused(422, "PUT", f"{classes}/sekisho", document)
    assert status["details"]["causes"][0]["field"] == "spec.controllerName"


async def test_a_dry_run_answers_like_the_real_one_and_writes_nothing(api: Api) -> None:
    revision = await api.store.revision()
    made = await api.ok("POST", f"{ROUTES}?dryRun=All", route())
    assert made["spec"]["parentRefs"][0]["kind"] == "Gateway"
    assert "resourceVersion" not in made["metadata"]
    assert await api.store.revision() == revision
    await api.ok("POST", ROUTES, route())
    revision = await api.store.revision()
    changed = await api.ok("PUT", f"{ROUTES}/cart?dryRun=All", route(labels={"a": "b"}))
    assert changed["metadata"]["labels"] == {"a": "b"}
    await api.ok("DELETE", f"{ROUTES}/cart?dryRun=All")
    assert await api.store.revision() == revision
    await api.refused(409, "POST", f"{ROUTES}?dryRun=All", route())


async def test_an_old_version_shows_the_same_object_under_its_own_name(api: Api) -> None:
    old = ROUTES.replace("/v1/", "/v1beta1/")
    made = await api.ok("POST", old, route() | {"apiVersion": "gateway.networking.k8s.io/v1beta1"})
    assert made["apiVersion"] == "gateway.networking.k8s.io/v1beta1"
    current = await api.ok("GET", f"{ROUTES}/cart")
    assert current == made | {"apiVersion": "gateway.networking.k8s.io/v1"}
    listed = await api.ok("GET", old)
    assert (listed["apiVersion"], listed["items"]) == ("gateway.networking.k8s.io/v1beta1", [made])


async def test_the_status_of_a_workload_can_be_patched_alone(api: Api) -> None:
    workloads = "/apis/sekisho.dev/v1alpha1/namespaces/default/workloads"
    spec = {"address": "127.0.0.1", "ports": [{"port": 80}]}
    made = await api.ok(
        "POST",
        workloads,
        {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "w"}, "spec": spec},
    )
    ready = {"type": "Ready", "status": "True", "reason": "Probed", "message": ""}
    patch = {"status": {"conditions": [ready]}, "spec": {"address": "127.0.0.9"}}
    changed = await api.ok(
        "PATCH", f"{workloads}/w/status", patch, content_type="application/merge-patch+json"
    )
    assert changed["status"] == {"conditions": [ready]}
    assert changed["spec"] == made["spec"]
    assert changed["metadata"]["generation"] == 1


async def test_yaml_is_read_and_written(api: Api) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  on: 'yes'\n"
    answer = await api.call("POST", MAPS, text, content_type="application/yaml", accept="application/yaml")
    assert answer.headers["content-type"].startswith("application/yaml")
    assert "kind: ConfigMap" in answer.text
    assert (await api.ok("GET", f"{MAPS}/settings"))["data"] == {"on": "yes"}


async def test_paths_and_methods_that_are_not_there_say_so(api: Api) -> None:
    await api.refused(404, "GET", "/api/v1/namespaces/default/pods")
    await api.refused(404, "GET", "/nowhere")
    await api.refused(404, "GET", "/apis/gateway.networking.k8s.io/v7")
    await api.refused(404, "GET", "/apis/unheard.of")
    await api.refused(405, "POST", f"{ROUTES}/cart", route())
    await api.refused(405, "PATCH", ROUTES, {})
    await api.refused(405, "TRACE", ROUTES)
    await api.refused(405, "POST", "/version", {})
    await api.refused(405, "POST", "/apis/gateway.networking.k8s.io/v1/httproutes", route())
    await api.refused(406, "GET", ROUTES, accept="application/vnd.kubernetes.protobuf")
