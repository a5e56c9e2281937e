"""`sekisho.kit.text`."""

import time

from sekisho.kit import text

FIELDS = ("hostnames", "parentRefs", "rules")


def test_a_near_word_is_suggested() -> None:
    assert text.did_you_mean("hostname", FIELDS) == 'did you mean "hostnames"?'


def test_upper_and_lower_case_do_not_count() -> None:
    assert text.closest("ParentREFS", FIELDS) == "parentRefs"


def test_letters_in_the_wrong_order_are_near_in_the_shortest_words() -> None:
    assert text.closest("ot", ("to", "rules")) == "to"


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    assert text.closest("zebra", FIELDS) is None
    assert text.did_you_mean("zebra", FIELDS) == ""
    assert text.closest("x", ()) is None


def test_a_word_of_a_megabyte_costs_nothing() -> None:
    start = time.process_time()
    assert text.closest("h" * 1_000_000, FIELDS) is None
    assert time.process_time() - start < 0.1
