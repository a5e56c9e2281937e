"""Lines between hosts on a switch that break: cut without a word, or slow, lossy and narrow.

Loss and bandwidth are the kernel's (nftables), and TCP lives with them. Delay would be `tc netem`'s, which
not every kernel has: here it is a relay's on the caller's own host, to which nftables redirects connections.
"""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from tests.kit.netns import Namespace
from tests.kit.relay import Relay

_TABLE = "inet sekisho_fault"
_OF_RELAY = 0x5E
"""Mark of what the relay sends: that is not redirected again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    """What a slow line does, in each direction."""

    delay: float = 0.5
    """Seconds."""
    loss_percent: int = 5
    """Of all packets."""
    bytes_per_second: int = 32_768
    """More is dropped, after a burst of half of it; 256 kbit/s."""


SLOW = Slowness()


@dataclass
class Way(Relay):
    """A relay into, or out of, a network namespace."""

    inside: Namespace | None = None
    """Where the other connection is made."""
    address: str = "127.0.0.1"
    mark: int = 0

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See `Relay.dial`; a connection takes as long as its first packet and the answer do."""
        assert self.inside is not None
        await asyncio.sleep(2 * self.delay)
        made = self.inside.caller(self.address)
        if self.mark:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, self.mark)
        try:
            await asyncio.get_running_loop().sock_connect(made, (self.address, self.target))
        except BaseException:
            made.close()
            raise
        return await asyncio.open_connection(sock=made)


@asynccontextmanager
async def door(inside: Namespace, port: int, address: str = "127.0.0.1") -> AsyncIterator[int]:
    """A port of this process's loopback that leads to one in there."""
    listener = socket.create_server(("127.0.0.1", 0))
    async with _serving(Way(port, inside=inside, address=address), listener) as way:
        yield way.port


@contextmanager
def cut(inside: Namespace, *addresses: str) -> Iterator[None]:
    """Nothing passes between what is in there and these addresses, without a word to anybody."""
    where = f"{{ {', '.join(addresses)} }}"
    with _faulty(inside, _silence(f"ip daddr {where} drop", f"ip saddr {where} drop")):
        yield


@contextmanager
def mute(inside: Namespace, port: int) -> Iterator[None]:
    """What listens in there at a port is as if it was never there: nothing comes, nothing goes."""
    with _faulty(inside, _silence(f"tcp sport {port} drop", f"tcp dport {port} drop")):
        yield


def _silence(sent: str, received: str) -> str:
    return f"""
        chain out {{ type filter hook output priority 0; {sent}; }}
        chain in {{ type filter hook input priority 0; {received}; }}
    """


@asynccontextmanager
async def slow(inside: Namespace, other: Namespace, *ports: int, how: Slowness = SLOW) -> AsyncIterator[None]:
    """What is connected from in there to these ports of the other one is slow, lossy and narrow; what was
    connected before the block, or within it, is ended."""
    async with AsyncExitStack() as stack:
        ways = []
        for port in ports:
            way = Way(port, inside=inside, address=other.address, mark=_OF_RELAY, delay=how.delay)
            ways.append(await stack.enter_async_context(_serving(way, inside.listener(0, "127.0.0.1"))))
        with _faulty(inside, _slowness(other, ways, how)):
            yield


def _slowness(other: Namespace, ways: Sequence[Way], how: Slowness) -> str:
    ours, back = f"ip daddr {other.address} tcp dport", f"ip saddr {other.address} tcp sport"
    ports = f"{{ {', '.join(str(way.target) for way in ways)} }}"
    most = f"{how.bytes_per_second} bytes/second burst {how.bytes_per_second // 2} bytes"
    drops = (f"numgen random mod 100 < {how.loss_percent} drop", f"limit rate over {most} drop")
    redirects = "\n".join(
        f"{ours} {way.target} meta mark != {_OF_RELAY} redirect to :{way.port}" for way in ways
    )
    return f"""
        chain redirected {{ type nat hook output priority -100; {redirects}; }}
        chain out {{
            type filter hook output priority 0;
            {ours} {ports} meta mark != {_OF_RELAY} reject with tcp reset
            {_each(f"{ours} {ports}", drops)}
        }}
        chain in {{ type filter hook input priority 0; {_each(f"{back} {ports}", drops)}; }}
    """


def _each(packets: str, verdicts: Sequence[str]) -> str:
    return "\n".join(f"{packets} {verdict}" for verdict in verdicts)


@contextmanager
def _faulty(inside: Namespace, rules: str) -> Iterator[None]:
    _nft(inside, f"table {_TABLE} {{ {rules} }}")
    try:
        yield
    finally:
        _nft(inside, f"delete table {_TABLE}")


def _nft(inside: Namespace, text: str) -> None:
    done = subprocess.run(
        inside.command("nft", "-f", "-"), input=text, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def _serving(way: Way, listener: socket.socket) -> AsyncIterator[Way]:
    way.go_on()
    way.port = listener.getsockname()[1]
    server = await asyncio.start_server(way.connect, sock=listener)
    try:
        yield way
    finally:
        server.close()
        way.cut()
        await server.wait_closed()
