"""Ports and other numbers for tests, each reserved for the process that asked for as long as it lives."""

import fcntl
import functools
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

_LOWEST, _HIGHEST = 20_000, 65_535
"""Below are the ports of examples and of well-known programs."""
_GIVEN_AWAY = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Ports the kernel gives to whoever connects, or binds to port 0: one of them is taken at any time."""


def free_port() -> int:
    """A TCP and UDP port nobody uses on any IPv4 address, and that no other test process will be given.

    RuntimeError when there is none left.
    """
    return next(port for port in _ports() if _is_unused(port))


def own_number(below: int) -> int:
    """A number no other test process has, for loopback networks. RuntimeError when there is none left."""
    return next(_numbers(below))


@functools.cache
def _ports() -> Iterator[int]:
    """All that the kernel leaves alone, or simply all where it does not."""
    low, high = map(int, _GIVEN_AWAY.read_text().split())
    everything = range(_LOWEST, _HIGHEST + 1)
    return _reserved([port for port in everything if not low <= port <= high] or everything, 0)


@functools.cache
def _numbers(below: int) -> Iterator[int]:
    return _reserved(range(below), _HIGHEST + 1)


def _reserved(candidates: Sequence[int], place: int) -> Iterator[int]:
    """Each once, but for what other processes have; every process starts elsewhere.

    To have one is to lock the byte of a file that is so many after `place`: the kernel takes the lock back
    when the process dies.
    """
    first = os.getpid() * 61 % len(candidates)
    for candidate in (*candidates[first:], *candidates[:first]):
        try:
            fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place + candidate)
        except OSError:  # another process has it
            continue
        yield candidate
    raise RuntimeError("no number is left for this test process")


@functools.cache
def _reservations() -> IO[bytes]:
    """Nobody else may open it: a process that closes any handle of a file gives up all its locks (POSIX)."""
    return (Path(tempfile.gettempdir()) / f"sekisho-test-ports-{os.getuid()}").open("ab")


def _is_unused(port: int) -> bool:
    return all(_binds(kind, port) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


def _binds(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(type=kind) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
