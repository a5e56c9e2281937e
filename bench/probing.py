"""How long it takes until a new route answers: probes it from the moment its write has ended."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench import manifests
from bench.rig import Connection, Rig

PROBE_EVERY = 0.002
"""Seconds between the probes of a route that does not answer yet."""
GIVE_UP = 10.0
"""Seconds after which a route that does not answer is an error."""
BACKEND = "echo"
MISSING = "nowhere"
"""A Service that does not exist."""


@dataclass(slots=True)
class Propagation:
    """What was seen of a row of routes."""

    latencies: list[float] = field(default_factory=list)
    """Milliseconds from the end of the write to the first 200, route by route."""
    writes: list[float] = field(default_factory=list)
    """Milliseconds each write took."""
    others: list[str] = field(default_factory=list)
    """Everything that was neither 404 nor, in the end, 200."""

    @property
    def mean(self) -> float:
        return _mean(self.latencies)

    @property
    def mean_write(self) -> float:
        return _mean(self.writes)

    @property
    def growth(self) -> float:
        """The mean of the last 100 over that of the first 100."""
        return _mean(self.latencies[-100:]) / _mean(self.latencies[:100])


class Prober:
    """Creates routes one after another, each once the one before answers."""

    def __init__(self, rig: Rig) -> None:
        self.seen = Propagation()
        self._rig = rig
        self._connection = Connection(rig.port)

    async def prepare(self) -> None:
        """The Service that all routes lead to."""
        client = self._rig.client
        await client.create(manifests.service(BACKEND))
        await client.create(manifests.endpoint_slice(BACKEND, "127.0.0.1", self._rig.backends[:1]))

    async def add(self, number: int) -> None:
        """One more route, of two rules: one to the backend with header filters, one to nowhere."""
        path, hostname = f"/{number}", f"{number}-route.example.com"
        filters = (
            manifests.header_filter("Request", "x-request", "added"),
            manifests.header_filter("Response", "x-response", "added"),
        )
        rules = [manifests.rule(path, BACKEND, *filters), manifests.rule("/", MISSING)]
        written = manifests.route(f"route-{number}", hostname, rules)
        began = time.perf_counter()
        await self._rig.client.create(written)
        ended = time.perf_counter()
        self.seen.writes.append((ended - began) * 1000)
        await self._wait(hostname, path, ended)

    async def _wait(self, hostname: str, path: str, since: float) -> None:
        due = since
        while due - since < GIVE_UP:
            status = await self._probe(hostname, path)
            now = time.perf_counter()
            if status == 200:
                self.seen.latencies.append((now - since) * 1000)
                return
            due = max(due + PROBE_EVERY, now)
            await asyncio.sleep(due - now)
        self.seen.others.append(f"{hostname} did not answer within {GIVE_UP} s")

    async def _probe(self, hostname: str, path: str) -> int:
        try:
            answer = await self._connection.get(hostname, path)
        except (OSError, EOFError) as error:
            self.seen.others.append(repr(error))
            return 0
        if answer.status not in (200, 404):
            self.seen.others.append(f"{hostname} answered {answer.status}")
        return answer.status


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
