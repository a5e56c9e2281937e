"""Renewal: its moment, its persistence, its patience. All on a clock of our own."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from sekisho.aio.clock import SystemClock
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Issued
from sekisho.identity.rotation import (
    LONGEST_RETRY,
    Unavailable,
    keep_renewed,
    renewal_moment,
    until_issued,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def issued_at(moment: datetime) -> Issued:
    return Issued(b"", b"", moment, moment + DAY, serial=1)


class World(SystemClock):
    """A clock that moves only when somebody sleeps, and an authority with a list of answers."""

    def __init__(self, *answers: Exception | None) -> None:
        self.time, self.answers, self.asked = START, list(answers), []

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    async def renew(self) -> Issued:
        self.asked.append(self.time)
        if not self.answers:
            raise asyncio.CancelledError
        if error := self.answers.pop(0):
            raise error
        return issued_at(self.time)

    async def run(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await keep_renewed(issued_at(START), self.renew, clock=self, random=Random(7))


def test_renewal_comes_at_half_of_life_give_or_take_a_tenth() -> None:
    moments = [(renewal_moment(START, START + DAY, Random(seed)) - START) / DAY for seed in range(200)]
    assert all(0.4 <= moment <= 0.6 for moment in moments)
    assert max(moments) - min(moments) > 0.15


async def test_each_certificate_is_renewed_in_its_turn() -> None:
    world = World(None, None)
    await world.run()
    gaps = [(b - a) / DAY for a, b in zip([START, *world.asked], world.asked, strict=False)]
    assert len(gaps) == 3
    assert all(0.4 <= gap <= 0.6 for gap in gaps)


async def test_an_authority_that_is_away_is_asked_again_with_growing_pauses() -> None:
    world = World(*[Unavailable("away")] * 14, None)
    await world.run()
    pauses = [(b - a).total_seconds() for a, b in zip(world.asked, world.asked[1:], strict=False)][:14]
    assert pauses[0] <= 1.0
    assert all(LONGEST_RETRY / 2 <= pause <= LONGEST_RETRY for pause in pauses[-3:])


async def test_a_refusal_is_tried_again_too() -> None:
    world = World(Refused("not registered yet"), None)
    await world.run()
    assert len(world.asked) == 3


async def test_an_error_of_ours_is_not_swallowed() -> None:
    world = World(ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        await keep_renewed(issued_at(START), world.renew, clock=world, random=Random(1))


async def test_a_clock_set_forward_is_noticed_within_a_minute() -> None:
    class JumpingWorld(World):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            self.time += timedelta(days=3)

    world = JumpingWorld()

    with pytest.raises(asyncio.CancelledError):
        await keep_renewed(issued_at(START), world.renew, clock=world, random=Random(1))
    assert world.asked[0] - START < timedelta(days=3, minutes=2)


async def test_who_may_not_wait_long_asks_again_soon() -> None:
    """However often it was refused: the next token may be there already."""
    world = World(*(Refused("no token") for _ in range(30)), None)
    await until_issued(world.renew, clock=world, random=Random(1), longest=3)
    waits = [(later - earlier) / timedelta(seconds=1) for earlier, later in pairwise(world.asked)]
    assert 1.5 <= max(waits) <= 3
