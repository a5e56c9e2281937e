"""The delta protocol, as conversations. `+a@1` is a resource at a version, `-a` a removal."""

import pytest
from tests.kit.xds import Script, changes, request

from sekisho.xds import names
from sekisho.xds.names import TooMuch
from sekisho.xds.session import MOST_TYPES, PATIENCE
from sekisho.xds.view import View


def test_a_first_request_without_names_asks_for_everything() -> None:
    script = Script()
    script.publish(cds="a@1 b@1")
    assert script.ask("cds") == ["cds +a@1 +b@1"]
    assert script.ack("cds") == []


def test_a_wildcard_on_nothing_is_answered_with_nothing_so_that_the_proxy_goes_on() -> None:
    assert Script().ask("cds") == ["cds"]


def test_a_star_asks_for_everything_of_any_type() -> None:
    script = Script()
    script.publish(eds="a@1")
    assert script.ask("eds", "*") == ["eds +a@1"]


def test_an_empty_first_subscription_to_a_type_with_names_asks_for_nothing() -> None:
    script = Script()
    script.publish(eds="a@1")
    assert script.ask("eds") == ["eds"]
    script.ack("eds")
    assert script.publish(eds="a@2") == []


def test_only_what_changed_is_sent() -> None:
    script = Script()
    script.publish(cds="a@1 b@1")
    script.ask("cds")
    script.ack("cds")
    assert script.publish(cds="b@2") == ["cds +b@2"]
    assert script.ack("cds") == []


def test_a_commit_that_changes_nothing_sends_nothing_and_has_no_number() -> None:
    script = Script()
    script.publish(cds="a@1")
    script.ask("cds")
    script.ack("cds")
    assert script.publish(cds="a@1 -b") == []
    assert script.views[0].seq == 1


def test_whatever_happens_while_a_response_is_in_flight_is_in_the_next_one() -> None:
    script = Script()
    script.publish(cds="a@1")
    script.ask("cds")
    assert script.publish(cds="a@2") == []
    assert script.publish(cds="b@1") == []
    assert script.publish(cds="a@3") == []
    assert script.ack("cds") == ["cds +b@1 +a@3"]


def test_a_name_that_does_not_exist_is_said_to_be_removed_and_sent_when_it_appears() -> None:
    script = Script()
    script.publish(eds="a@1")
    assert script.ask("eds", "a", "ghost") == ["eds +a@1 -ghost"]
    script.ack("eds")
    assert script.publish(eds="ghost@1 other@1") == ["eds +ghost@1"]


def test_a_name_asked_for_again_is_sent_again_although_nothing_changed() -> None:
    script = Script()
    script.publish(eds="a@1 b@1")
    script.ask("eds", "a", "b")
    script.ack("eds")
    assert script.ask("eds", "a") == ["eds +a@1"]


def test_after_unsubscribing_a_name_is_not_sent_until_it_is_asked_for_again() -> None:
    script = Script()
    script.publish(eds="a@1 b@1")
    script.ask("eds", "a", "b")
    script.ack("eds")
    assert script.ask("eds", drop=["a"]) == []
    assert script.publish(eds="a@2 b@2") == ["eds +b@2"]
    script.ack("eds")
    assert script.ask("eds", "a") == ["eds +a@2"]


def test_dropping_the_wildcard_keeps_the_names_asked_for_by_name() -> None:
    script = Script()
    script.publish(cds="a@1 b@1")
    script.ask("cds")
    script.ack("cds")
    assert script.ask("cds", "a") == ["cds +a@1"]
    script.ack("cds")
    assert script.ask("cds", drop=["*"]) == []
    assert script.publish(cds="a@2 b@2") == ["cds +a@2"]


def test_dropping_a_name_under_a_wildcard_tells_how_it_stands() -> None:
    script = Script()
    script.publish(cds="a@1")
    script.ask("cds", "*", "a", "ghost")
    script.ack("cds")
    assert script.ask("cds", drop=["a", "ghost"]) == ["cds +a@1 -ghost"]


def test_asking_for_everything_later_sends_everything() -> None:
    script = Script()
    script.publish(cds="a@1 b@1")
    assert script.ask("cds", "a") == ["cds +a@1"]
    assert script.ask("cds", "*") == []
    assert script.ack("cds") == ["cds +a@1 +b@1"]


