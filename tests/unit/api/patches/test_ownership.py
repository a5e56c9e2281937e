"""Sets of field paths and their written form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.openapi.structures import structure_of
from sekisho.api.patches.ownership import from_fields, leaves, readable, to_fields
from sekisho.model.kinds import KINDS

SERVICE = structure_of(KINDS["Service"].type)
OBJECT = {
    "metadata": {"labels": {"app": "x"}, "finalizers": ["a"]},
    "spec": {"ports": [{"port": 80, "name": "http"}], "selector": {"a": "b"}, "externalIPs": ["1.2.3.4"]},
}
FIELDS = {
    "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {'v:"a"': {}}},
    "f:spec": {
        "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}}},
        "f:selector": {},
        "f:externalIPs": {},
    },
}
steps = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
paths = st.sets(st.lists(steps, min_size=1, max_size=4).map(tuple))


def test_an_object_has_the_paths_that_kubernetes_writes() -> None:
    assert to_fields(leaves(OBJECT, SERVICE)) == FIELDS


@given(paths)
def test_written_paths_read_the_same(owned: set[tuple[str, ...]]) -> None:
    assert from_fields(to_fields(owned)) == owned


@pytest.mark.parametrize("fields", [None, 7, [], "x", {"f:a": 7}])
def test_malformed_fields_are_nobodys(fields: Any) -> None:
    assert from_fields(fields) == set()


def test_a_conflict_names_its_field_as_people_write_it() -> None:
    path = ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")
    assert readable(path) == '.spec.ports[port=80,protocol="TCP"].name'
    assert readable(("f:metadata", "f:finalizers", 'v:"a"')) == '.metadata.finalizers[="a"]'
