"""When cycles are looked for, with a clock the test turns."""

import asyncio
import gc
import weakref

from tests.kit.clock import FakeClock
from tests.kit.wait import eventually

from sekisho.aio.tasks import background
from sekisho.app import garbage


class Node:
    """Something that can be part of a cycle."""

    def __init__(self) -> None:
        self.itself = self


async def test_nothing_is_collected_before_everything_is_loaded() -> None:
    loaded = asyncio.Event()
    async with background(garbage.collect(loaded, FakeClock(), nothing), name="garbage"):
        await asyncio.sleep(0)
        assert not gc.isenabled()
        loaded.set()
        await eventually(_enabled, what="collections are enabled")
    assert gc.isenabled()


async def test_a_cycle_is_freed_when_the_time_has_come_even_one_that_was_set_aside() -> None:
    clock, loaded, cycle = FakeClock(), asyncio.Event(), weakref.ref(Node())
    loaded.set()
    async with background(garbage.collect(loaded, clock, nothing), name="garbage"):
        for _ in range(garbage.FULL_EVERY):
            await eventually(lambda: _sleeps(clock), what="it sleeps")
            clock.advance(garbage.EVERY)
        await eventually(lambda: _is_gone(cycle), what="the cycle is freed")


async def test_what_can_be_made_again_is_dropped_first() -> None:
    clock, loaded, dropped = FakeClock(), asyncio.Event(), asyncio.Event()
    loaded.set()
    async with background(garbage.collect(loaded, clock, dropped.set), name="garbage"):
        await eventually(lambda: _sleeps(clock), what="it sleeps")
        assert not dropped.is_set()
        clock.advance(garbage.EVERY)
        await eventually(lambda: _is_set(dropped), what="it is dropped")


async def test_python_decides_again_afterwards() -> None:
    thresholds, loaded = gc.get_threshold(), asyncio.Event()
    loaded.set()
    async with background(garbage.collect(loaded, FakeClock(), nothing), name="garbage"):
        await eventually(lambda: _is_changed(thresholds), what="the thresholds change")
    assert gc.get_threshold() == thresholds


def nothing() -> None:
    """There is nothing to drop."""


async def _is_set(event: asyncio.Event) -> bool:
    return event.is_set()


async def _enabled() -> bool:
    return gc.isenabled()


async def _sleeps(clock: FakeClock) -> bool:
    return clock.sleeping == 1


async def _is_gone(cycle: "weakref.ref[Node]") -> bool:
    return cycle() is None


async def _is_changed(thresholds: tuple[int, int, int]) -> bool:
    return gc.get_threshold() != thresholds