def test_subscribing_to_everything_while_a_part_is_in_flight_loses_nothing() -> None:
    script = Script()
    script.publish(eds="a@1 b@1 c@1")
    script.ask("eds", "a")
    script.ack("eds")
    script.publish(eds="a@2")
    assert script.ask("eds", "*") == []
    assert script.ack("eds") == ["eds +a@2 +b@1 +c@1"]


def test_a_reconnecting_proxy_gets_the_difference_only() -> None:
    script = Script()
    script.publish(cds="same@1 newer@2 added@1")
    held = {"same": "1", "newer": "1"}
    assert script.ask("cds", held=held) == ["cds +added@1 +newer@2"]


def test_a_reconnecting_proxy_that_has_everything_gets_nothing() -> None:
    script = Script()
    script.publish(cds="a@1 b@1", eds="a@1 b@1")
    assert script.ask("cds", held={"a": "1", "b": "1"}) == []
    assert script.ask("eds", "b", "a", held={"a": "1", "b": "1"}) == []
    assert script.publish(eds="b@2") == ["eds +b@2"]


def test_what_vanished_while_a_proxy_was_away_is_removed_when_the_others_are_up_to_date() -> None:
    script = Script()
    script.publish(cds="new@1", lds="l@2")
    held = {"new": "1", "old": "1"}
    assert script.ask("cds", held=held) == []
    assert script.ask("lds", held={"l": "1"}) == ["lds +l@2"]
    assert script.wait(10) == []
    assert script.ack("lds") == ["cds -old"]


def test_what_vanished_and_came_back_before_it_was_removed_leaves_the_proxy_in_sync() -> None:
    script = Script()
    script.publish(cds="new@1")
    assert script.ask("cds", held={"new": "1", "back": "1"}) == []
    assert script.publish(cds="back@2") == ["cds +back@2"]
    assert script.ack("cds") == []
    assert not script.session.settled
    assert script.wait(10) == []
    assert script.session.settled


def test_names_that_vanished_while_a_proxy_was_away_are_removed_too() -> None:
    script = Script()
    script.publish(eds="a@1")
    assert script.ask("eds", "a", "old", "never", held={"a": "1", "old": "1"}) == ["eds -never"]
    assert script.wait(10) == []
    assert script.ack("eds") == ["eds -old"]


def test_a_stale_or_unknown_nonce_changes_nothing() -> None:
    script = Script()
    script.publish(cds="a@1")
    script.ask("cds")
    assert script.session.received(request("cds", nonce="from another life"), 0) == []
    assert script.publish(cds="a@2") == []
    assert script.ack("cds") == ["cds +a@2"]


def test_a_type_nobody_publishes_is_answered_as_empty() -> None:
    script = Script()
    answer = script.ask("type.googleapis.com/envoy.service.runtime.v3.Runtime", "r")
    assert answer == ["type.googleapis.com/envoy.service.runtime.v3.Runtime -r"]


def test_too_many_types_or_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    for index in range(MOST_TYPES):
        script.ask(f"type{index}")
    with pytest.raises(TooMuch, match="16 types"):
        script.ask("one more")
    monkeypatch.setattr(names, "MOST_NAMES", 2)
    with pytest.raises(TooMuch, match="3 names"):
        Script().ask("eds", "a", "b", "c")
    with pytest.raises(TooMuch, match="longer"):
        Script().ask("eds", "a" * 2_000)


def test_a_proxy_of_two_views_sees_both() -> None:
    script = Script(View("mesh"), View("own"))
    script.publish(0, cds="shared@1", eds="shared@1")
    script.publish(1, cds="mine@1", eds="mine@1")
    assert script.ask("cds") == ["cds +shared@1"]
    assert script.ack("cds") == ["cds +mine@1"]
    assert script.ack("cds") == []
    assert script.ask("eds", "mine", "shared", "ghost") == ["eds +shared@1 -ghost"]
    assert script.ack("eds") == ["eds +mine@1"]
    script.settle()
    assert script.publish(1, cds="mine@2") == ["cds +mine@2", "eds +mine@1"]
    script.settle()
    assert script.publish(0, eds="shared@2") == ["eds +shared@2"]


def test_a_reconnecting_proxy_of_two_views_gets_the_difference_of_both() -> None:
    script = Script(View("mesh"), View("own"))
    script.publish(0, cds="shared@1 s2@1")
    script.publish(1, cds="mine@2")
    assert script.ask("cds", held={"shared": "1", "mine": "1", "s2": "1"}) == ["cds +mine@2"]
    assert script.ack("cds") == []


