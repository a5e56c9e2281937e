"""Texts as Envoy compares them."""

import pytest

from sekisho.ir.texts import covers_segments, regex_matches, text_matches

LONE = b"1\xff".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("1.", LONE, True),
        ("1.*", LONE, True),
        ("1[^a]", LONE, True),
        ("1.", "1é", False),
        ("1..", "1é", True),
        ("1é", "1é", True),
        ("1", "11", False),
        ("(?i)/ADMIN", "/admin", True),
    ],
)
def test_expressions_are_of_bytes_and_fit_the_whole(pattern: str, value: str, expected: bool) -> None:
    assert regex_matches(pattern, value) is expected


def test_prefixes_of_segments_end_where_segments_end() -> None:
    assert covers_segments("/a", "/a/b")
    assert covers_segments("/a/", "/a")
    assert not covers_segments("/a", "/ab")


def test_prefixes_and_suffixes_of_texts_end_anywhere() -> None:
    assert text_matches("prefix", "ab", "abc")
    assert text_matches("suffix", "bc", "abc")
    assert not text_matches("exact", "ab", "abc")
    assert text_matches("present", "", "")
