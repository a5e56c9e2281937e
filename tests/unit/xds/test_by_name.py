"""Views of which a proxy that asks for everything gets only what it asks for by name."""

from tests.kit.xds import Script, changes

from sekisho.xds.session import PATIENCE
from sekisho.xds.view import View


def _script() -> Script:
    """A proxy of a common view and of one by name, which both have content."""
    script = Script(View("common"), View("on demand", by_name=True))
    script.publish(0, cds="a@1", eds="a@1", lds="l@1")
    script.publish(1, cds="x@1 y@1", eds="x@1 y@1")
    return script


def _in_sync() -> Script:
    """As an Envoy: clusters and listeners as they are, endpoints by name."""
    script = _script()
    script.ask("cds")
    script.ask("eds", "a")
    script.ask("lds")
    script.settle()
    return script


def test_who_asks_for_everything_is_not_sent_it() -> None:
    script = _script()
    assert script.ask("cds") == ["cds +a@1"]
    assert script.ack("cds") == []


def test_what_is_asked_for_by_name_is_sent_and_followed() -> None:
    script = _in_sync()
    assert script.ask("cds", "x") == ["cds +x@1"]
    assert script.ask("eds", "x") == ["eds +x@1"]
    script.settle()
    assert script.publish(1, cds="x@2 y@2") == ["cds +x@2", "eds +x@1"]
    script.settle()
    script.wait(PATIENCE)
    assert script.publish(1, cds="-x -y", eds="-x -y") == ["cds -x"]


def test_a_name_that_nothing_has_is_refused_at_once() -> None:
    script = _in_sync()
    assert script.ask("cds", "nobody") == ["cds -nobody"]
    script.settle()
    assert script.publish(1, cds="nobody@1") == ["cds +nobody@1"]


def test_a_name_of_a_view_that_is_not_the_proxys_is_refused_as_if_it_were_not_there() -> None:
    others = View("on demand of others", by_name=True)
    others.commit(changes(cds="secret@1"))
    assert _in_sync().ask("cds", "secret") == ["cds -secret"]


def test_a_first_request_for_everything_and_names_gets_both() -> None:
    script = _script()
    assert script.ask("cds", "*", "x", "nobody") == ["cds -nobody"]
    assert script.ack("cds") == ["cds +x@1"]
    assert script.ack("cds") == ["cds +a@1"]
    assert script.ack("cds") == []


def test_after_a_reconnect_nothing_is_sent_again_and_all_is_followed_on() -> None:
    script = _script()
    held = {"a": "1", "x": "1"}
    assert script.ask("cds", "*", "x", held=held) == []
    assert script.ask("eds", "a", "x", held=held) == []
    assert script.ask("lds", held={"l": "1"}) == []
    assert script.publish(1, cds="x@2", eds="x@2") == ["cds +x@2", "eds +x@2"]


def test_after_a_reconnect_what_changed_and_what_went_meanwhile_is_told() -> None:
    script = _script()
    held = {"a": "1", "x": "0", "gone": "1"}
    assert script.ask("cds", "*", "gone", "x", held=held) == ["cds +x@1"]
    script.settle()
    assert script.wait(PATIENCE) == ["cds -gone"]


def test_what_is_held_without_being_asked_for_again_is_followed_on() -> None:
    """An Envoy that started from a last known good asked nobody by name."""
    script = _script()
    assert script.ask("cds", held={"a": "1", "x": "1"}) == []
    assert script.publish(1, cds="x@2 y@2") == ["cds +x@2"]
    script.settle()
    script.wait(PATIENCE)
    assert script.publish(1, cds="-x") == ["cds -x"]


def test_new_endpoints_of_what_nobody_asked_for_hold_up_no_listener() -> None:
    script = _in_sync()
    script.publish(1, cds="z@1", eds="z@1")
    assert script.publish(0, lds="l@2") == ["lds +l@2"]


def test_who_begins_to_ask_for_everything_is_not_sent_it_either() -> None:
    script = _script()
    assert script.ask("cds", "a") == ["cds +a@1"]
    script.settle()
    assert script.ask("cds", "*") == ["cds +a@1"]


def test_who_drops_a_name_is_sent_nothing_of_it_any_more() -> None:
    script = _in_sync()
    script.ask("cds", "x")
    script.settle()
    assert script.ask("cds", drop=["x"]) == []
    assert script.publish(1, cds="x@2") == []


def test_a_name_may_be_in_both_kinds_of_view_as_long_as_they_show_the_same() -> None:
    script = _in_sync()
    script.ask("cds", "x")
    script.ask("eds", "x")
    script.settle()
    assert script.publish(0, cds="x@1") == ["cds +x@1", "eds +x@1"]
    script.settle()
    script.publish(0, cds="-x")
    heard = script.settle()
    script.publish(1, cds="-x", eds="-x")
    assert all("+" not in one for one in [*heard, *script.settle()])


def test_endpoints_take_the_short_way_for_those_who_follow_them() -> None:
    script = _in_sync()
    script.ask("cds", "x")
    script.ask("eds", "x")
    script.settle()
    script.wait(PATIENCE)
    assert script.publish(1, eds="x@2") == ["eds +x@2"]
    script.settle()
    assert script.publish(1, eds="y@2") == []
