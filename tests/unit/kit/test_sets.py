"""Sets that many hold."""

from sekisho.kit.sets import union


def test_a_union_has_everything_of_all() -> None:
    assert union([frozenset("ab"), frozenset(), frozenset("bc")]) == frozenset("abc")


def test_what_only_one_set_has_is_that_set_and_no_copy() -> None:
    many = frozenset("ab")
    assert union([frozenset(), many, frozenset()]) is many


def test_a_union_of_nothing_is_empty() -> None:
    assert union([]) == union([frozenset()]) == frozenset()
