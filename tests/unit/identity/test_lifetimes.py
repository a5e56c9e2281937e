"""What is said of certificates that come to their end, and when."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from tests.kit.clock import FakeClock

from sekisho.identity.lifetimes import Life, Lifetimes

HOURS = 100
"""Of a life: an hour is a hundredth of it."""


def life(clock: FakeClock, name: str = "root") -> Life:
    return Life(name, clock.now(), clock.now() + timedelta(hours=HOURS))


def said(lifetimes: Lifetimes, *lives: Life) -> list[tuple[str, str, str]]:
    with capture_logs() as lines:
        lifetimes.look(lives)
    return [(line["log_level"], line["certificate"], line["left"]) for line in lines]


def test_each_step_is_told_once_and_louder_than_the_one_before() -> None:
    clock = FakeClock()
    lifetimes, one = Lifetimes(clock), life(clock)
    told = []
    for _ in range(HOURS + 2):
        told += said(lifetimes, one)
        clock.advance(3600)
    assert told == [("info", "root", "50%"), ("warning", "root", "25%"), ("error", "root", "10%")]


@pytest.mark.parametrize(("hours", "level"), [(60, "info"), (80, "warning"), (95, "error"), (101, "error")])
def test_who_looks_late_is_told_the_nearest_step_alone(hours: int, level: str) -> None:
    clock = FakeClock()
    lifetimes, one = Lifetimes(clock), life(clock)
    clock.advance(hours * 3600)
    assert [line[0] for line in said(lifetimes, one)] == [level]
    assert said(lifetimes, one) == []


def test_a_successor_of_the_same_name_has_a_life_of_its_own() -> None:
    clock = FakeClock()
    lifetimes, first = Lifetimes(clock), life(clock)
    clock.advance(80 * 3600)
    assert said(lifetimes, first) == [("warning", "root", "20%")]
    second = life(clock)
    assert said(lifetimes, second) == []
    clock.advance(80 * 3600)
    assert said(lifetimes, second) == [("warning", "root", "20%")]
