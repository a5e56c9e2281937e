"""Programs are run to their end, whether they read what they are given or not."""

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
