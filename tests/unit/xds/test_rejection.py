"""A bad resource is found, shown, kept from others, and never holds up the rest."""

from typing import Any

import pytest
from tests.kit.xds import LONG, Proxy, Script, changes, chatter, parsed

from sekisho.protos import message
from sekisho.xds import delta
from sekisho.xds.delta import Chunking, Limit
from sekisho.xds.nudge import nudged_entry
from sekisho.xds.observer import Observer
from sekisho.xds.resource import QUORUM, Resource, Shelf
from sekisho.xds.types import SCOPED_ROUTES, Blob, Name
from sekisho.xds.view import View


class Notes(Observer):
    """Writes down what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def rejected(self, proxy: str, name: Name, version: str, message: str) -> None:
        self.lines.append(f"{proxy} rejects {LONG[name.type_url]} {name.name}@{version}: {message}")

    def accepted(self, proxy: str, *names: Name) -> None:
        self.lines += [f"{proxy} accepts {LONG[name.type_url]} {name.name}" for name in names]


def connected(view: View, *shorts: str, **options: Any) -> Script:
    script = Script(view, **options)
    for short in shorts:
        script.ask(short)
        script.settle()
    script.wait(10)
    return script


def test_a_resource_refused_alone_is_reported_and_not_sent_again() -> None:
    notes = Notes()
    script = connected(View("v"), "srds", observer=notes)
    script.publish(srds="a@1")
    assert script.nack("srds", "no such filter") == []
    assert notes.lines == ["p rejects srds a@1: no such filter"]
    assert script.wait(1_000) == []
    assert script.publish(srds="b@1") == ["srds +b@1"]


def test_a_new_version_is_tried_and_told_when_it_is_good() -> None:
    notes = Notes()
    script = connected(View("v"), "srds", observer=notes)
    script.publish(srds="a@1")
    script.nack("srds")
    assert script.publish(srds="a@2") == ["srds +a@2"]
    script.ack("srds")
    assert notes.lines[1:] == ["p accepts srds a"]


def test_removing_a_rejected_resource_settles_the_matter() -> None:
    notes = Notes()
    script = connected(View("v"), "srds", observer=notes)
    script.publish(srds="a@1")
    script.nack("srds")
    assert script.publish(srds="-a") == ["srds -a"]
    script.ack("srds")
    assert notes.lines[1:] == ["p accepts srds a"]


def test_without_a_name_in_the_text_the_response_is_halved_until_the_bad_one_is_alone() -> None:
    notes = Notes()
    script = connected(View("v"), "srds", observer=notes)
    script.publish(srds="a@1 b@1 c@1 d@1")
    assert script.nack("srds") == ["srds +a@1 +b@1"]
    assert script.ack("srds") == ["srds +c@1 +d@1"]
    assert script.nack("srds") == ["srds +c@1"]
    assert script.nack("srds", "c is bad") == ["srds +d@1"]
    assert script.ack("srds") == []
    assert notes.lines == ["p rejects srds c@1: c is bad"]


def test_a_text_that_names_one_leads_straight_to_it() -> None:
    notes = Notes()
    script = connected(View("v"), "cds", observer=notes)
    script.publish(cds="good@1 bad@1 fine@1")
    text = "Error adding/updating cluster(s) bad: no"
    assert script.nack("cds", text) == ["cds +good@1 +fine@1"]
    assert script.ack("cds") == ["cds +bad@1"]
    assert script.nack("cds", text) == []
    assert notes.lines == [f"p rejects cds bad@1: {text}"]


def test_a_text_that_names_the_wrong_one_condemns_nobody() -> None:
    notes = Notes()
    script = connected(View("v"), "cds", observer=notes)
    script.publish(cds="a@1 b@1")
    assert script.nack("cds", "a thing is wrong") == ["cds +b@1"]
    assert script.nack("cds", "a thing is wrong") == ["cds +a@1"]
    assert script.ack("cds") == []
    assert notes.lines == ["p rejects cds b@1: a thing is wrong"]


def test_removals_in_a_refused_response_are_told_again() -> None:
    script = connected(View("v"), "srds")
    script.publish(srds="old@1")
    script.ack("srds")
    assert script.publish(srds="bad@1 -old") == ["srds +bad@1 -old"]
    assert script.nack("srds") == ["srds -old"]
    assert script.ack("srds") == ["srds +bad@1"]
    assert script.nack("srds") == []


def test_what_changed_meanwhile_is_not_tried_at_its_old_version() -> None:
    script = connected(View("v"), "srds")
    script.publish(srds="a@1 b@1")
    script.publish(srds="b@2")
    assert script.nack("srds") == ["srds +a@1"]
    assert script.ack("srds") == ["srds +b@2"]


def test_one_proxy_alone_cannot_take_a_resource_from_others() -> None:
    view = View("v")
    hostile = connected(view, "srds", proxy="hostile")
    hostile.publish(srds="a@1")
    hostile.nack("srds")
    assert Script(view, proxy="healthy").ask("srds") == ["srds +a@1"]


def test_what_enough_proxies_refused_is_spared_the_others() -> None:
    view = View("v")
    scripts = [connected(view, "srds", proxy=f"p{index}") for index in range(QUORUM)]
    view.commit(changes(srds="a@1 b@1"))
    for script in scripts:
        script.wait(0)
        script.nack("srds", "about a")
        script.ack("srds")
        script.nack("srds", "a is bad")
    assert Script(view, proxy="late").ask("srds") == ["srds +b@1"]


def test_while_a_version_is_condemned_newcomers_get_the_last_good_one() -> None:
    view = View("v")
    scripts = [connected(view, "srds", proxy=f"p{index}") for index in range(QUORUM)]
    view.commit(changes(srds="a@1"))
    for script in scripts:
        script.wait(0)
        script.settle()
    view.commit(changes(srds="a@2"))
    for script in scripts:
        script.wait(0)
        script.nack("srds")
    assert Script(view, proxy="late").ask("srds") == ["srds +a@1"]
    assert Script(view, proxy="back").ask("srds", held={"a": "1"}) == []


def test_a_proxy_that_accepts_a_condemned_version_frees_it_for_all() -> None:
    view = View("v")
    scripts = [connected(view, "srds", proxy=f"p{index}") for index in range(QUORUM + 1)]
    view.commit(changes(srds="a@1"))
    for script in scripts:
        script.wait(0)
    for script in scripts[:QUORUM]:
        script.nack("srds")
    late = Script(view, proxy="late")
    assert late.ask("srds") == ["srds"]
    scripts[QUORUM].ack("srds")
    assert late.ack("srds") == ["srds +a@1"]


def test_views_on_one_shelf_learn_from_each_other() -> None:
    shelf = Shelf()
    first, second = View("first", shelf), View("second", shelf)
    scripts = [connected(first, "srds", proxy=f"p{index}") for index in range(QUORUM)]
    first.commit(changes(srds="a@1"))
    for script in scripts:
        script.wait(0)
        script.nack("srds")
    second.commit(changes(srds="a@1 b@1"))
    assert Script(second).ask("srds") == ["srds +b@1"]


def test_a_listener_is_tried_again_later_and_ever_more_slowly_because_its_port_may_become_free() -> None:
    notes = Notes()
    script = connected(View("v"), "lds", observer=notes)
    script.publish(lds="l@1")
    script.nack("lds", "cannot bind")
    assert script.wait(4.9) == []
    assert script.wait(0.2) == ["lds +l@1"]
    script.nack("lds", "cannot bind")
    assert script.wait(9.9) == []
    assert script.wait(0.2) == ["lds +l@1"]
    script.ack("lds")
    assert notes.lines == ["p rejects lds l@1: cannot bind"] * 2 + ["p accepts lds l"]


def test_a_refused_listener_is_nobody_elses_business() -> None:
    view = View("v")
    scripts = [connected(view, "lds", proxy=f"p{index}") for index in range(QUORUM + 1)]
    view.commit(changes(lds="l@1"))
    for script in scripts:
        assert script.wait(0) == ["lds +l@1"]
        script.nack("lds", "cannot bind")
    assert Script(view, proxy="late").ask("lds") == ["lds +l@1"]


def test_a_proxy_that_asks_again_for_what_it_refused_has_to_wait() -> None:
    script = connected(View("v"))
    script.publish(rds="r@1")
    assert script.ask("rds", "r") == ["rds +r@1"]
    assert script.nack("rds") == []
    assert script.ask("rds", "r") == []
    assert script.wait(4.9) == []
    assert script.wait(0.2) == ["rds +r@1"]


def test_large_sets_come_in_chunks_and_one_bad_scope_costs_few_responses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(delta.CHUNKING, SCOPED_ROUTES, Chunking(later=Limit(8, 2**18)))
    view = View("v")
    script = connected(view, "srds")
    names = [f"n{index:02}" for index in range(64)]
    proxy = Proxy(lambda _short, name, _version: name == "n37")
    proxy.wanted = {"srds": {"*"}}
    view.commit(changes(srds=" ".join(f"{name}@1" for name in names)))
    proxy.inbox = [parsed(chunk) for chunk in script.session.advance(script.now)]
    for _ in chatter(proxy, script.session, script.now):
        pass
    assert set(proxy.held["srds"]) == set(names) - {"n37"}
    assert len(proxy.heard) <= 8 + 2 * 4


def test_a_response_is_split_by_size_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(delta.CHUNKING, SCOPED_ROUTES, Chunking(first=Limit(100, 1), later=Limit(100, 1)))
    script = Script()
    script.publish(srds="a@1 b@1")
    assert script.ask("srds") == ["srds +a@1"]
    assert script.ack("srds") == ["srds +b@1"]
    assert script.ack("srds") == []


def test_a_scope_tried_again_differs_where_it_has_no_effect() -> None:
    script = connected(View("v"), "srds")
    script.publish(srds="good@1 bad@1")
    sent = script.session.awaited
    assert sent is not None
    first = parsed(sent).resources[0]
    assert script.nack("srds") == ["srds +good@1"]
    again = parsed(script.session._subscriptions[SCOPED_ROUTES].waiting).resources[0]  # type: ignore[arg-type]
    assert (again.name, again.version) == (first.name, first.version)
    assert again.resource.value != first.resource.value
    scope = message("envoy.config.route.v3.ScopedRouteConfiguration").FromString(again.resource.value)
    scope.route_configuration.ClearField("metadata")
    assert scope.SerializeToString() == first.resource.value


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x01s\x12\x01r"], ids=["no message", "routes by name"])
def test_what_is_no_inline_scope_is_tried_again_as_it_is(body: bytes) -> None:
    resource = Resource(SCOPED_ROUTES, "s", Blob("1", body))
    assert nudged_entry(SCOPED_ROUTES, resource, "1") == (resource.head, resource.body)
