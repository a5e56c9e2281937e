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


def inheritable() -> None:
    """Sets this process's limits as its Envoys are to have them: all the open files the system allows, and no
    core dumps, which would hold private keys.
    """
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    _, dumps = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, dumps))


def connections(wanted: int) -> int:
    """`wanted`, but at most half of the open files: each connection may need another one to a backend."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else min(wanted, files // 2)


def _limit(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such cgroup version here, or "max"
        return None
