"""Processes: their output, their end, and finding those that somebody else started."""

import asyncio
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.agent.processes import Process, command_of, program_of, running


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    command = ["/bin/sleep", "60.125"]
    with subprocess.Popen(command, start_new_session=True) as process:
        while command_of(process.pid) != tuple(command):  # its birth ends a moment after Popen returned
            assert process.poll() is None
        yield process
        process.kill()


async def test_its_end_is_seen_and_its_exit_code_kept(tmp_path: Path) -> None:
    process = Process.start(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], tmp_path / "log")
    await asyncio.wait_for(process.ended(), 60)
    assert (process.exit_code, process.is_running, process.adopted) == (3, False, False)
    assert (tmp_path / "log").read_text() == "out\nerr\n"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


async def test_it_does_not_inherit_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    process = Process.start(["/usr/bin/env"], tmp_path / "log")
    await asyncio.wait_for(process.ended(), 60)
    assert "SECRET_TOKEN" not in (tmp_path / "log").read_text()


async def test_a_killed_process_tells_its_signal(tmp_path: Path) -> None:
    process = Process.start(["/bin/sleep", "60"], tmp_path / "log")
    process.send(signal.SIGKILL)
    await asyncio.wait_for(process.ended(), 60)
    assert process.exit_code == -signal.SIGKILL
    process.send(signal.SIGTERM)  # nobody is hit


async def test_a_process_of_somebody_else_is_adopted_by_its_very_command(
    stranger: "subprocess.Popen[bytes]",
) -> None:
    assert stranger.pid in set(running())
    assert Process.find(stranger.pid, ("/bin/sleep", "61")) is None
    found = Process.find(stranger.pid, ("/bin/sleep", "60.125"))
    assert found
    assert (found.adopted, found.exit_code) == (True, None)
    found.send(signal.SIGTERM)
    await asyncio.wait_for(found.ended(), 60)


async def test_nobody_is_found_under_a_free_number(tmp_path: Path) -> None:
    child = Process.start(["/bin/true"], tmp_path / "log")
    await asyncio.wait_for(child.ended(), 60)
    assert Process.find(child.pid, ("/bin/true",)) is None
    assert (command_of(child.pid), program_of(child.pid)) == ((), "")


def test_the_program_and_command_of_this_process_are_known() -> None:
    assert command_of(os.getpid())
    assert Path(program_of(os.getpid())).name.startswith("python")
