"""Strategic merge patches: keyed lists and directives."""

from typing import Any

import pytest

from sekisho.api.openapi.structures import structure_of
from sekisho.api.patches.strategic import strategic_merge
from sekisho.kit.json_patch import PatchFailed
from sekisho.model.kinds import KINDS

SERVICE = structure_of(KINDS["Service"].type)
PORTS = [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]


def merged(patch: dict[str, Any], **target: Any) -> Any:
    return strategic_merge({"spec": {"ports": PORTS} | target}, {"spec": patch}, SERVICE)["spec"]


def test_items_of_a_keyed_list_merge_by_key() -> None:
    patch = {"ports": [{"port": 443, "name": "tls"}, {"port": 81, "name": "admin"}]}
    assert merged(patch)["ports"] == [
        {"port": 80, "name": "http"},
        {"port": 443, "name": "tls"},
        {"port": 81, "name": "admin"},
    ]


def test_an_item_is_deleted_by_directive() -> None:
    assert merged({"ports": [{"port": 80, "$patch": "delete"}]})["ports"] == PORTS[1:]
    assert merged({"ports": [{"port": 1, "$patch": "delete"}]})["ports"] == PORTS


def test_a_list_is_replaced_by_directive() -> None:
    patch = {"ports": [{"$patch": "replace"}, {"port": 1}]}
    assert merged(patch)["ports"] == [{"port": 1}]


def test_an_object_is_replaced_and_emptied_by_directive() -> None:
    assert merged({"selector": {"$patch": "replace", "a": "b"}}, selector={"c": "d"})["selector"] == {
        "a": "b"
    }
    assert merged({"selector": {"$patch": "delete"}}, selector={"c": "d"})["selector"] == {}


def test_the_order_of_items_follows_its_directive() -> None:
    patch = {"ports": [{"port": 81}], "$setElementOrder/ports": [{"port": 443}, {"port": 81}, {"port": 80}]}
    assert [port["port"] for port in merged(patch)["ports"]] == [443, 81, 80]


def test_only_kept_keys_stay() -> None:
    patch = {"$retainKeys": ["type"], "type": "ExternalName"}
    assert merged(patch, clusterIP="10.0.0.1") == {"type": "ExternalName"}


def test_sets_unite_and_lose_members_by_directive() -> None:
    live = {"metadata": {"finalizers": ["a", "b"]}}
    added = strategic_merge(live, {"metadata": {"finalizers": ["b", "c"]}}, SERVICE)
    assert added["metadata"]["finalizers"] == ["a", "b", "c"]
    removed = strategic_merge(live, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, SERVICE)
    assert removed["metadata"]["finalizers"] == ["b"]


def test_other_lists_are_replaced_and_null_removes() -> None:
    assert merged({"externalIPs": ["2"]}, externalIPs=["1"])["externalIPs"] == ["2"]
    assert "type" not in merged({"type": None}, type="ClusterIP")


@pytest.mark.parametrize(
    "patch", [{"ports": [{"name": "x"}]}, {"ports": [7]}, {"selector": {"$patch": "explode"}}]
)
def test_a_patch_that_makes_no_sense_fails(patch: dict[str, Any]) -> None:
    with pytest.raises(PatchFailed):
        merged(patch)
