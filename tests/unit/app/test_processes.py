"""Processes: readiness, last words, endings."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sekisho.app import tether
from sekisho.app.processes import Command, Ended, ready_facts, ready_line, start


def command(tmp_path: Path, program: str, *, announces: bool = True) -> Command:
    return Command(
        name="part",
        arguments=(sys.executable, "-c", program),
        log=tmp_path / "logs" / "part.log",
        announces=announces,
    )


def test_ready_lines_carry_facts() -> None:
    line = ready_line(api="127.0.0.1:1", xds="[::1]:2")
    assert ready_facts(line.removeprefix("ready ")) == {"api": "127.0.0.1:1", "xds": "[::1]:2"}


async def test_a_process_is_ready_when_it_says_so_and_ends_when_asked(tmp_path: Path) -> None:
    program = "import time; print('hello', flush=True); print('ready api=here', flush=True); time.sleep(60)"
    process = await start(command(tmp_path, program))
    assert await process.ready() == "api=here"
    await process.stop(5)
    assert "code -15" in str(await process.ended())
    assert (tmp_path / "logs" / "part.log").read_text() == "hello\n"


async def test_an_end_before_readiness_tells_the_last_words_for_people(tmp_path: Path) -> None:
    program = """
import sys
sys.stderr.write('{"event": "for machines"}\\nerror: port 7443 is taken\\nEnd what uses it.\\n')
sys.stderr.write('{"event": "more"}\\n')
sys.exit(3)
"""
    process = await start(command(tmp_path, program))
    with pytest.raises(Ended, match=r"part ended with code 3: port 7443 is taken$"):
        await process.ready()


async def test_last_words_of_an_earlier_run_are_not_repeated(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "part.log"
    log.parent.mkdir()
    log.write_text("error: long ago\n")
    ended = await (await start(command(tmp_path, "raise SystemExit(2)", announces=False))).ended()
    assert str(ended) == "part ended with code 2"


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = Command(name="part", arguments=("no-such-program",), log=tmp_path / "log")
    ended = await (await start(missing)).ended()
    assert str(ended) == "part ended with code 127: no-such-program: No such file or directory"


async def test_one_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    program = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", child.pid, flush=True)
time.sleep(60)
"""
    process = await start(command(tmp_path, program))
    child = int(await process.ready())
    await process.stop(0.1)
    assert "code -9" in str(await process.ended())
    async with asyncio.timeout(60):
        while is_running(child):
            await asyncio.sleep(0.01)


async def test_one_that_nobody_waits_for_any_longer_is_hurried_before_it_is_killed(tmp_path: Path) -> None:
    program = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("ending in order", flush=True))
try:
    print("ready", flush=True)
    while True:
        time.sleep(60)
except KeyboardInterrupt:
    raise SystemExit(5)
"""
    process = await start(command(tmp_path, program))
    await process.ready()
    stopping = asyncio.ensure_future(process.stop(60))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert "code 5" in str(await process.ended())


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


GUARD = "from sekisho.app.agent import become_guard; become_guard(); "
"""Linux unties a process that changes its group."""


@pytest.mark.parametrize("first", ["", GUARD])
def test_a_tethered_process_hears_when_its_parent_was_killed(first: str) -> None:
    if first and os.geteuid() != 0:
        pytest.skip("becomes another group: needs root")
    child = f"import time; {first}print('up', flush=True); time.sleep(60)"
    parent = f"""
import os, subprocess, sys
tether = [sys.executable, "-IS", {tether.__file__!r}, str(os.getpid())]
subprocess.run([*tether, sys.executable, "-c", {child!r}])
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGKILL)
        assert process.stdout.read() == ""  # the child held the pipe; it is closed only when it is gone


def test_a_tethered_process_whose_parent_is_gone_already_does_not_start() -> None:
    stranger = str(os.getppid())
    ended = subprocess.run(
        [sys.executable, tether.__file__, stranger, "echo", "started"], capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, b"")
