"""Which processor a process runs on: what is measured has one of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ALLOWED = sorted(os.sched_getaffinity(0))
MEASURED, REST = _ALLOWED[-1], _ALLOWED[0]
"""The processors for what is measured, and for everything else. With only one, both are it."""


def place(pid: int, core: int) -> None:
    """Puts all threads of a process on one processor; what it starts later is there as well."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def release_main_thread(pid: int) -> None:
    """Lets the first thread of a process run wherever the kernel wants it; the others stay where they are."""
    os.sched_setaffinity(pid, _ALLOWED)


@contextmanager
def ourselves_on(core: int) -> Iterator[None]:
    """This process runs there while the block runs, and what it starts stays there."""
    place(os.getpid(), core)
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), _ALLOWED)


def processor_seconds(pid: int) -> float:
    """What all threads of a process have used so far, to the nanosecond (/proc/PID/task/*/schedstat)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
