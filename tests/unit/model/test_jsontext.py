"""`sekisho.model.jsontext`: JSON from strangers."""

import time

import pytest

from sekisho.model import jsontext
from sekisho.model.problems import Invalid


def refusal(body: bytes) -> str:
    start = time.process_time()
    with pytest.raises(Invalid) as refused:
        jsontext.parse(body)
    assert time.process_time() - start < 0.5
    (problem,) = refused.value.problems
    return str(problem)


def test_json_is_read() -> None:
    assert jsontext.parse(b'{"a": [1, 2.5, "\\ud83d\\ude00", null, true]}') == {
        "a": [1, 2.5, "😀", None, True]
    }


def test_sixty_four_levels_are_taken_and_no_more() -> None:
    assert jsontext.parse(b"[" * 64 + b"]" * 64)
    assert refusal(b"[" * 65 + b"]" * 65) == "nested deeper than 64 levels"


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert jsontext.parse(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "not JSON: expecting value, line 1 column 1"),
        (b'{"a": 1,\n}', "not JSON: "),
        (b'{"a": 1, "b": 2, "a": 3}', 'key "a" stands twice in one object'),
        (b'{"x": {"a": {}, "a": {}}}', 'key "a" stands twice in one object'),
        (b"[" * 10_000 + b"]" * 10_000, "nested deeper than 64 levels"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested deeper than 64 levels"),
        (b"[" * 3_000_000, "nested deeper than 64 levels"),
        (b"[NaN]", "not JSON: NaN"),
        (b"[-Infinity]", "not JSON: -Infinity"),
        (b"1" * 5000, "not JSON: a number is too long"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
        (b'["\\ud800"]', "not JSON: half of a surrogate pair"),
        (b" " * (3 * 1024 * 1024) + b"1", "too large: 3145729 bytes, at most 3145728 are taken"),
    ],
    ids=lambda body: str(body[:20]),
)
def test_what_we_do_not_take_is_refused_fast(body: bytes, expected: str) -> None:
    assert refusal(body).startswith(expected)
