"""How long it takes until the proxies of a zone have an endpoint change of another zone that matters to them.

What matters: the first healthy instance comes, the last one goes, and how many there are, by which calls to
a MultiZoneService are dealt out. Measured from the beginning of the write in gcp until all proxies in azure
have it, as they say themselves: Envoy answers an update in the moment it takes it.

BENCH_ROUNDS: how often each change is made.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop
from tests.kit.clouds import multizone
from tests.kit.mesh import Member

from bench.harness import Row, at_most, percentile, shown
from bench.zone_rig import CATALOG, WEB, Zones, running_zones, until, weights

NAME = "zone-endpoint"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "50"))
PROXIES = 3
CHANGES = ("1 → 2 healthy", "2 → 1 healthy", "1 → 0 healthy", "0 → 1 healthy")


def main() -> list[Row]:
    found = uvloop.run(_measure())
    every = [seconds * 1e3 for times in found.values() for seconds in times]
    what = f"written in gcp → {PROXIES} proxies in azure have it"
    return [
        at_most(NAME, f"{what}, p99", percentile(every, 0.99), 200, "ms"),
        shown(NAME, f"{what}, median", percentile(every, 0.5), "ms"),
        shown(NAME, "changes", len(every), ""),
        *(
            shown(NAME, f"{change}, median", percentile(times, 0.5) * 1e3, "ms")
            for change, times in found.items()
        ),
    ]


async def _measure() -> dict[str, list[float]]:
    async with running_zones() as zones:
        first, second = zones.catalog, await zones.gcp.join(CATALOG)
        callers = [zones.web, *[await zones.azure.join(WEB) for _ in range(PROXIES - 1)]]
        await zones.clouds.hub.apply(multizone(CATALOG, first.port))
        change = _Change(zones, callers)
        await change.arrived([2])
        await change.made(second, "", [1])
        steps = ((second, CATALOG, (2,)), (second, "", (1,)), (first, "", ()), (first, CATALOG, (1,)))
        found: dict[str, list[float]] = {what: [] for what in CHANGES}
        for _ in range(ROUNDS):
            for what, step in zip(CHANGES, steps, strict=True):
                found[what].append(await change.made(*step))
        return found


@dataclass(frozen=True, slots=True)
class _Change:
    """Of the instances behind the Service in gcp, by their label."""

    zones: Zones
    callers: Sequence[Member]

    async def made(self, member: Member, app: str, expected: Sequence[int]) -> float:
        """Seconds until all callers have endpoints of these weights."""
        began = time.perf_counter()
        arrival = asyncio.ensure_future(self.arrived(expected))
        patch = {"metadata": {"labels": {"app": app}}}
        await self.zones.gcp.system.client.patch("Workload", member.name, "shop", patch=patch)
        return await arrival - began

    async def arrived(self, expected: Sequence[int]) -> float:
        """When the last one was seen to have them. They are asked one after another: asking is work."""
        return max([await self._has(caller, expected) for caller in self.callers])

    async def _has(self, caller: Member, expected: Sequence[int]) -> float:
        cluster = f"multizone/shop/{CATALOG}/{self.zones.catalog.port}"

        async def has() -> bool:
            return await weights(self.zones.azure, caller, cluster) == list(expected)

        return await until(has)
