"""Network namespaces on one switch, made and removed by a test; they need root."""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit.wait import wait_until

_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET, setns(2)."""
_libc = ctypes.CDLL(None, use_errno=True)


def _missing() -> str:
    if os.geteuid() != 0:
        return "makes network namespaces: needs root"
    lacking = [program for program in ("ip", "nft", "setpriv") if shutil.which(program) is None]
    return f"makes network namespaces: needs {', '.join(lacking)}" if lacking else ""


needs_namespaces = pytest.mark.skipif(bool(_missing()), reason=_missing() or "-")
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


@contextmanager
def namespaces(*names: str, default_route: bool = True) -> Iterator[tuple[Namespace, ...]]:
    """One namespace per name, on a switch (a bridge in one more), each with IPv4 and IPv6."""
    prefix = f"sk{os.getpid()}"
    switch = f"{prefix}-switch"
    made = tuple(
        Namespace(f"{prefix}-{name}", f"10.77.0.{number}", f"fd77::{number}")
        for number, name in enumerate(names, start=1)
    )
    with contextlib.ExitStack() as stack:
        for name in (switch, *(each.name for each in made)):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for number, each in enumerate(made, start=1):
            _plug_in(each, switch, f"port{number}", default_route=default_route)
        for each in made:
            wait_until(lambda each=each: _is_up(each), f"the link of {each.name} is up", within=10)
        yield made


def _plug_in(each: Namespace, switch: str, port: str, *, default_route: bool) -> None:
    _ip("link", "add", port, "netns", switch, "type", "veth", "peer", "name", "eth0", "netns", each.name)
    _ip("-n", switch, "link", "set", port, "master", "bridge", "up")
    _ip("-n", each.name, "addr", "add", f"{each.address}/24", "dev", "eth0")
    _ip("-n", each.name, "addr", "add", f"{each.address6}/64", "dev", "eth0", "nodad")
    _ip("-n", each.name, "link", "set", "eth0", "up")
    if default_route:
        _ip("-n", each.name, "route", "add", "default", "via", "10.77.0.254")


@contextmanager
def _as_group(group: int) -> Iterator[None]:
    before = os.getegid()
    os.setegid(group)
    try:
        yield
    finally:
        os.setegid(before)


def _is_up(each: Namespace) -> bool:
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
