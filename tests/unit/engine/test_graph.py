"""The engine: what runs again, what does not, and what comes out."""

from typing import Any

import pytest

from sekisho.engine import Engine, Read, index, output, query


@query
def double(read: Read, name: str) -> int:
    return 2 * (read.leaf(("number", name)) or 0)


@query
def parity(read: Read, name: str) -> int:
    return double(read, name) // 2 % 2


@query
def label(read: Read, name: str) -> str:
    return f"{double(read, name)} {'odd' if parity(read, name) else 'even'}"


LABELS = output("labels", source="number", build=lambda read, key: label(read, key[1]))
PARITIES = output("parities", source="number", build=lambda read, key: parity(read, key[1]))
BY_PARITY = index("numbers by parity", source="number", emit=lambda read, key: [parity(read, key[1])])
COUNTS = output("counts", source=BY_PARITY, build=lambda read, key: read.count(BY_PARITY, key))


def number(name: str) -> tuple[str, str]:
    return ("number", name)


def test_an_output_is_reported_when_it_appears_changes_and_goes() -> None:
    engine = Engine([LABELS])
    assert engine.commit({number("a"): 1}).outputs == {LABELS: {number("a"): "2 odd"}}
    assert engine.commit({number("a"): 2}).outputs == {LABELS: {number("a"): "4 even"}}
    assert engine.commit({number("a"): None}).outputs == {LABELS: {number("a"): None}}
    assert engine.size == 0


def test_an_equal_leaf_runs_nothing() -> None:
    engine = Engine([LABELS])
    engine.commit({number("a"): 1})
    before = dict(engine.runs)
    assert engine.commit({number("a"): 1}).outputs == {}
    assert engine.runs == before


def test_an_equal_result_ends_the_wave() -> None:
    engine = Engine([PARITIES])
    engine.commit({number("a"): 1})
    engine.runs.clear()
    assert engine.commit({number("a"): 3}).outputs == {}
    assert engine.runs == {"test_graph.double": 1, "test_graph.parity": 1}


def test_a_diamond_runs_once() -> None:
    engine = Engine([LABELS])
    engine.commit({number("a"): 1})
    engine.runs.clear()
    engine.commit({number("a"): 2})
    assert engine.runs == {"test_graph.double": 1, "test_graph.parity": 1, "test_graph.label": 1, "labels": 1}


def test_a_change_touches_nobody_else() -> None:
    engine = Engine([LABELS])
    engine.commit({number(str(n)): n for n in range(1000)})
    engine.runs.clear()
    engine.commit({number("7"): 8})
    assert sum(engine.runs.values()) == 4


def test_an_index_moves_keys_between_buckets() -> None:
    engine = Engine([COUNTS])
    assert engine.commit({number("a"): 1, number("b"): 3, number("c"): 2}).outputs == {COUNTS: {1: 2, 0: 1}}
    assert engine.commit({number("a"): 2}).outputs == {COUNTS: {1: 1, 0: 2}}
    assert engine.commit({number("b"): None}).outputs == {COUNTS: {1: None}}
    assert engine.read.bucket(BY_PARITY, 0) == {number("a"), number("c")}


def test_a_key_that_names_a_bucket_twice_stands_there_once() -> None:
    twice = index("twice", source="number", emit=lambda read, key: ["all", read.leaf(key), "all"])
    counts = output("counts of twice", source=twice, build=lambda read, key: read.count(twice, key))
    engine = Engine([counts])
    engine.commit({number("a"): 1})
    assert engine.value(counts, "all") == 1
    engine.commit({number("a"): 2, number("b"): 2})
    assert engine.value(counts, "all") == 2
    engine.commit({number("a"): None})
    assert engine.value(counts, "all") == 1


def test_a_reader_of_one_bucket_does_not_run_for_another() -> None:
    engine = Engine([COUNTS])
    engine.commit({number("a"): 1, number("b"): 2})
    engine.runs.clear()
    engine.commit({number("c"): 3})
    assert engine.runs["counts"] == 1


def test_a_reader_of_an_empty_bucket_learns_of_its_first_member() -> None:
    wish = output("wish", source="wish", build=lambda read, key: sorted(read.bucket(BY_PARITY, key[1])))
    engine = Engine([wish])
    assert engine.commit({("wish", 1): True}).outputs == {wish: {("wish", 1): []}}
    assert engine.commit({number("a"): 1}).outputs == {wish: {("wish", 1): [number("a")]}}
    assert engine.commit({number("a"): 2}).outputs == {wish: {("wish", 1): []}}


