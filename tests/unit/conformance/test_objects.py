"""The kinds of a cluster that the conformance harness keeps."""

from typing import Any

import pytest
from conformance.cluster.objects import DEPLOYMENT, POD, Conflict, Objects


def written(name: str = "a", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"replicas": 1}}


def test_a_created_object_has_its_bookkeeping_and_is_found_again() -> None:
    objects = Objects()
    made = objects.create(DEPLOYMENT, "infra", written())
    assert (made["apiVersion"], made["kind"], made["metadata"]["namespace"]) == (
        "apps/v1",
        "Deployment",
        "infra",
    )
    assert made["metadata"]["generation"] == 1
    assert objects.get(DEPLOYMENT, "infra", "a") == made


def test_what_is_there_is_not_created_again() -> None:
    objects = Objects()
    objects.create(POD, "infra", written())
    with pytest.raises(Conflict, match="already exists"):
        objects.create(POD, "infra", written())


def test_a_list_is_of_one_kind_and_its_namespace_and_labels() -> None:
    objects = Objects()
    objects.create(POD, "infra", written("b", app="x", tier="1"))
    objects.create(POD, "infra", written("a", app="y"))
    objects.create(POD, "other", written("c", app="x"))
    objects.create(DEPLOYMENT, "infra", written("d", app="x"))

    def names(*selection: Any) -> list[str]:
        return [found["metadata"]["name"] for found in objects.list(POD, *selection)]

    assert names() == ["a", "b", "c"]
    assert names("infra", {"app": "x"}) == ["b"]
    assert names(None, {"app": "x"}) == ["b", "c"]
    assert names("infra", {"app": "x", "tier": "2"}) == []


def test_an_update_counts_changes_of_the_spec_and_refuses_stale_writers() -> None:
    objects = Objects()
    first = objects.create(DEPLOYMENT, "infra", written())
    second = objects.update(DEPLOYMENT, "infra", written() | {"spec": {"replicas": 2}})
    assert second["metadata"]["generation"] == 2
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert objects.update(DEPLOYMENT, "infra", second)["metadata"]["generation"] == 2
    with pytest.raises(Conflict, match="modified"):
        objects.update(DEPLOYMENT, "infra", first)


def test_a_deleted_object_is_gone() -> None:
    objects = Objects()
    objects.create(POD, "infra", written())
    objects.delete(POD, "infra", "a")
    with pytest.raises(KeyError):
        objects.get(POD, "infra", "a")
