"""What this host lets an Envoy have: memory, open files."""

import os
import resource
from pathlib import Path

HEAP_SHARE = 0.8
"""Of the memory this process may use: the heap at which Envoy's overload manager is under full pressure."""
CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Of cgroup version 2 and 1, as seen from inside a container."""


def heap_bytes() -> int:
    """80 % of the memory limit of this container, or of the memory of this machine."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for path in CGROUP_LIMITS if (limit := _limit(path))]
    return int(min([machine, *limits]) * HEAP_SHARE)


def raise_open_files() -> int:
    """Takes as many open files as the system allows, for the Envoys that inherit it. Returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _limit(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such cgroup version here, or "max"
        return None