def test_a_reader_of_a_missing_leaf_learns_of_it() -> None:
    wish = output("wish", source="wish", build=lambda read, key: double(read, key[1]))
    engine = Engine([wish])
    assert engine.commit({("wish", "a"): True}).outputs == {wish: {("wish", "a"): 0}}
    assert engine.commit({number("a"): 4}).outputs == {wish: {("wish", "a"): 8}}
    assert engine.commit({number("a"): None}).outputs == {wish: {("wish", "a"): 0}}


def test_a_fault_stays_with_its_readers() -> None:
    def fragile(read: Read, key: Any) -> float:
        return 6 / read.leaf(key)

    quotient = output("quotient", source="number", build=fragile)
    engine = Engine([quotient])
    first = engine.commit({number("a"): 2, number("b"): 3})
    assert first.outputs == {quotient: {number("a"): 3, number("b"): 2}}
    changes = engine.commit({number("a"): 0, number("b"): 6})
    assert changes.outputs == {quotient: {number("b"): 1}}
    assert list(changes.failures) == [("quotient", number("a"))]
    assert engine.value(quotient, number("a")) == 3
    assert engine.commit({number("a"): 6}).outputs == {quotient: {number("a"): 1}}


def test_what_guards_closes_while_its_function_raises() -> None:
    def fragile(read: Read, key: Any) -> float:
        return 6 / read.leaf(key)

    guarding = output("guarding", source="number", build=fragile, closes=True)
    engine = Engine([guarding])
    engine.commit({number("a"): 2, number("b"): 3})
    changes = engine.commit({number("a"): 0})
    assert changes.outputs == {guarding: {number("a"): None}}
    assert list(changes.failures) == [("guarding", number("a"))]
    assert list(engine.keys(guarding)) == [number("b")]
    assert engine.commit({number("a"): 6}).outputs == {guarding: {number("a"): 1}}


def test_queries_that_raise_raise_for_each_reader_and_recover() -> None:
    @query
    def inverse(read: Read, name: str) -> float:
        return 1 / read.leaf(number(name))

    first = output("first", source="number", build=lambda read, key: inverse(read, key[1]))
    second = output("second", source="number", build=lambda read, key: -inverse(read, key[1]))
    engine = Engine([first, second])
    changes = engine.commit({number("a"): 0})
    assert sorted(name for name, _ in changes.failures) == ["first", "second"]
    changes = engine.commit({number("a"): 2})
    assert changes.outputs == {first: {number("a"): 0.5}, second: {number("a"): -0.5}}


def test_an_index_that_reads_a_later_one_is_refused() -> None:
    early = index("early", source="number", emit=lambda read, key: read.bucket(late, 0))
    late = index("late", source="number", emit=lambda read, key: [0])
    seen = output("seen", source=early, build=lambda read, key: key)
    failures = Engine([seen]).commit({number("a"): 1}).failures
    with pytest.raises(RuntimeError, match="defined after it"):
        raise failures["early", number("a")]


def test_a_query_that_depends_on_itself_is_refused() -> None:
    @query
    def endless(read: Read, name: str) -> int:
        return endless(read, name) + 1

    out = output("out", source="number", build=lambda read, key: endless(read, key[1]))
    failures = Engine([out]).commit({number("a"): 1}).failures
    with pytest.raises(RuntimeError, match="depends on itself"):
        raise failures["out", number("a")]


