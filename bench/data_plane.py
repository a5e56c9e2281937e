"""Requests per second of our gateway, and of Envoys configured by hand, in turn in one run.

`same` does what ours does: same way to find routes, same limits of time and size, same care of headers and
paths, CORS (hand_written/same.yaml); it cannot ask authorizers and knows no sessions. `plain` is plain RDS
and Envoy's defaults (hand_written/plain.yaml): no limit of connections, memory, streams or idleness, no
normal paths, and all figures there are. Each has one worker and, while it is asked, a processor of its own;
wrk and the backend have the other. All are asked over 16 connections that are kept.

Requests per second say something on a quiet machine only. Processor time per request, in the kernel as well,
can be compared on any: it is shown as a ratio, too.

BENCH_ROUNDS: how often each is asked.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from statistics import median

import uvloop
from tests.kit.pki import Leaf, TestAuthority
from tests.kit.ports import free_port

from bench import manifests
from bench.backends import Backend, running_backend
from bench.harness import Row, at_least, at_most, shown
from bench.peers import Peer, running_peer
from bench.placement import MEASURED, REST, place, processor_seconds
from bench.rig import Rig, each, running_rig
from bench.wrk import Shot, missing, shoot

NAME = "data-plane"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "30"))
"""Many and short: what slows the machine down for seconds then falls on all of one round."""
SIDE_ROUNDS = 4
"""Of the figures that are only shown."""
SECONDS = 1
HOST = "bench.example.com"
WILDCARD, BELOW_WILDCARD = "*.wild.example.com", "any.wild.example.com"
MANY = [f"host-{number}.example.com" for number in range(1_000)]
SERVICE = "backend"


def main() -> list[Row]:
    return missing(NAME) or uvloop.run(measure(ROUNDS))


@dataclass(frozen=True, slots=True)
class Target:
    """One proxy or several in a row, and what they are asked."""

    pids: tuple[int, ...]
    url: str
    hosts: Sequence[str] = (HOST,)


@dataclass(slots=True)
class Figures:
    """What one target did, round by round."""

    shots: list[Shot] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    """Microseconds of processor time per request, of all proxies together."""

    @property
    def rate(self) -> float:
        return median(shot.rate for shot in self.shots)

    @property
    def best(self) -> float:
        return max(shot.rate for shot in self.shots)

    @property
    def p99(self) -> float:
        return median(shot.p99 for shot in self.shots)

    def over(self, other: "Figures") -> float:
        """Rate by rate of the same round: what slows down the machine for seconds slows down both."""
        pairs = zip(self.shots, other.shots, strict=True)
        return median(mine.rate / theirs.rate for mine, theirs in pairs)

    def costing(self, other: "Figures") -> float:
        """The processor time of the other per request over this one's, of the same round: 1 for as much, less
        for more, as with requests per second."""
        return median(theirs / mine for mine, theirs in zip(self.costs, other.costs, strict=True))

    def later(self, other: "Figures") -> float:
        """The p99 over the other's of the same round."""
        return median(mine.p99 / theirs.p99 for mine, theirs in zip(self.shots, other.shots, strict=True))


async def measure(rounds: int) -> list[Row]:
    async with _everything() as world:
        backend = await shoot(world.backend_url, SECONDS, core=MEASURED)
        targets = {"ours": world.ours(), "same": world.of(world.same), "plain": world.of(world.plain)}
        rows = _main_rows(await compare(targets, rounds))
        rows += [shown(NAME, f"the backend alone ({world.backend.language})", backend.rate, "/s")]
        return [*rows, *await _side_rows(world)]


async def compare(targets: Mapping[str, Target], rounds: int) -> dict[str, Figures]:
    """Asks all of them in turn, round after round, in every order there is."""
    figures = {name: Figures() for name in targets}
    orders = list(permutations(targets))
    for number in range(-1, rounds):  # the first round warms up
        for name in orders[number % len(orders)]:
            shot, cost = await _ask(targets[name], SECONDS)
            if number >= 0:
                figures[name].shots.append(shot)
                figures[name].costs.append(cost)
    return figures


async def _ask(target: Target, seconds: int) -> tuple[Shot, float]:
    before = sum(map(processor_seconds, target.pids))
    shot = await shoot(target.url, seconds, hosts=target.hosts, core=REST)
    return shot, (sum(map(processor_seconds, target.pids)) - before) / shot.requests * 1e6


