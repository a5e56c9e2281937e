"""Ports for servers of tests, each reserved for the process that asked for as long as it lives."""

import fcntl
import functools
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_LOWEST, _HIGHEST = 20_000, 65_535
"""Below are the ports of examples and of well-known programs."""
_GIVEN_AWAY = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Ports the kernel gives to whoever connects, or binds to port 0: one of them is taken at any time."""


def free_port() -> int:
    """A TCP and UDP port nobody uses on any IPv4 address, and that no other test process will be given.

    RuntimeError when there is none left.
    """
    return next(_reserved())


@functools.cache
def _reserved() -> Iterator[int]:
    return _reserving(_candidates())


def _candidates() -> list[int]:
    """All that the kernel leaves alone, or simply all where it does not; every process starts elsewhere."""
    low, high = map(int, _GIVEN_AWAY.read_text().split())
    everything = range(_LOWEST, _HIGHEST + 1)
    found = [port for port in everything if not low <= port <= high] or list(everything)
    first = os.getpid() * 61 % len(found)
    return found[first:] + found[:first]


def _reserving(candidates: Iterable[int]) -> Iterator[int]:
    """A port is a byte of one file, locked by who has it: the kernel takes the lock back when that one dies.

    POSIX gives up all locks of a process once it closes any handle of the file: nobody else opens it.
    """
    name = f"sekisho-test-ports-{os.getuid()}"
    with (Path(tempfile.gettempdir()) / name).open("ab") as reservations:
        for port in candidates:
            try:
                fcntl.lockf(reservations, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            except OSError:  # another process has it
                continue
            if _is_unused(port):
                yield port
    raise RuntimeError("no port is left for this test process")


def _is_unused(port: int) -> bool:
    return all(_binds(kind, port) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


def _binds(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(type=kind) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