def test_an_output_can_be_built_from_an_index_of_an_index() -> None:
    tens = index("tens", source="number", emit=lambda read, key: [(read.leaf(key) // 10)])
    big = index("big", source=tens, emit=lambda read, ten: ["big"] if read.count(tens, ten) > 1 else [])
    out = output("big tens", source=big, build=lambda read, key: tuple(sorted(read.bucket(big, key))))
    engine = Engine([out])
    assert engine.commit({number("a"): 1, number("b"): 2, number("c"): 11}).outputs == {out: {"big": (0,)}}
    assert engine.commit({number("d"): 12}).outputs == {out: {"big": (0, 1)}}
    assert engine.commit({number("a"): None, number("c"): None}).outputs == {out: {"big": None}}


def test_nothing_leaks_after_everything_is_gone() -> None:
    engine = Engine([LABELS, COUNTS])
    for round_ in range(5):
        engine.commit({number(str(n)): n + round_ for n in range(50)})
        engine.commit({number(str(n)): None for n in range(50)})
        assert engine.size == 0


ODD = index("odd numbers", source="number", emit=lambda read, key: ["odd"] if parity(read, key[1]) else [])


@query
def is_any_odd(read: Read) -> bool:
    return read.any(ODD)


def test_who_asks_for_anything_runs_again_when_the_first_comes_and_when_the_last_goes() -> None:
    answers = output("answers", source="asker", build=lambda read, _: is_any_odd(read))
    engine = Engine([answers])
    engine.commit({("asker", "me"): True, number("a"): 2})
    assert engine.value(answers, ("asker", "me")) is False
    for leaves, said, runs in (
        ({number("a"): 1}, True, 1),
        ({number("b"): 3}, True, 0),
        ({number("a"): None}, True, 0),
        ({number("b"): None}, False, 1),
    ):
        engine.runs.clear()
        engine.commit(leaves)
        assert engine.value(answers, ("asker", "me")) is said
        assert engine.runs["test_graph.is_any_odd"] == runs


def test_keys_that_a_table_is_not_about_cost_nothing() -> None:
    def is_short(key: tuple[str, str]) -> bool:
        return len(key[1]) == 1

    shorts = output("shorts", source="number", build=lambda read, key: label(read, key[1]), where=is_short)
    echoes = output("echoes", source=shorts, build=lambda _, key: key[1])
    engine = Engine([shorts, echoes])
    engine.commit({number("a"): 1, number("long"): 2})
    assert set(engine.keys(shorts)) == set(engine.keys(echoes)) == {number("a")}
    assert engine.runs["shorts"] == engine.runs["echoes"] == 1
    engine.commit({number("a"): None, number("long"): None})
    assert not set(engine.keys(shorts)) | set(engine.keys(echoes))


def test_an_index_that_needs_something_asks_nobody_without_it() -> None:
    signs = index("signs", source="number", emit=lambda read, key: [read.leaf(key) > 0], when="policy")
    counts = output("counts", source=signs, build=lambda read, key: read.count(signs, key))
    engine = Engine([counts])
    engine.commit({number(str(n)): n for n in range(5)})
    assert not engine.runs["signs"]
    assert not set(engine.keys(counts))
    engine.commit({("policy", "a"): 1, number("5"): 5})
    assert {key: engine.value(counts, key) for key in engine.keys(counts)} == {True: 5, False: 1}
    engine.commit({("policy", "b"): 1})
    assert engine.runs["signs"] == 6
    changes = engine.commit({("policy", "a"): None, ("policy", "b"): None, number("6"): 6})
    assert changes.outputs == {counts: {True: None, False: None}}
    engine.commit({number(str(n)): None for n in range(7)})
    assert engine.size == 0


def test_an_index_may_need_that_another_one_has_keys() -> None:
    wanted = index("wanted", source="policy", emit=lambda read, key: ["any"] if read.leaf(key) else [])
    signs = index("signs", source="number", emit=lambda read, key: [read.leaf(key) > 0], when=wanted)
    counts = output("counts", source=signs, build=lambda read, key: read.count(signs, key))
    engine = Engine([counts])
    engine.commit({("policy", "a"): 0, number("1"): 1})
    assert not set(engine.keys(counts))
    engine.commit({("policy", "a"): 1})
    assert set(engine.keys(counts)) == {True}
    engine.commit({("policy", "a"): 0, number("2"): 2})
    assert not set(engine.keys(counts))
    assert engine.runs["signs"] == 1


def test_a_bucket_of_many_gives_them_all_back() -> None:
    everything = index("all numbers", source="number", emit=lambda _, __: ["all"])
    totals = output("totals", source=everything, build=lambda read, key: len(read.bucket(everything, key)))
    engine = Engine([totals])
    for count in (1, 6, 7, 20):
        engine.commit({number(str(n)): n for n in range(count)})
        assert engine.value(totals, "all") == count
    engine.commit({number(str(n)): None for n in range(1, 20)})
    assert engine.value(totals, "all") == 1
