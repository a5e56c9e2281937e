"""Programs are run to their end, whether they read what they are given or not."""

import asyncio
from pathlib import Path

import pytest

from sekisho.agent.capture import kernel


async def test_a_program_that_ends_before_it_has_read_all_is_no_failure() -> None:
    await kernel._run("true", given="x" * 1_000_000)


async def test_what_a_program_says_is_told_with_its_failure(tmp_path: Path) -> None:
    with pytest.raises(kernel.CaptureFailed, match="No such file"):
        await kernel._run("ls", str(tmp_path / "nothing"))


async def test_what_is_there_already_is_no_failure() -> None:
    await kernel._run("sh", "-c", "echo RTNETLINK answers: File exists >&2; exit 2")


async def test_a_program_that_is_missing_is_told() -> None:
    with pytest.raises(kernel.CaptureFailed, match="there is no no-such-program on this host"):
        await kernel._run("no-such-program")


async def test_a_program_is_not_left_half_way_when_the_agent_ends(tmp_path: Path) -> None:
    begun, done = tmp_path / "begun", tmp_path / "done"
    running = asyncio.ensure_future(kernel._run("sh", "-c", f"touch {begun}; sleep 0.3; touch {done}"))
    while not begun.exists():
        await asyncio.sleep(0.005)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert done.exists()
