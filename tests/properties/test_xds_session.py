"""Laws of the delta session over random conversations."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.kit.xds import Proxy, changes, parsed, versions

from sekisho.xds import delta
from sekisho.xds.delta import Chunking, Limit
from sekisho.xds.session import Session
from sekisho.xds.types import CLUSTER, SCOPED_ROUTES
from sekisho.xds.view import View

NAMES = ["a", "b", "c", "d", "e", "f"]
NAMED = ["eds", "sds", "rds"]
WILD = ["cds", "lds", "srds"]

names = st.sampled_from(NAMES)
some_names = st.lists(names, min_size=1, max_size=3, unique=True)


def is_bad(_short: str, _name: str, version: str) -> bool:
    """Every version that ends in 7 is refused by every proxy."""
    return version.endswith("7")


class Conversation(RuleBasedStateMachine):
    """One proxy, random commits, subscriptions, answers, reconnects, and time.

    After everything is answered, the proxy holds exactly what it asked for, except that for a bad version it
    holds what it had before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.view = View("v")
        self.proxy = Proxy(is_bad)
        self.now = 0.0
        self.version = 0
        self.small = Chunking(Limit(4, 10_000), Limit(2, 10_000))
        self.session = Session("p", [self.view], now=0)

    @initialize()
    def chunks_are_small(self) -> None:
        for type_url in (CLUSTER, SCOPED_ROUTES):
            log = self.view.log(type_url)
            assert log is not None
            log._chunking = self.small

    def hear(self, chunks: list[delta.Chunk]) -> None:
        waiting = [response.type_url for response in self.proxy.inbox]
        for chunk in chunks:
            assert chunk.type_url not in waiting, "two responses of one type in flight"
            waiting.append(chunk.type_url)
            self.proxy.inbox.append(parsed(chunk))

    def say(self, request: Any) -> None:
        self.hear(self.session.received(request, self.now))

    @rule(short=st.sampled_from(NAMED + WILD), touched=some_names, removed=st.booleans(), bad=st.booleans())
    def commit(self, *, short: str, touched: list[str], removed: bool, bad: bool) -> None:
        self.version += 10
        ending = self.version + (7 if bad else 0)
        self.view.commit(
            changes(**{short: " ".join(f"-{n}" if removed else f"{n}@{ending}" for n in touched)})
        )
        self.hear(self.session.advance(self.now))

    @rule(first=some_names, second=some_names)
    def commit_to_several_types(self, first: list[str], second: list[str]) -> None:
        self.version += 10
        self.view.commit(
            changes(
                cds=" ".join(f"{n}@{self.version}" for n in first),
                eds=" ".join(f"{n}@{self.version}" for n in first),
                srds=" ".join(f"{n}@{self.version}" for n in second),
            )
        )
        self.hear(self.session.advance(self.now))

    @rule(short=st.sampled_from(NAMED), wanted=some_names)
    def subscribe(self, short: str, wanted: list[str]) -> None:
        self.say(self.proxy.subscribe(short, *wanted))

    @rule(short=st.sampled_from(WILD))
    def subscribe_to_everything(self, short: str) -> None:
        if short not in self.proxy.wanted:
            self.say(self.proxy.subscribe(short))

    @rule(short=st.sampled_from(NAMED), dropped=some_names)
    def unsubscribe(self, short: str, dropped: list[str]) -> None:
        dropped = [name for name in dropped if name in self.proxy.wanted.get(short, ())]
        if dropped:
            self.say(self.proxy.unsubscribe(short, *dropped))

    @rule()
    def answer(self) -> None:
        if self.proxy.inbox:
            self.say(self.proxy.answer())

    @rule(seconds=st.sampled_from([0.5, 3.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.hear(self.session.advance(self.now))

    @rule()
    def reconnect(self) -> None:
        self.session.close("test")
        wanted = {short: set(asked) for short, asked in self.proxy.wanted.items()}
        self.proxy.reconnected()
        self.session = Session("p", [self.view], now=self.now)
        for short in sorted(wanted):
            if short in WILD:
                self.say(self.proxy.subscribe(short))
            elif wanted[short]:
                self.say(self.proxy.subscribe(short, *sorted(wanted[short])))

    @rule()
    def settle(self) -> None:
        """Everything is answered, time has passed, and the law holds."""
        for _ in range(3):
            rounds = 0
            while self.proxy.inbox:
                self.say(self.proxy.answer())
                rounds += 1
                assert rounds < 500, "it never ends"
            self.now += 3
            self.hear(self.session.advance(self.now))
        for short, wanted in self.proxy.wanted.items():
            self.check(short, wanted)

    def check(self, short: str, wanted: set[str]) -> None:
        published, held = versions(self.view, short), self.proxy.held.get(short, {})
        due = published if "*" in wanted else {n: v for n, v in published.items() if n in wanted}
        good = {name: version for name, version in due.items() if not is_bad(short, name, version)}
        assert {name: held.get(name) for name in good} == good
        assert held.keys() <= due.keys(), "it holds what does not exist or was not asked for"
        assert not any(is_bad(short, name, version) for name, version in held.items())

    @invariant()
    def no_more_than_one_response_per_type_is_open(self) -> None:
        types = [response.type_url for response in self.proxy.inbox]
        assert len(types) == len(set(types))

    def teardown(self) -> None:
        self.settle()


Conversation.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestConversation = Conversation.TestCase


class Follower:
    """A proxy of clusters and one scope, which names the clusters it uses in its version: `1:a+b`."""

    def __init__(self) -> None:
        self.view, self.proxy, self.now = View("v"), Proxy(), 0.0
        self.session = Session("p", [self.view], now=self.now)
        self.published: set[str] = set()
        for short in ("cds", "srds"):
            self.say(self.proxy.subscribe(short))

    def say(self, request: Any) -> None:
        self.hear(self.session.received(request, self.now))

    def hear(self, chunks: list[delta.Chunk]) -> None:
        self.proxy.inbox += [parsed(chunk) for chunk in chunks]

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.hear(self.session.advance(self.now))

    def publish(self, number: int, wanted: set[str]) -> None:
        """All clusters are replaced by `wanted`, and the scope uses these."""
        gone, kept = self.published - wanted, sorted(wanted)
        clusters = " ".join([*(f"{name}@{number}" for name in kept), *(f"-{name}" for name in sorted(gone))])
        self.view.commit(changes(cds=clusters, eds=clusters, srds=f"s@{number}:{'+'.join(kept)}"))
        self.published = set(wanted)
        self.wait(0)

    def answer(self, asks: str) -> None:
        """Like Envoy, it asks for the endpoints of new clusters, right before its ACK or right after."""
        reply = self.proxy.answer()
        self.check()
        held, asked = self.proxy.held.get("cds", {}).keys(), self.proxy.wanted.get("eds", set())
        if (missing := sorted(held - asked)) and asks == "early":
            self.say(self.proxy.subscribe("eds", *missing, held=False))
        self.say(reply)
        if missing and asks == "late":
            self.say(self.proxy.subscribe("eds", *missing, held=False))
        if dropped := sorted(self.proxy.wanted.get("eds", set()) - held):
            self.say(self.proxy.unsubscribe("eds", *dropped))

    def check(self) -> None:
        for version in self.proxy.held.get("srds", {}).values():
            used = set(filter(None, version.partition(":")[2].split("+")))
            assert used <= self.proxy.held.get("cds", {}).keys()
            assert used <= self.proxy.held.get("eds", {}).keys()

    def settle(self, asks: str) -> None:
        for _ in range(300):
            if not self.proxy.inbox:
                self.wait(3)
            if not self.proxy.inbox:
                return
            self.answer(asks)
        raise AssertionError("it never ends")


worlds = st.tuples(st.sets(names, max_size=3), st.sampled_from(["late", "early"]))


@given(st.lists(worlds, min_size=1, max_size=8), st.randoms())
@settings(max_examples=60)
def test_a_scope_never_names_a_cluster_whose_endpoints_the_proxy_does_not_have(
    commits: list[tuple[set[str], str]], random: Any
) -> None:
    follower = Follower()
    for number, (wanted, asks) in enumerate(commits):
        follower.publish(number, wanted)
        for _ in range(random.randrange(5)):
            if follower.proxy.inbox:
                follower.answer(asks)
        follower.wait(random.choice([0.0, 0.01, 0.5, 3.0]))
    follower.settle(commits[-1][1])
    assert follower.proxy.held["srds"] == versions(follower.view, "srds")
    assert follower.proxy.held["cds"] == versions(follower.view, "cds")
