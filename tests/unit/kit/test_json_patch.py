"""JSON Patch: the operations of RFC 6902 and how they fail."""

from typing import Any

import pytest

from sekisho.kit.json_patch import MAX_OPERATIONS, PatchFailed, json_patch


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}),
        ({"a": [1, 2]}, [{"op": "remove", "path": "/a/0"}], {"a": [2]}),
        ({"a": 1}, [{"op": "replace", "path": "/a", "value": None}], {"a": None}),
        (
            {"a": {"b": 1}, "c": {}},
            [{"op": "move", "from": "/a/b", "path": "/c/d"}],
            {"a": {}, "c": {"d": 1}},
        ),
        ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
        ({"a/b": {"m~n": 1}}, [{"op": "replace", "path": "/a~1b/m~0n", "value": 2}], {"a/b": {"m~n": 2}}),
        ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}, {"op": "remove", "path": "/a"}], {}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
        ({"": 1}, [{"op": "remove", "path": "/"}], {}),
    ],
)
def test_an_operation_does_what_the_standard_says(document: Any, operations: Any, result: Any) -> None:
    assert json_patch(document, operations) == result


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "remove", "path": "/nowhere"}],
        [{"op": "replace", "path": "/nowhere", "value": 1}],
        [{"op": "add", "path": "/list/7", "value": 1}],
        [{"op": "add", "path": "/list/01", "value": 1}],
        [{"op": "add", "path": "/list/-1", "value": 1}],
        [{"op": "remove", "path": "/list/-"}],
        [{"op": "remove", "path": "/list/" + "9" * 5000}],
        [{"op": "add", "path": "/number/x", "value": 1}],
        [{"op": "test", "path": "/number", "value": True}],
        [{"op": "test", "path": "/list", "value": [1]}],
        [{"op": "move", "from": "/object", "path": "/object/inside"}],
        [{"op": "add", "path": "/x"}],
        [{"op": "add", "path": "x", "value": 1}],
        [{"op": "explode", "path": "/x"}],
        [{"path": "/x"}],
        [7],
        {"op": "remove"},
        [{"op": "test", "path": "", "value": 1}] * (MAX_OPERATIONS + 1),
    ],
)
def test_an_operation_that_does_not_fit_fails(operations: Any) -> None:
    with pytest.raises(PatchFailed):
        json_patch({"number": 1, "list": [1, 2], "object": {}}, operations)


def test_the_document_given_stays_as_it_is() -> None:
    document = {"a": [1, {"b": 2}]}
    json_patch(document, [{"op": "remove", "path": "/a/1/b"}, {"op": "add", "path": "/a/-", "value": 3}])
    assert document == {"a": [1, {"b": 2}]}
