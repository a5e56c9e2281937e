"""Network namespaces on one switch, made and removed by who uses them; they need root."""

import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.kit.wait import wait_until

_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET, setns(2)."""
ROUTER = "10.77.0.254"
"""Where what is plugged into a switch sends all else."""
_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Why this machine has no namespaces for us; empty when it has."""
    if os.geteuid() != 0:
        return "makes network namespaces: needs root"
    lacking = [program for program in ("ip", "nft", "setpriv") if shutil.which(program) is None]
    return f"makes network namespaces: needs {', '.join(lacking)}" if lacking else ""


needs_namespaces = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
"""On tests that use `namespaces`."""


@dataclass(frozen=True)
class Namespace:
    """A host of its own on the switch."""

    name: str
    address: str
    """IPv4."""
    address6: str

    def command(self, *arguments: str, user: int | None = None) -> tuple[str, ...]:
        """`arguments`, to be run inside; as this user, where one is given."""
        become = (
            () if user is None else ("setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups")
        )
        return ("ip", "netns", "exec", self.name, *become, *arguments)

    def run(self, *arguments: str, user: int | None = None) -> str:
        """What the command prints; fails when it fails."""
        done = subprocess.run(
            self.command(*arguments, user=user), capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in there for the block: sockets made in it stay there for good. No await in it!"""
        with Path(f"/run/netns/{self.name}").open() as there, Path("/proc/thread-self/ns/net").open() as here:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(here.fileno())

    def listener(self, port: int, address: str = "0.0.0.0", kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A bound socket inside, for asyncio to serve."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.inside():
            made = socket.socket(family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        if kind == socket.SOCK_STREAM:
            made.listen(128)
        made.settimeout(0)
        return made

    def caller(self, address: str, kind: int = socket.SOCK_STREAM, *, group: int = 0) -> socket.socket:
        """A socket inside, of a program of this group, to be connected to an address of this family."""
        with self.inside(), _as_group(group):
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        made.settimeout(0)
        return made


class Switch:
    """A bridge in a namespace of its own, that others are plugged into."""

    def __init__(self) -> None:
        self._prefix = f"sk{os.getpid()}"
        self._name = f"{self._prefix}-switch"
        self._numbers = itertools.count(1)
        self._stack = contextlib.ExitStack()
        self._made(self._name, self._stack)
        _ip("-n", self._name, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._name, "link", "set", "bridge", "up")

    def close(self) -> None:
        """Removes it; the namespaces plugged into it are their makers' to remove."""
        self._stack.close()

    @contextmanager
    def plugged_in(self, name: str, *, default_route: bool = True) -> Iterator[Namespace]:
        """A new namespace with addresses; who waits for its link to be `is_up` may use IPv6, too."""
        number = next(self._numbers)
        each = Namespace(f"{self._prefix}-{name}", f"10.77.0.{number}", f"fd77::{number}")
        port = f"port{number}"
        with contextlib.ExitStack() as stack:
            self._made(each.name, stack)
            peer = ("type", "veth", "peer", "name", "eth0", "netns", each.name)
            _ip("link", "add", port, "netns", self._name, *peer)
            _ip("-n", self._name, "link", "set", port, "master", "bridge", "up")
            _ip("-n", each.name, "addr", "add", f"{each.address}/24", "dev", "eth0")
            _ip("-n", each.name, "addr", "add", f"{each.address6}/64", "dev", "eth0", "nodad")
            _ip("-n", each.name, "link", "set", "eth0", "up")
            if default_route:
                _ip("-n", each.name, "route", "add", "default", "via", ROUTER)
            yield each

    def reach(self) -> None:
        """Plugs in the namespace of this process, as `ROUTER`; what is plugged in reaches it there."""
        _ip("link", "add", "eth0", "type", "veth", "peer", "name", "port0", "netns", self._name)
        _ip("-n", self._name, "link", "set", "port0", "master", "bridge", "up")
        _ip("addr", "add", f"{ROUTER}/24", "dev", "eth0")
        _ip("link", "set", "eth0", "up")

    def _made(self, name: str, stack: contextlib.ExitStack) -> None:
        _ip("netns", "add", name)
        stack.callback(_ip, "netns", "del", name)
        _ip("-n", name, "link", "set", "lo", "up")


def leave_network() -> None:
    """This process and those it starts have a network of their own from now on: a loopback and nothing else.
    To be called before there are threads. Raises OSError where that is not allowed."""
    if _libc.unshare(_NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    _ip("link", "set", "lo", "up")


@contextmanager
def namespaces(*names: str, default_route: bool = True) -> Iterator[tuple[Namespace, ...]]:
    """One namespace per name, on a switch (a bridge in one more), each with IPv4 and IPv6."""
    with contextlib.ExitStack() as stack:
        switch = Switch()
        stack.callback(switch.close)
        plugged = (switch.plugged_in(name, default_route=default_route) for name in names)
        made = tuple(stack.enter_context(each) for each in plugged)
        for each in made:
            wait_until(partial(is_up, each), f"the link of {each.name} is up")
        yield made


@contextmanager
def _as_group(group: int) -> Iterator[None]:
    before = os.getegid()
    os.setegid(group)
    try:
        yield
    finally:
        os.setegid(before)


def is_up(each: Namespace) -> bool:
    """Before that the kernel has no use for its IPv6 address."""
    shown = each.run("ip", "-6", "address", "show", "dev", "eth0")
    return "state UP" in shown and each.address6 in shown and "tentative" not in shown


def _ip(*arguments: str) -> None:
    command: Sequence[str] = ("ip", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
