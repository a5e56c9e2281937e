"""The waits between attempts."""

from random import Random

from sekisho.aio.backoff import Backoff


def test_waits_double_up_to_the_limit() -> None:
    backoff = Backoff(random=lambda: 1.0, first=1, limit=10)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_half_of_a_wait_is_certain() -> None:
    backoff = Backoff(random=lambda: 0.0, first=1, limit=10)
    assert [backoff.next() for _ in range(5)] == [0.5, 1, 2, 4, 5]


def test_a_success_starts_over() -> None:
    backoff = Backoff(random=lambda: 1.0, first=1)
    assert [backoff.next(), backoff.next()] == [1, 2]
    backoff.reset()
    assert backoff.next() == 1


def test_clients_that_failed_together_come_back_apart() -> None:
    waits = {Backoff(random=Random(seed).random, first=1).next() for seed in range(100)}
    assert len(waits) == 100
    assert max(waits) - min(waits) > 0.4