def test_a_changed_cluster_gets_its_endpoints_again_for_envoy_does_not_ask() -> None:
    script = Script()
    script.publish(cds="a@1 b@1", eds="a@1 b@1")
    script.ask("cds")
    script.ask("eds", "a", "b")
    script.settle()
    assert script.publish(cds="a@2") == ["cds +a@2", "eds +a@1"]
    assert script.settle() == []


def test_endpoints_that_change_with_their_cluster_are_sent_once() -> None:
    script = Script()
    script.publish(cds="a@1", eds="a@1")
    script.ask("cds")
    script.ask("eds", "a")
    script.settle()
    assert script.publish(cds="a@2", eds="a@2") == ["cds +a@2", "eds +a@2"]
    assert script.settle() == []


def test_endpoints_under_way_when_their_cluster_changes_are_sent_again() -> None:
    script = Script()
    script.publish(cds="a@1", eds="a@1")
    script.ask("cds")
    script.ask("eds", "a")
    script.settle()
    assert script.publish(eds="a@2") == ["eds +a@2"]
    assert script.publish(cds="a@2") == ["cds +a@2"]
    assert script.ack("eds") == ["eds +a@2"]


def test_a_cluster_that_changed_while_the_proxy_was_away_gets_its_endpoints_again() -> None:
    script = Script()
    script.publish(cds="a@1 b@1", eds="a@1 b@1")
    assert script.ask("cds", held={"a": "0", "b": "1"}) == ["cds +a@1"]
    assert script.ask("eds", "a", "b", held={"a": "1", "b": "1"}) == ["eds +a@1"]


def _two_views_in_sync() -> Script:
    script = Script(View("mesh"), View("own"))
    script.publish(0, cds="shared@1", eds="shared@1", rds="routes@1")
    script.publish(1, cds="mine@1")
    script.ask("cds")
    script.settle()
    script.ask("eds", "shared")
    script.settle()
    script.ask("rds", "routes")
    script.settle()
    script.wait(PATIENCE)
    return script


def test_a_change_in_one_of_two_views_goes_the_short_way_and_is_told_of_that_view() -> None:
    script = _two_views_in_sync()
    for version in ("2", "3"):
        script.views[0].commit(changes(eds=f"shared@{version}"))
        leg = script.session.depart(script.now)
        assert leg is not None
        assert leg.chunk is not None
        assert [each.name for each in leg.chunk.resources] == ["shared"]
        assert not script.session.arrive(), "nothing came meanwhile"
        assert script.session.settled
    assert script.publish(1, cds="mine@2") == ["cds +mine@2"]


def test_changes_in_both_views_go_the_general_way() -> None:
    script = _two_views_in_sync()
    script.views[0].commit(changes(rds="routes@2"))
    script.views[1].commit(changes(cds="mine@2"))
    assert script.session.depart(script.now) is None
    assert script.wait(0) == ["cds +mine@2", "rds +routes@2"]
    assert script.settle() == []


def test_a_change_in_the_other_view_does_not_wait_for_an_answer() -> None:
    script = _two_views_in_sync()
    assert script.publish(0, rds="routes@2") == ["rds +routes@2"]
    assert script.publish(1, cds="mine@2") == ["cds +mine@2"]
    assert script.settle() == []
    assert script.session.settled


@pytest.mark.parametrize(
    ("held", "heard"),
    [
        ({"shared": "1", "mine": "1"}, []),
        ({"shared": "1", "mine": "0"}, ["cds +mine@1"]),
        ({"shared": "1"}, ["cds +mine@1"]),
        ({"shared": "1", "mine": "1", "gone": "1"}, ["cds -gone"]),
        ({"shared": "0", "gone": "1"}, ["cds +shared@1", "cds +mine@1", "cds -gone"]),
    ],
)
def test_who_comes_back_to_two_views_is_told_the_difference(held: dict[str, str], heard: list[str]) -> None:
    script = Script(View("mesh"), View("own"))
    script.publish(0, cds="shared@1")
    script.publish(1, cds="mine@1")
    said = script.ask("cds", held=held)
    for _ in range(3):
        said += script.settle()
        said += script.wait(PATIENCE)
    assert said == heard


def test_a_name_held_by_none_of_two_views_but_asked_for_is_said_not_to_be_there() -> None:
    script = Script(View("mesh"), View("own"))
    script.publish(0, eds="shared@1")
    assert script.ask("eds", "shared", "ghost", held={"shared": "1"}) == ["eds -ghost"]
