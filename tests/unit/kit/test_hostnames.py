"""`sekisho.kit.hostnames`."""

import pytest

from sekisho.kit import hostnames


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("*", "anything.example", True),
        ("shop.example.com", "shop.example.com", True),
        ("shop.example.com", "SHOP.Example.com", True),
        ("shop.example.com", "a.shop.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "aexample.com", False),
        ("*.com", "a.com", True),
    ],
)
def test_a_wildcard_stands_for_one_label_or_more(pattern: str, host: str, expected: object) -> None:
    assert hostnames.matches(pattern, host) is expected


@pytest.mark.parametrize(
    ("listener", "route", "expected"),
    [
        (None, "a.com", "a.com"),
        (None, "*.a.com", "*.a.com"),
        ("a.com", "a.com", "a.com"),
        ("a.com", "b.com", None),
        ("*.a.com", "x.a.com", "x.a.com"),
        ("x.a.com", "*.a.com", "x.a.com"),
        ("*.a.com", "*.x.a.com", "*.x.a.com"),
        ("*.x.a.com", "*.a.com", "*.x.a.com"),
        ("*.a.com", "a.com", None),
        ("*.a.com", "*.b.com", None),
        ("*.com", "a.com", "a.com"),
        ("*", "a.com", "a.com"),
        ("*.a.com", "*", "*.a.com"),
    ],
)
def test_the_intersection_is_the_narrower_of_two_that_overlap(
    listener: str | None, route: str, expected: str | None
) -> None:
    assert hostnames.intersect(listener, route) == expected


def test_the_more_specific_pattern_is_greater() -> None:
    ascending = ["*", "*.com", "*.example.com", "*.shop.example.com", "a.io", "shop.example.com"]
    keys = [hostnames.specificity(pattern) for pattern in ascending]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_exact_names_are_no_wildcards() -> None:
    assert [hostnames.is_wildcard(pattern) for pattern in ("*", "*.a", "a")] == [True, True, False]


def test_patterns_that_cover_another_come_by_falling_specificity() -> None:
    assert hostnames.covering("a.b.c") == ("a.b.c", "*.b.c", "*.c", "*")
    assert hostnames.covering("*.b.c") == ("*.b.c", "*.c", "*")
    assert hostnames.covering("*") == ("*",)
