"""T7: an instance of a Service with many routes begins to fail; outlier detection must find it only once.

The health of an instance is that of its cluster. Where every route or hostname has a cluster of its own, each
has to find out by failures of its own; here a service port is one cluster, and an edit does not make it anew.

BENCH_SECONDS: how long an instance fails before the edits begin.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import cycle

import uvloop
from tests.kit.http import fetch
from tests.kit.wait import eventually

from bench import manifests
from bench.harness import Row, at_least, at_most, shown
from bench.instances import Instance, running_instances
from bench.load import Load, under_load
from bench.rig import Rig, running_rig

NAME = "backend-failover"
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ROUTES = RULES = 16
"""Each route has a hostname of its own; each rule, a path."""
INSTANCES = 10
CONSECUTIVE = 5
"""Failures in a row for which an instance is left out; for longer than the benchmark takes."""
CLIENTS = 16
"""Where there are many at once: each may have a request on its way when the instance is left out."""
PAUSE = 0.002
"""Seconds between an answer and the client's next request."""
EDITS = 20
"""Of each kind, in each outage."""
SEEN = 0.1
"""Seconds of requests after each edit, in which an instance that were taken back would be called."""
SERVICE, OTHER = "many", "other"
HOSTNAMES = tuple(f"{number}.failover.example.com" for number in range(ROUTES))
OTHER_HOSTNAME = "other.example.com"


@dataclass(frozen=True, slots=True)
class _Outage:
    """What one instance does, and who calls meanwhile."""

    what: str
    begin: Callable[[Instance], Awaitable[None]]
    clients: int

    @property
    def title(self) -> str:
        return f"one {self.what}, {self.clients} client{'s' * (self.clients > 1)}"


OUTAGES = tuple(
    _Outage(what, begin, clients)
    for what, begin in (("refuses", Instance.refuse), ("answers 500", Instance.fail))
    for clients in (1, CLIENTS)
)


def main() -> list[Row]:
    return uvloop.run(measure())


async def measure() -> list[Row]:
    async with running_rig() as rig, running_instances(INSTANCES + 1) as instances:
        failover = _Failover(rig, instances)
        await failover.prepare()
        rows = [
            shown(NAME, "instances of the Service", INSTANCES, ""),
            shown(NAME, "routes × rules of the Service", ROUTES * RULES, ""),
        ]
        for outage, ill in zip(OUTAGES, instances, strict=False):
            rows += await failover.run(outage, ill)
        return [*rows, *await failover.run_anew()]


