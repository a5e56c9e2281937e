"""Make before break: what is needed first, then what uses it, then the removals."""

from tests.kit.xds import Script

from sekisho.xds.order import STEPS, Part, in_order, steps_of
from sekisho.xds.types import TYPES


def started(**published: str) -> Script:
    """A proxy that has everything, long connected."""
    script = Script()
    script.publish(**published)
    for short in ("cds", "eds", "lds", "srds"):
        script.ask(short, *(["*"] if short == "eds" else []))
        script.settle()
    script.wait(10)
    return script


def test_every_type_is_made_switched_and_broken() -> None:
    for type_url in TYPES:
        parts = [step.part for step in steps_of(type_url)]
        assert parts in ([Part.MAKE, Part.BREAK], [Part.BOTH])
    assert in_order(tuple(reversed(TYPES[:6]))) == STEPS


def test_a_lone_change_goes_at_once() -> None:
    script = started(cds="c@1", eds="c@1", lds="l@1", srds="s@1")
    for short in ("cds", "eds", "lds", "srds"):
        name = {"cds": "c", "eds": "c", "lds": "l", "srds": "s"}[short]
        assert script.publish(**{short: f"{name}@2"}) == [f"{short} +{name}@2"]
        assert script.ack(short) == []


def test_a_route_waits_for_the_cluster_it_needs_and_the_old_cluster_for_the_route() -> None:
    script = started(cds="old@1", eds="old@1", srds="s@1")
    assert script.publish(cds="new@1 -old", eds="new@1 -old", srds="s@2") == ["cds +new@1", "eds +new@1"]
    assert script.ack("cds") == []
    assert script.ack("eds") == ["srds +s@2"]
    assert script.ack("srds") == ["cds -old"]
    assert script.ack("cds") == ["eds -old"]
    assert script.ack("eds") == []


def test_listeners_go_before_routes_and_take_their_removals_along() -> None:
    script = started(lds="l@1", srds="s@1")
    assert script.publish(lds="l@2 m@1", srds="t@1 -s") == ["lds +l@2 +m@1", "srds +t@1 -s"]


def test_a_refusal_is_an_answer() -> None:
    script = started(cds="c@1", srds="s@1")
    assert script.publish(cds="d@1", srds="s@2") == ["cds +d@1"]
    assert script.nack("cds") == ["srds +s@2"]


def test_types_the_proxy_does_not_follow_hold_nothing_up() -> None:
    script = Script()
    script.publish(cds="c@1", eds="c@1", srds="s@1")
    assert script.ask("srds") == ["srds +s@1"]


def test_a_route_waits_for_endpoints_the_proxy_will_ask_for_when_it_has_the_cluster() -> None:
    script = Script()
    script.publish(cds="a@1", eds="a@1", srds="s@1")
    script.ask("cds")
    script.ack("cds")
    script.ask("eds", "a")
    script.ack("eds")
    script.ask("srds")
    script.ack("srds")
    assert script.publish(cds="b@1", eds="b@1", srds="t@1") == ["cds +b@1"]
    assert script.ack("cds") == []
    assert script.ask("eds", "b") == ["eds +b@1"]
    assert script.ack("eds") == ["srds +t@1"]


def test_it_does_not_wait_for_ever_for_endpoints_nobody_asks_for() -> None:
    script = started(cds="a@1", srds="s@1")
    script.ask("eds", drop=["*"])
    assert script.publish(cds="b@1", eds="b@1", srds="t@1") == ["cds +b@1"]
    assert script.ack("cds") == []
    assert script.session.due is not None
    assert script.wait(script.session.due - script.now) == ["srds +t@1"]
    script.ack("srds")
    assert script.publish(srds="t@2") == ["srds +t@2"]


def test_endpoints_that_keep_changing_do_not_starve_routes() -> None:
    script = started(eds="e@1", srds="s@1")
    script.publish(eds="e@2")
    script.publish(srds="s@2", eds="e@3")
    script.publish(eds="e@4")
    assert script.ack("eds") == ["eds +e@4"]
    script.publish(eds="e@5")
    assert script.ack("eds") == ["eds +e@5", "srds +s@2"]


def test_a_route_that_is_newer_than_what_was_made_waits_while_older_ones_go() -> None:
    script = started(cds="c@1", srds="s@1 t@1")
    script.publish(cds="c@2", srds="s@2")
    script.publish(cds="c@3", srds="t@2")
    assert script.ack("cds") == ["cds +c@3", "srds +s@2"]
    assert script.ack("cds", "srds") == ["srds +t@2"]


def test_nothing_is_taken_away_while_a_new_stream_settles() -> None:
    script = Script()
    script.publish(cds="a@1 b@1")
    script.ask("cds")
    script.ack("cds")
    assert script.publish(cds="-b") == []
    assert script.session.due == 2
    assert script.wait(2) == ["cds -b"]


def test_a_name_removed_and_added_again_is_an_update() -> None:
    script = started(cds="c@1 d@1")
    script.publish(cds="d@2")
    script.publish(cds="-c")
    script.publish(cds="c@2")
    assert script.ack("cds") == ["cds +c@2"]
    assert script.ack("cds") == []
