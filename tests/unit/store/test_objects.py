"""The rules of metadata that the contract suite cannot see from outside."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sekisho.model.names import ResourceId
from sekisho.store.objects import Stamp, apply
from sekisho.store.protocol import Event, Write

CART = ResourceId("HTTPRoute", "shop", "cart")


def stamp(revision: int) -> Stamp:
    return Stamp(revision, datetime(2026, 1, 1, tzinfo=UTC), lambda: f"uid-{revision}")


def stored(spec: Any) -> Event:
    event = apply(Write("create", CART, {"spec": spec}), None, stamp(1))
    assert event is not None
    return event


def test_a_new_object_is_complete_to_the_byte() -> None:
    assert (
        stored({"b": 1, "a": "é"}).record.body
        == (
            '{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z","generation":1,"name":"cart","namespace":"shop",'
            '"resourceVersion":"1","uid":"uid-1"},"spec":{"a":"é","b":1}}'
        ).encode()
    )


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (1, 1.0), (None, {}), ("", None)])
def test_values_that_python_or_a_glance_takes_for_equal_are_changes(before: Any, after: Any) -> None:
    event = apply(Write("update", CART, {"spec": {"x": after}}), stored({"x": before}).record, stamp(2))
    assert event is not None
    assert json.loads(event.record.body)["metadata"]["generation"] == 2


def test_the_writers_object_is_left_alone() -> None:
    given: dict[str, Any] = {"metadata": {"uid": "mine", "labels": {}}, "spec": {}, "status": {}}
    copy = json.loads(json.dumps(given))
    event = apply(Write("create", CART, given), None, stamp(1))
    assert event is not None
    apply(Write("update", CART, given), event.record, stamp(2))
    assert given == copy


def test_a_missing_metadata_is_an_empty_one() -> None:
    current = apply(Write("create", CART, {"metadata": {"labels": {"a": "b"}}}), None, stamp(1))
    assert current is not None
    changed = apply(Write("update", CART, {"metadata": None}), current.record, stamp(2))
    assert changed is not None
    assert "labels" not in json.loads(changed.record.body)["metadata"]
