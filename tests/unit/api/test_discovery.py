"""Discovery, version, probes, reviews and the list of definitions."""

import pytest

from sekisho.api import About
from sekisho.model.kinds import KINDS

from .harness import Api, Factory

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


async def test_plain_discovery_leads_to_every_kind(api: Api) -> None:
    found = {each["kind"] for each in (await api.ok("GET", "/api/v1"))["resources"]}
    for group in (await api.ok("GET", "/apis"))["groups"]:
        assert await api.ok("GET", f"/apis/{group['name']}") == {
            "kind": "APIGroup",
            "apiVersion": "v1",
            **group,
        }
        for version in group["versions"]:
            listed = await api.ok("GET", f"/apis/{version['groupVersion']}")
            assert listed["groupVersion"] == version["groupVersion"]
            found |= {each["kind"] for each in listed["resources"]}
    assert found == {*KINDS, "CustomResourceDefinition", "CertificateRequest"}


async def test_aggregated_discovery_says_the_same(api: Api) -> None:
    found: set[tuple[str, str, str, str]] = set()
    for path in ("/api", "/apis"):
        answer = await api.call("GET", path, accept=AGGREGATED)
        assert answer.headers["content-type"].endswith("as=APIGroupDiscoveryList")
        for group in answer.json()["items"]:
            for version in group["versions"]:
                for each in version["resources"]:
                    found.add(
                        (group["metadata"]["name"], version["version"], each["resource"], each["scope"])
                    )
    expected = {
        (entry.group, version, entry.plural, "Namespaced" if entry.namespaced else "Cluster")
        for entry in api.app.catalogue.entries
        for version in entry.versions
    }
    assert found == expected


async def test_plain_json_wins_when_it_is_asked_for_first(api: Api) -> None:
    assert (await api.ok("GET", "/apis", accept="application/json"))["kind"] == "APIGroupList"
    assert (await api.ok("GET", "/api", accept="application/json"))["kind"] == "APIVersions"


async def test_resources_with_a_status_show_it(api: Api) -> None:
    listed = await api.ok("GET", "/apis/gateway.networking.k8s.io/v1")
    names = {each["name"]: each for each in listed["resources"]}
    assert set(names["httproutes/status"]["verbs"]) == {"get", "patch", "update"}
    assert "referencegrants/status" not in names
    assert names["gateways"]["shortNames"] == ["gtw"]
    assert set(names["gateways"]["verbs"]) >= {"create", "delete", "deletecollection", "get", "list", "patch"}


async def test_the_definitions_of_the_gateway_api_name_their_bundle(api: Api) -> None:
    listed = await api.ok("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    ours = {item["metadata"]["name"]: item for item in listed["items"]}
    route = ours["httproutes.gateway.networking.k8s.io"]
    bundle = {
        "gateway.networking.k8s.io/bundle-version": "v1.6.1",
        "gateway.networking.k8s.io/channel": "experimental",
    }
    assert route["metadata"]["annotations"] == bundle
    assert ours["xbackends.gateway.networking.x-k8s.io"]["metadata"]["annotations"] == bundle
    assert "services." not in ours
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert await api.ok("GET", f"{path}/httproutes.gateway.networking.k8s.io") == route
    await api.refused(404, "GET", f"{path}/nowhere")
    await api.refused(405, "POST", path, {})
    await api.refused(405, "GET", f"{path}?watch=1")


async def test_a_review_is_answered_and_not_stored(api: Api) -> None:
    path = "/apis/sekisho.dev/v1alpha1/certificaterequests"
    revision = await api.store.revision()
    answer = await api.ok("POST", path, {"spec": {"csr": "x"}}, user="agent")
    assert answer["kind"] == "CertificateRequest"
    assert (answer["spec"], answer["status"]) == ({"csr": "x"}, {"user": "agent"})
    assert await api.store.revision() == revision
    await api.refused(403, "POST", path, {}, user="reader")
    await api.refused(405, "GET", path)
    await api.refused(400, "POST", path, [])


async def test_the_version_and_the_probes_answer(make_api: Factory) -> None:
    ready = False
    api = make_api(
        about=About(release="9.8.7", is_ready=lambda: ready, metrics=lambda: (b"x 1\n", "text/plain"))
    )
    assert (await api.ok("GET", "/version"))["gitVersion"].endswith("+sekisho-9.8.7")
    assert (await api.call("GET", "/livez")).status_code == 200
    assert (await api.call("GET", "/readyz")).status_code == 503
    assert (await api.call("GET", "/healthz")).status_code == 503
    ready = True
    assert (await api.call("GET", "/readyz")).text == "ok"
    assert (await api.call("GET", "/metrics")).text == "x 1\n"


@pytest.mark.parametrize("path", ["/metrics"])
async def test_metrics_are_not_there_until_somebody_makes_them(api: Api, path: str) -> None:
    await api.refused(404, "GET", path)
