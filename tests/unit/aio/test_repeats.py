"""What comes again and again: how often there is a line about it."""

from tests.kit.clock import FakeClock

from sekisho.aio.repeats import _KEPT, Repeats


def test_a_thing_is_told_once_in_a_while_with_how_often_it_came_since() -> None:
    clock = FakeClock()
    repeats = Repeats(clock, every=60)
    assert repeats.news("a") == {}
    clock.advance(59)
    assert [repeats.news("a"), repeats.news("a")] == [None, None]
    assert repeats.news("b") == {}, "another thing is news"
    clock.advance(1)
    assert repeats.news("a") == {"not_written_before": 2}
    clock.advance(60)
    assert repeats.news("a") == {}


def test_who_makes_up_ever_new_things_costs_no_memory() -> None:
    clock = FakeClock()
    repeats = Repeats(clock)
    for number in range(_KEPT):
        repeats.news(number)
    assert repeats.news(_KEPT) == {}
    assert repeats.news(0) == {}, "it was told of longest ago, and forgotten"
    assert repeats.news(_KEPT) is None