class _Failover:
    """A Service behind many routes; one instance of it after the other fails for good."""

    def __init__(self, rig: Rig, instances: Sequence[Instance]) -> None:
        self._rig = rig
        self._instances, self._spare = instances[:-1], instances[-1]
        self._targets = cycle([(host, f"/{rule}") for rule in range(RULES) for host in HOSTNAMES])
        self._edit = 0

    async def prepare(self) -> None:
        """Returns once all routes answer."""
        client = self._rig.client
        await client.create(_outlier_detection())
        await client.create(manifests.service(SERVICE))
        await client.create(self._endpoints(self._instances))
        await client.create(manifests.service(OTHER))
        await client.create(manifests.endpoint_slice(OTHER, "127.0.0.1", self._rig.backends[:1]))
        for host in HOSTNAMES:
            await client.create(_route(host, SERVICE))
        await client.create(_route(OTHER_HOSTNAME, OTHER))
        for host in (*HOSTNAMES, OTHER_HOSTNAME):
            await self._rig.until(host, "/0")

    async def run(self, outage: _Outage, ill: Instance) -> list[Row]:
        """The instance fails for a time, and then while there are edits."""
        edits = {
            "of another route": lambda: self._edit_route(OTHER_HOSTNAME, OTHER),
            "of a route of it": lambda: self._edit_route(HOSTNAMES[0], SERVICE),
            "of endpoints": self._edit_endpoints,
        }
        async with self._load(outage.clients) as load:
            before = await _lost(load, asyncio.sleep(1))
            await outage.begin(ill)
            began = load.requests
            failed = await _lost(load, asyncio.sleep(SECONDS))
            concerned = (load.requests - began) / INSTANCES
            after = {what: await _lost(load, self._often(edit)) for what, edit in edits.items()}
        return [
            at_most(NAME, f"{outage.title}: failed before", before, 0, ""),
            shown(NAME, f"{outage.title}: requests ÷ instances", concerned, ""),
            at_least(NAME, f"{outage.title}: failed at all", failed, 1, ""),
            at_most(NAME, f"{outage.title}: failed", failed, CONSECUTIVE + outage.clients - 1, ""),
            *(
                at_most(NAME, f"{outage.title}: lost in {EDITS} edits {what}", lost, 0, "")
                for what, lost in after.items()
            ),
        ]

    async def run_anew(self) -> list[Row]:
        """The policy itself changes: that is another cluster, which finds out anew, of all at once."""
        async with self._load(CLIENTS) as load:
            await self._rig.client.update(_outlier_detection(interval="11s"))
            failed = await _lost(load, asyncio.sleep(SECONDS))
        title, limit = f"policy edited, {len(OUTAGES)} fail", CONSECUTIVE * len(OUTAGES) + CLIENTS - 1
        return [
            at_least(NAME, f"{title}: failed at all", failed, 1, ""),
            at_most(NAME, f"{title}: failed", failed, limit, ""),
        ]

    def _load(self, clients: int) -> AbstractAsyncContextManager[Load]:
        return under_load(self._rig.port, lambda: next(self._targets), keep_alive=clients, every=PAUSE)

    # Edits, each in effect before the next

    async def _often(self, edit: Callable[[], Awaitable[None]]) -> None:
        for _ in range(EDITS):
            self._edit += 1
            await edit()
            await asyncio.sleep(SEEN)

    async def _edit_route(self, host: str, service: str) -> None:
        await self._rig.client.update(_route(host, service, self._edit))

        async def seen() -> bool:
            return (await fetch(self._rig.port, host, "/0")).header("x-edit") == str(self._edit)

        await eventually(seen, what=f"edit {self._edit} of {host} is in effect")

    async def _edit_endpoints(self) -> None:
        """Another instance, or not; each comes or goes."""
        more = (self._spare,) if self._edit % 2 else ()
        await self._rig.client.update(self._endpoints([*self._instances, *more]))

        async def called() -> bool:
            return bool(self._spare.connections) == bool(more)

        await eventually(called, what="another instance is called" if more else "it is left")

    def _endpoints(self, instances: Sequence[Instance]) -> manifests.Manifest:
        one = manifests.endpoint_slice(SERVICE, instances[0].address, [instances[0].port])
        return one | {"endpoints": [{"addresses": [instance.address]} for instance in instances]}


async def _lost(load: Load, meanwhile: Awaitable[None]) -> int:
    """How many requests are lost until this has ended."""
    before = load.lost
    await meanwhile
    return load.lost - before


def _outlier_detection(interval: str = "10s") -> manifests.Manifest:
    detection = {
        "interval": interval,
        "detectors": {"totalFailures": {"consecutive": CONSECUTIVE}},
        "baseEjectionTime": "1h",
        "maxEjectionPercent": 50,
    }
    to = [{"targetRef": {"kind": "Service", "name": SERVICE}, "default": {"outlierDetection": detection}}]
    return {
        "apiVersion": "sekisho.dev/v1alpha1",
        "kind": "CircuitBreaker",
        "metadata": {"name": SERVICE, "namespace": manifests.NAMESPACE},
        "spec": {"to": to},
    }


def _route(host: str, service: str, edit: int = 0) -> manifests.Manifest:
    header = manifests.header_filter("Response", "x-edit", str(edit))
    rules = [manifests.rule(f"/{rule}", service, header) for rule in range(RULES)]
    return manifests.route(f"route-{host.partition('.')[0]}", host, rules)
