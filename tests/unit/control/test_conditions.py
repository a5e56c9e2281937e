"""Merging statuses: ours replaced, others' kept."""

from typing import Any

from sekisho.control.conditions import merged_status

NOW, EARLIER = "2026-11-21T10:00:00Z", "2026-11-20T10:00:00Z"
OURS = "sekisho.dev/gateway-controller"


def condition(name: str, status: str = "True", **more: Any) -> dict[str, Any]:
    return {"type": name, "status": status, "reason": name, "message": "", "observedGeneration": 1, **more}


def merge(current: dict[str, Any] | None, desired: dict[str, Any]) -> dict[str, Any]:
    return merged_status(current, desired, NOW, OURS)


def test_a_new_condition_gets_the_time_of_now() -> None:
    merged = merge(None, {"conditions": [condition("Accepted")]})
    assert merged == {"conditions": [condition("Accepted", lastTransitionTime=NOW)]}


def test_a_condition_whose_status_stays_keeps_its_time_though_its_generation_moves() -> None:
    current = {"conditions": [condition("Accepted", lastTransitionTime=EARLIER)]}
    merged = merge(current, {"conditions": [condition("Accepted", observedGeneration=2)]})
    assert merged["conditions"] == [condition("Accepted", observedGeneration=2, lastTransitionTime=EARLIER)]


def test_a_condition_whose_status_flips_gets_a_new_time() -> None:
    current = {"conditions": [condition("Accepted", lastTransitionTime=EARLIER)]}
    merged = merge(current, {"conditions": [condition("Accepted", "False")]})
    assert merged["conditions"] == [condition("Accepted", "False", lastTransitionTime=NOW)]


def test_conditions_of_others_stay_in_their_place() -> None:
    foreign = condition("example.com/Checked", lastTransitionTime=EARLIER)
    ours = condition("Accepted", lastTransitionTime=EARLIER)
    current = {"conditions": [foreign, ours]}
    assert merge(current, {"conditions": [condition("Accepted")]}) == current


def test_plain_conditions_we_no_longer_say_go_like_the_placeholders_of_1970() -> None:
    waiting = condition("Programmed", "Unknown", lastTransitionTime="1970-01-01T00:00:00Z")
    merged = merge({"conditions": [waiting]}, {"conditions": [condition("Accepted")]})
    assert [one["type"] for one in merged["conditions"]] == ["Accepted"]


def test_parents_of_other_controllers_are_left_alone() -> None:
    foreign = {"parentRef": {"name": "x"}, "controllerName": "example.com/other", "conditions": []}
    ours = {"parentRef": {"name": "x"}, "controllerName": OURS, "conditions": [condition("Accepted")]}
    gone = {"parentRef": {"name": "old"}, "controllerName": OURS, "conditions": []}
    merged = merge({"parents": [foreign, gone]}, {"parents": [ours]})
    dated = {**ours, "conditions": [condition("Accepted", lastTransitionTime=NOW)]}
    assert merged["parents"] == [foreign, dated]


def test_listeners_are_ours_and_keep_their_times() -> None:
    current = {
        "listeners": [
            {"name": "http", "attachedRoutes": 1, "conditions": [condition("A", lastTransitionTime=EARLIER)]}
        ]
    }
    desired = {"listeners": [{"name": "http", "attachedRoutes": 2, "conditions": [condition("A")]}]}
    merged = merge(current, desired)
    assert merged["listeners"][0]["attachedRoutes"] == 2
    assert merged["listeners"][0]["conditions"] == current["listeners"][0]["conditions"]


def test_saying_the_same_again_changes_nothing() -> None:
    desired = {"addresses": [{"type": "IPAddress", "value": "127.0.0.1"}], "conditions": [condition("A")]}
    once = merge(None, desired)
    assert merged_status(once, desired, "2030-01-01T00:00:00Z", OURS) == once
