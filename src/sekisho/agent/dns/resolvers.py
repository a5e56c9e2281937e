"""The resolvers of this host, as /etc/resolv.conf names them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sekisho.kit.addresses import is_address

RESOLV_CONF = Path("/etc/resolv.conf")
PORT = 53


class Resolver(NamedTuple):
    """Whom to ask."""

    address: str
    """IPv6 with its zone, where it has one: `fe80::1%eth0`."""
    port: int = PORT


def parse(text: str) -> tuple[Resolver, ...]:
    """The `nameserver` lines in order, each once; all of them, not only three (resolv.conf(5))."""
    found: dict[Resolver, None] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and is_address(words[1]):
            found[Resolver(words[1])] = None
    return tuple(found)


def host_resolvers(file: Path = RESOLV_CONF) -> Callable[[], tuple[Resolver, ...]]:
    """A function that gives the resolvers of now; the file is read again when it has changed."""
    read: tuple[int, tuple[Resolver, ...]] = (0, ())

    def resolvers() -> tuple[Resolver, ...]:
        nonlocal read
        try:
            changed = file.stat().st_mtime_ns
            if changed != read[0]:
                read = changed, parse(file.read_text(errors="replace"))
        except OSError:  # it is being replaced: those known are still the best there is
            pass
        return read[1]

    return resolvers