def _main_rows(figures: Mapping[str, Figures]) -> list[Row]:
    ours, same, plain = figures["ours"], figures["same"], figures["plain"]
    errors = sum(shot.errors for each in figures.values() for shot in each.shots)
    rows = [
        at_least(NAME, "ours ÷ same features by hand, requests/s", ours.over(same), 0.97, "×"),
        at_least(NAME, "ours ÷ plain RDS by hand, requests/s", ours.over(plain), 0.90, "×"),
        at_most(NAME, "ours ÷ same features by hand, p99", ours.later(same), 1.05, "×"),
        at_most(NAME, "errors", errors, 0, ""),
        shown(NAME, "ours ÷ same features by hand, by processor time", ours.costing(same), "×"),
        shown(NAME, "ours ÷ plain RDS by hand, by processor time", ours.costing(plain), "×"),
    ]
    for name, one in figures.items():
        rows += [
            shown(NAME, f"{name}: requests, median", one.rate, "/s"),
            shown(NAME, f"{name}: requests, best", one.best, "/s"),
            shown(NAME, f"{name}: p99", one.p99, "µs"),
            shown(NAME, f"{name}: processor time of a request", median(one.costs), "µs"),
        ]
    return rows


# Figures that are only shown


async def _side_rows(world: "World") -> list[Row]:
    rows: list[Row] = []
    for what, ours, plain in await world.others():
        figures = await compare({"ours": ours, "plain": plain}, SIDE_ROUNDS)
        rows += [
            shown(NAME, f"{what}: ours", figures["ours"].rate, "/s"),
            shown(NAME, f"{what}: ours ÷ plain", figures["ours"].over(figures["plain"]), "×"),
        ]
    return rows


@dataclass(frozen=True, slots=True)
class World:
    """All that runs."""

    rig: Rig
    same: Peer
    plain: Peer
    backend: Backend
    https_port: int
    """Of our gateway."""

    @property
    def backend_url(self) -> str:
        return f"http://127.0.0.1:{self.backend.port}/"

    def ours(self, *hosts: str) -> Target:
        return Target((self.rig.envoy.pid,), f"http://127.0.0.1:{self.rig.port}/", hosts or (HOST,))

    def of(self, peer: Peer, *hosts: str) -> Target:
        return Target((peer.pid,), f"http://127.0.0.1:{peer.http_port}/", hosts or (HOST,))

    async def others(self) -> list[tuple[str, Target, Target]]:
        """What, our gateway, and plain Envoy."""
        await each(lambda host=host: self._route(host) for host in MANY)  # type: ignore[misc]
        await self._route(WILDCARD, "wildcard")
        for host in (MANY[-1], BELOW_WILDCARD):
            await self.rig.until(host, "/")
        ours, plain = self.rig.envoy.pid, self.plain.pid
        tls = Target((ours,), f"https://127.0.0.1:{self.https_port}/")
        plain_tls = Target((plain,), f"https://127.0.0.1:{self.plain.https_port}/")
        return [
            (f"{len(MANY)} hostnames in turn", self.ours(*MANY), self.of(self.plain, *MANY)),
            ("wildcard hostname", self.ours(BELOW_WILDCARD), self.of(self.plain, BELOW_WILDCARD)),
            ("HTTPS", tls, plain_tls),
        ]

    async def prepare(self, certificate: Leaf) -> None:
        """One hostname over HTTP and HTTPS; returns when it is served."""
        client, port = self.rig.client, self.backend.port
        await client.create(manifests.tls_secret("tls", certificate))
        await client.update(manifests.gateway(self.rig.port, https=(self.https_port, "tls")))
        await client.create(manifests.service(SERVICE))
        await client.create(manifests.endpoint_slice(SERVICE, "127.0.0.1", [port]))
        await self._route(HOST)
        await self.rig.until(HOST, "/")

    async def _route(self, host: str, name: str = "") -> None:
        route = manifests.route(name or host.partition(".")[0], host, [manifests.rule("/", SERVICE)])
        await self.rig.client.create(route)


@asynccontextmanager
async def _everything() -> AsyncIterator[World]:
    """Three Envoys with one worker each, and the backend."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-bench-")))
        certificate = TestAuthority().leaf(dns=[HOST])
        backend = await stack.enter_async_context(running_backend(folder))
        rig = await stack.enter_async_context(running_rig(workers=1))
        hosts = [HOST, WILDCARD, *MANY]
        same, plain = [
            await stack.enter_async_context(
                running_peer(name, folder, backend.port, hosts=hosts, certificate=certificate)
            )
            for name in ("same", "plain")
        ]
        world = World(rig, same, plain, backend, free_port())
        await world.prepare(certificate)
        for pid in (rig.envoy.pid, same.pid, plain.pid):
            place(pid, MEASURED)
        yield world
