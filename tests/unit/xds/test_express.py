"""The express way: what proxies in the same position share, and how one leaves it and comes back."""

from tests.kit.xds import LONG, Script, changes, request

from sekisho.xds.session import PATIENCE
from sekisho.xds.types import ENDPOINTS
from sekisho.xds.view import View


def settled(*views: View) -> Script:
    """A proxy in sync that follows everything of three types, at version 1."""
    script = Script(*views)
    if not script.views[0].seq:
        script.publish(cds="a@1", eds="a@1 b@1", rds="r@1")
    for short in ("cds", "eds", "rds"):
        script.ask(short, *(["*"] if short != "cds" else []))
        script.settle()
    script.wait(PATIENCE)
    assert script.session.settled
    return script


def test_proxies_in_the_same_position_are_sent_the_same_bytes() -> None:
    view = View("v")
    scripts = [settled(view), settled(view)]
    view.commit(changes(eds="a@2"))
    first, second = (script.session.depart(0) for script in scripts)
    assert first is not None
    assert first is second


def test_a_position_is_the_same_however_it_was_reached() -> None:
    view = View("v")
    express, general = settled(view), settled(view)
    assert express.publish(eds="a@2") == ["eds +a@2"]
    express.settle()
    general.ask("rds", "r")  # asked again: that is no news but a question
    general.settle()
    view.commit(changes(eds="a@3"))
    legs = [script.session.depart(script.now) for script in (express, general)]
    assert None not in legs
    assert [leg.type_url for leg in legs if leg is not None] == [ENDPOINTS] * 2


def test_a_commit_that_comes_before_the_answer_is_missed_once() -> None:
    script = settled()
    script.views[0].commit(changes(eds="a@2"))
    script.session.depart(0)
    script.views[0].commit(changes(eds="a@3"))
    waiting = script.session.depart(0)
    assert waiting is not None
    assert waiting.chunk is None, "one unanswered response at a time"
    assert script.session.arrive()
    following = script.session.depart(0)
    assert following is not None
    assert following.chunk is not None
    assert not script.session.arrive()


def test_a_commit_nobody_was_woken_for_yet_is_not_missed() -> None:
    script = settled()
    script.views[0].commit(changes(eds="a@2"))
    script.session.depart(0)
    script.views[0].commit(changes(eds="a@3"))
    assert not script.session.arrive(), "the round comes by"
    assert script.wait(0) == ["eds +a@3"]


def test_another_type_does_not_wait_for_the_answer() -> None:
    script = settled()
    assert script.publish(eds="a@2") == ["eds +a@2"]
    assert script.publish(cds="a@2") == ["cds +a@2"]
    assert script.session.awaited is None, "two are unanswered: the general way"
    assert script.settle() == []
    assert script.session.settled


def test_what_is_asked_meanwhile_is_answered_and_nothing_is_lost() -> None:
    script = settled()
    assert script.publish(eds="a@2") == ["eds +a@2"]
    assert script.ask("sds", "ghost") == ["sds -ghost"]
    assert script.ack("sds", "eds") == []
    assert script.publish(eds="b@2") == ["eds +b@2"]


def test_under_steady_change_a_proxy_comes_back_to_the_express_way_and_is_said_to_be_in_sync() -> None:
    script = settled()
    heard = script.publish(rds="r@2", eds="a@2")
    assert script.session.awaited is None, "two types: the general way"
    for version in range(3, 7):
        script.views[0].commit(changes(eds=f"a@{version}"))
        heard += script.ack(*[LONG[type_url] for type_url in script.open])
    assert heard == ["eds +a@2", "eds +a@3", "rds +r@2", "eds +a@4", "eds +a@5", "eds +a@6"]
    assert script.session.awaited is not None
    assert script.session.reached[0] == script.views[0].seq - 1


def test_the_express_way_says_how_long_an_answer_is_missing_and_how_far_the_proxy_is() -> None:
    script = settled()
    before = script.views[0].seq
    script.now = 50.0
    assert script.session.waiting_since is None
    assert script.publish(eds="a@2") == ["eds +a@2"]
    assert script.session.waiting_since == 50.0
    assert script.session.reached == [before]
    log = script.views[0].log(ENDPOINTS)
    assert log is not None
    assert script.session.floor(log) == before
    script.ack("eds")
    assert (script.session.reached, script.session.waiting_since) == ([before + 1], None)


def test_an_answer_to_something_else_is_no_answer() -> None:
    script = settled()
    assert script.publish(eds="a@2") == ["eds +a@2"]
    assert script.session.received(request("eds", nonce="0.0"), script.now) == []
    assert not script.session.settled
    script.ack("eds")
    assert script.session.settled
