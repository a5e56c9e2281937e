"""Laws of views by name over random conversations, as Envoy leads them."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.kit.xds import Proxy, changes, parsed, versions

from sekisho.xds import delta
from sekisho.xds.session import Session
from sekisho.xds.view import View

COMMON, FETCHED = ("a", "b", "c"), ("x", "y", "z")
ROUNDS = 200


class Caller(RuleBasedStateMachine):
    """A proxy of clusters that follows all of one view and asks for some of another by name.

    When everything is answered it holds all of the first, and of the second what it asked for, or held when
    it came back: no more, and nothing that is gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.common, self.fetched = View("common"), View("fetched", by_name=True)
        self.proxy, self.now, self.version = Proxy(), 0.0, 0
        self.asked: set[str] = set()
        self.begin()

    def begin(self, *names: str) -> None:
        """A stream; its first request names these besides everything, and says what is held."""
        self.session = Session("p", [self.common, self.fetched], now=self.now)
        self.say(self.proxy.subscribe("cds", *(("*", *names) if names else ())))

    def say(self, request: Any) -> None:
        self.hear(self.session.received(request, self.now))

    def hear(self, chunks: list[delta.Chunk]) -> None:
        self.proxy.inbox += [parsed(chunk) for chunk in chunks]
        assert len(self.proxy.inbox) <= 1, "two responses of one type in flight"

    def publish(self, view: View, touched: list[str], *, removed: bool) -> None:
        self.version += 1
        view.commit(
            changes(cds=" ".join(f"-{one}" if removed else f"{one}@{self.version}" for one in touched))
        )
        self.hear(self.session.advance(self.now))

    @rule(touched=st.lists(st.sampled_from(COMMON), min_size=1, unique=True), removed=st.booleans())
    def change_what_is_common(self, touched: list[str], *, removed: bool) -> None:
        self.publish(self.common, touched, removed=removed)

    @rule(touched=st.lists(st.sampled_from(FETCHED), min_size=1, unique=True), removed=st.booleans())
    def change_what_is_fetched(self, touched: list[str], *, removed: bool) -> None:
        self.publish(self.fetched, touched, removed=removed)

    @rule(name=st.sampled_from(FETCHED))
    def ask(self, name: str) -> None:
        self.asked.add(name)
        self.say(self.proxy.subscribe("cds", name))

    @rule()
    def answer(self) -> None:
        if self.proxy.inbox:
            self.say(self.proxy.answer())

    @rule()
    def come_back(self) -> None:
        """The stream broke: Envoy names again whatever it ever asked for."""
        self.session.close("test")
        self.proxy.reconnected()
        self.begin(*sorted(self.asked))

    @rule()
    def come_back_from_a_last_known_good(self) -> None:
        """Its Envoy was started anew with all that it held, and asked nobody."""
        self.settle()
        self.session.close("test")
        self.proxy.reconnected()
        self.asked &= self.proxy.held.get("cds", {}).keys()
        self.begin()

    @rule()
    def settle(self) -> None:
        """Everything is answered, time has passed, and the law holds."""
        for _ in range(2):
            for _ in range(ROUNDS):
                self.answer()
            assert not self.proxy.inbox, "it never ends"
            self.now += 3
            self.hear(self.session.advance(self.now))
        fetched = {name: at for name, at in versions(self.fetched, "cds").items() if name in self.asked}
        assert self.proxy.held.get("cds", {}) == versions(self.common, "cds") | fetched

    def teardown(self) -> None:
        self.settle()


Caller.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestCaller = Caller.TestCase
