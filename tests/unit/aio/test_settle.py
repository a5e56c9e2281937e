"""When a batch closes, to the millisecond, on virtual time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from itertools import pairwise

import pytest
from tests.unit.aio import virtual

from sekisho.aio.settle import settled


async def source(
    *arrivals: tuple[float, str], error: Exception | None = None
) -> AsyncIterator[Sequence[str]]:
    """Items at these times, in milliseconds; then the end, or `error`."""
    for moment, item in arrivals:
        await asyncio.sleep(moment / 1000 - asyncio.get_running_loop().time())
        yield [item]
    if error is not None:
        raise error


def batches(*arrivals: tuple[float, str], quiet: float, patience: float) -> list[tuple[float, str]]:
    """When each batch came, and what was in it."""

    async def gather() -> list[tuple[float, str]]:
        stream = settled(source(*arrivals), quiet=quiet / 1000, patience=patience / 1000)
        loop = asyncio.get_running_loop()
        return [(round(loop.time() * 1000, 3), "".join(batch)) async for batch in stream]

    return virtual.run(gather())


def test_a_lone_item_waits_for_the_quiet_only() -> None:
    assert batches((100, "a"), (500, "b"), (900, "c"), quiet=5, patience=50)[:2] == [(105, "a"), (505, "b")]


def test_items_close_to_each_other_come_together() -> None:
    assert batches((100, "a"), (103, "b"), (107, "c"), (200, "d"), (300, "e"), quiet=5, patience=50)[:2] == [
        (112, "abc"),
        (205, "d"),
    ]


def test_a_stream_that_never_rests_is_cut_at_the_patience() -> None:
    arrivals = [(100 + 4 * n, "x") for n in range(50)]
    moments = [moment for moment, _ in batches(*arrivals, quiet=5, patience=20)]
    assert moments[0] == 120
    assert all(later - earlier <= 24 for earlier, later in pairwise(moments))


def test_nothing_is_lost_repeated_or_reordered() -> None:
    arrivals = [(n * n % 7 + 3 * n, chr(97 + n)) for n in range(26)]
    together = "".join(batch for _, batch in batches(*arrivals, quiet=4, patience=9))
    assert together == "abcdefghijklmnopqrstuvwxyz"


def test_the_last_items_do_not_wait_when_the_source_ends() -> None:
    assert batches((100, "a"), quiet=50, patience=500) == [(100, "a")]


def test_without_quiet_a_batch_is_what_is_there() -> None:
    assert batches((100, "a"), (100, "b"), (101, "c"), quiet=0, patience=50) == [(100, "ab"), (101, "c")]


def test_what_arrives_while_the_consumer_works_is_one_batch() -> None:
    async def consume() -> list[str]:
        queue: asyncio.Queue[list[str]] = asyncio.Queue()

        async def from_queue() -> AsyncIterator[Sequence[str]]:
            while True:
                yield await queue.get()

        taken = []
        async with aclosing(settled(from_queue(), quiet=0.005, patience=0.05)) as stream:
            queue.put_nowait(["a"])
            async for batch in stream:
                taken.append("".join(batch))
                if len(taken) == 2:
                    return taken
                for item in "bcd":
                    queue.put_nowait([item])
                await asyncio.sleep(1)
        return taken

    assert virtual.run(consume()) == ["a", "bcd"]


def test_a_failing_source_hands_over_its_last_items_first() -> None:
    async def consume() -> None:
        stream = settled(source((1, "a"), error=LookupError("gone")), quiet=1, patience=5)
        taken = await anext(stream)
        assert taken == ["a"]
        with pytest.raises(LookupError, match="gone"):
            await anext(stream)

    virtual.run(consume())


def test_leaving_ends_the_wait_for_the_source() -> None:
    async def consume() -> None:
        async with aclosing(settled(source((1, "a"), (9_999_999, "b")), quiet=0.01, patience=1)) as stream:
            assert await anext(stream) == ["a"]
        assert len(asyncio.all_tasks()) == 1

    virtual.run(consume())
