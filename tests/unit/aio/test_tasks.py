"""Background work ends with its block, and its failures are heard."""

import asyncio

import pytest

from sekisho.aio.tasks import background, is_ending, run_until


async def forever(ended: list[str], name: str = "it") -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def fail() -> None:
    await asyncio.sleep(0)
    raise LookupError("broken")


async def test_background_work_has_its_name_and_ends_with_the_block() -> None:
    ended: list[str] = []
    async with background(forever(ended), name="the work") as task:
        await asyncio.sleep(0)
        assert task.get_name() == "the work"
        assert ended == []
    assert ended == ["it"]
    assert task.cancelled()


async def test_a_failure_in_the_background_ends_the_block_and_comes_out_bare() -> None:
    with pytest.raises(LookupError, match="broken"):
        async with asyncio.timeout(60), background(fail(), name="work"):
            await asyncio.Event().wait()


async def test_a_failure_of_the_block_comes_out_bare() -> None:
    ended: list[str] = []

    async def block() -> None:
        async with background(forever(ended), name="work"):
            await asyncio.sleep(0)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await block()
    assert ended == ["it"]


async def test_a_group_raised_by_the_block_stays_a_group() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with background(forever([]), name="work"):
            raise ExceptionGroup("two", [KeyError("a"), LookupError("b")])
    assert len(raised.value.exceptions) == 2


async def test_services_run_until_they_are_stopped() -> None:
    ended: list[str] = []
    stop = asyncio.Event()
    running = asyncio.ensure_future(
        run_until(stop, {"a": forever(ended, "a"), "b": forever(ended, "b"), "done": asyncio.sleep(0)})
    )
    for _ in range(3):
        await asyncio.sleep(0)
    assert not running.done()
    stop.set()
    async with asyncio.timeout(60):
        await running
    assert sorted(ended) == ["a", "b"]


async def test_a_failing_service_ends_the_others() -> None:
    ended: list[str] = []
    with pytest.raises(LookupError, match="broken"):
        async with asyncio.timeout(60):
            await run_until(asyncio.Event(), {"a": forever(ended), "b": fail()})
    assert ended == ["it"]


async def test_a_task_is_ending_once_it_was_cancelled_and_not_for_a_timeout() -> None:
    found: list[bool] = []

    async def work() -> None:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            found.append(is_ending())
        try:
            await asyncio.Event().wait()
        finally:
            found.append(is_ending())

    async with background(work(), name="work"):
        while not found:
            await asyncio.sleep(0)
    assert found == [False, True]
