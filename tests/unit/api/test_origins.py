"""What came from elsewhere is changed where it came from; and nobody pretends to be from elsewhere."""

from typing import Any

import pytest

from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.store import Write

from .harness import ROUTES, Api, route

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
COPY = f"{ROUTES}/copy"
NAMESPACE = "/api/v1/namespaces/default"
OF_GLOBAL = {"sekisho.dev/origin": "global"}
OF_GCP = {"sekisho.dev/origin": "zone", "sekisho.dev/zone": "gcp"}


async def copied(api: Api, labels: dict[str, str]) -> None:
    """As federation writes it: not through the API."""
    written = route("copy", namespace="default", labels=labels)
    (record,) = await api.store.write(
        [Write("create", ResourceId("HTTPRoute", "default", "copy"), check("HTTPRoute", written).object)]
    )
    assert not isinstance(record, Exception)


async def refused(api: Api, method: str, path: str, body: Any = None, **options: Any) -> str:
    return str((await api.refused(403, method, path, body, **options))["message"])


@pytest.mark.parametrize(
    ("labels", "where"),
    [
        (OF_GLOBAL, "it is a copy: change it at the global control plane"),
        (OF_GCP, "it is written by the control plane of the zone gcp"),
    ],
)
async def test_a_copy_is_changed_where_it_came_from(api: Api, labels: dict[str, str], where: str) -> None:
    await copied(api, labels)
    patch = {"spec": {"hostnames": ["other.example.com"]}}
    unlabelled = {"metadata": {"labels": None}}
    for told in (
        await refused(api, "PUT", COPY, route("copy")),
        await refused(api, "PATCH", COPY, patch, content_type=MERGE),
        await refused(api, "PATCH", COPY, unlabelled, content_type=MERGE),
        await refused(api, "PATCH", f"{COPY}?fieldManager=me", route("copy"), content_type=APPLY),
        await refused(api, "DELETE", COPY),
        await refused(api, "DELETE", ROUTES),
    ):
        assert where in told
    assert (await api.ok("GET", COPY))["metadata"]["labels"] == labels


async def test_its_status_is_told_here(api: Api) -> None:
    await copied(api, OF_GLOBAL)
    status = {"status": {"parents": []}}
    assert (await api.ok("PATCH", f"{COPY}/status", status, content_type=MERGE))["status"] == {"parents": []}


@pytest.mark.parametrize("labels", [OF_GLOBAL, OF_GCP, {"sekisho.dev/zone": "gcp"}])
async def test_nobody_pretends_to_be_from_elsewhere(api: Api, labels: dict[str, str]) -> None:
    told = await refused(api, "POST", ROUTES, route("mine", labels=labels))
    assert told.startswith("control planes alone write the labels ")
    apply = route("mine", labels=labels)
    await refused(api, "PATCH", f"{ROUTES}/mine?fieldManager=me", apply, content_type=APPLY)
    await api.ok("POST", ROUTES, route("mine"))
    await refused(api, "PUT", f"{ROUTES}/mine", route("mine", labels=labels))
    await refused(api, "PATCH", f"{ROUTES}/mine", {"metadata": {"labels": labels}}, content_type=MERGE)
    await api.ok("PUT", f"{ROUTES}/mine", route("mine", labels={"app": "cart"}))


async def test_a_namespace_goes_without_the_copies_in_it(api: Api) -> None:
    await copied(api, OF_GLOBAL)
    await api.ok("POST", ROUTES, route("mine"))
    await api.ok("DELETE", NAMESPACE)
    left = (await api.store.list(("HTTPRoute",))).records
    assert [record.id.name for record in left] == ["copy"]
