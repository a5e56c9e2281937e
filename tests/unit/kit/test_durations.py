"""`sekisho.kit.durations`."""

import pytest

from sekisho.kit import durations


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0s", 0),
        ("500ms", 500),
        ("10s", 10_000),
        ("1m30s", 90_000),
        ("1h2m3s4ms", 3_723_004),
        ("5s5s", 10_000),
    ],
)
def test_a_duration_is_read_in_milliseconds(text: str, milliseconds: int) -> None:
    assert durations.parse(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1.5s", "-1s", "1d", "100000s", "1s1s1s1s1s", "1s ", "1s\n", " 1s", "٣s", "1S"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 1m30s or 500ms"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0s"), (90_000, "1m30s"), (1, "1ms"), (3_600_000, "1h"), (61_001, "1m1s1ms")],
)
def test_a_duration_is_written_in_its_shortest_form(milliseconds: int, text: str) -> None:
    assert durations.format(milliseconds) == text


@pytest.mark.parametrize("milliseconds", [-1, 100_000 * 3_600_000])
def test_what_the_notation_cannot_say_is_refused(milliseconds: int) -> None:
    with pytest.raises(ValueError, match="cannot be written as a duration"):
        durations.format(milliseconds)
