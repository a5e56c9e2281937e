"""Readiness in the status of a Workload, over a real API."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.kit.objects import manifest

from sekisho.agent.readiness import Readiness
from sekisho.app.host.reporting import ApiReporter
from sekisho.client import Client, Conflict, Forbidden
from sekisho.client.errors import Status
from sekisho.identity.rotation import Unavailable

MOMENTS = iter(datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in range(24))
GOOD, BAD = (
    Readiness(ready=True, reason="ProbeSucceeded"),
    Readiness(ready=False, reason="ProbeFailed", message="no"),
)


@pytest.fixture
async def reporter(client: Client) -> ApiReporter:
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await client.create(manifest("Workload", "a", spec={"address": "127.0.0.7", "sidecar": {}}))
    return ApiReporter(lambda: client, lambda: next(MOMENTS))


async def conditions(client: Client) -> list[dict[str, Any]]:
    return list((await client.get("Workload", "a", "shop"))["status"]["conditions"])


async def test_the_condition_is_written_and_keeps_the_moment_of_its_change(
    client: Client, reporter: ApiReporter
) -> None:
    await reporter.report("workload/shop/a", BAD)
    [first] = await conditions(client)
    assert (first["type"], first["status"], first["message"]) == ("Ready", "False", "no")
    await reporter.report("workload/shop/a", BAD._replace(message="still no"))
    [second] = await conditions(client)
    assert second["lastTransitionTime"] == first["lastTransitionTime"]
    await reporter.report("workload/shop/a", GOOD)
    [third] = await conditions(client)
    assert third["status"] == "True"
    assert third["lastTransitionTime"] > first["lastTransitionTime"]


async def test_the_same_word_twice_is_one_write(client: Client, reporter: ApiReporter) -> None:
    await reporter.report("workload/shop/a", GOOD)
    before = (await client.get("Workload", "a", "shop"))["metadata"]["resourceVersion"]
    await reporter.report("workload/shop/a", GOOD)
    assert (await client.get("Workload", "a", "shop"))["metadata"]["resourceVersion"] == before


async def test_conditions_of_others_stay(client: Client, reporter: ApiReporter) -> None:
    theirs = {"type": "Other", "status": "True", "reason": "X", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    await client.patch(
        "Workload", "a", "shop", patch={"status": {"conditions": [theirs]}}, subresource="status"
    )
    await reporter.report("workload/shop/a", GOOD)
    assert [each["type"] for each in await conditions(client)] == ["Other", "Ready"]


async def test_a_write_of_somebody_else_in_between_is_no_failure(
    client: Client, reporter: ApiReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    get, disturbed = client.get, []

    async def get_and_be_overtaken(kind: str, name: str, namespace: str = "") -> Any:
        found = await get(kind, name, namespace)
        if not disturbed:
            disturbed.append(True)
            await client.patch(kind, name, namespace, patch={"metadata": {"labels": {"x": "y"}}})
        return found

    monkeypatch.setattr(client, "get", get_and_be_overtaken)
    await reporter.report("workload/shop/a", GOOD)
    assert (await conditions(client))[0]["status"] == "True"


async def test_a_workload_that_is_gone_is_no_trouble(client: Client, reporter: ApiReporter) -> None:
    await reporter.report("workload/shop/gone", GOOD)


@pytest.mark.parametrize("kind", [Conflict, Forbidden])
async def test_what_cannot_be_written_is_tried_again_later(
    client: Client, reporter: ApiReporter, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise kind(Status(code=409, reason="x", message="x"))

    monkeypatch.setattr(client, "patch", refuse)
    with pytest.raises(Unavailable):
        await reporter.report("workload/shop/a", GOOD)
