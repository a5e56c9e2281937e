"""Which processor a process runs on: what is measured has one of its own."""

import os
from pathlib import Path

MEASURED, REST = 1, 0
"""The processors for what is measured, and for clients and backends. With one processor, both are it."""


def place(pid: int, core: int) -> None:
    """Puts all threads of a process on one processor, where the machine has it."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core_of(core)})


def core_of(core: int) -> int:
    """`core`, or 0 where the machine has only one."""
    return core if core in os.sched_getaffinity(0) else 0


def processor_seconds(pid: int) -> float:
    """What all threads of a process have used so far, to the nanosecond (/proc/PID/task/*/schedstat)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
