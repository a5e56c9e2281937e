"""The clock tests turn by hand, and the real one."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.kit.clock import FakeClock

from sekisho.aio.clock import SystemClock


async def test_a_fake_clock_stands_still_until_it_is_advanced() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(90)
    assert clock.now() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90


async def test_sleepers_wake_when_their_time_has_come_the_earliest_first() -> None:
    clock, woken = FakeClock(), []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (3, 1, 2, 0):
            group.create_task(sleep(seconds))
        while len(woken) < 1 or clock.sleeping < 3:
            await asyncio.sleep(0)
        assert woken == [0]
        clock.advance(2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert woken == [0, 1, 2]
        clock.advance(1)
    assert woken == [0, 1, 2, 3]


async def test_a_cancelled_sleeper_is_no_hindrance() -> None:
    clock = FakeClock()
    sleeper = asyncio.ensure_future(clock.sleep(1))
    await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.sleep(0)
    assert clock.sleeping == 0
    clock.advance(5)


async def test_the_system_clock_tells_utc_and_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(datetime.now(UTC) - clock.now()) < timedelta(seconds=5)
    before = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.monotonic() > before
