"""How long it takes until a permission that is withdrawn globally is denied in every zone.

Both zones have a catalog and a client of it; azure's client calls gcp's catalog as well. Measured from the
beginning of the write at global until each of these calls was denied.

BENCH_ROUNDS: how often it is withdrawn.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import NamedTuple

import uvloop
from tests.kit.clouds import Cloud, Clouds
from tests.kit.mesh import Member

from bench.harness import Row, at_least, at_most, percentile, shown
from bench.zone_rig import CATALOG, FAR, WEB, running_zones, status, until

NAME = "zone-permission"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
LEAST = 30
OK = (200,)
DENIED = (403, None)
"""By the called sidecar; or the caller's does not even stand for the service any more."""
WAYS = ("azure → azure", "gcp → gcp", "azure → gcp")
_CALLERS = (("azure", WEB), ("gcp", WEB))
_METHODS = ["GET"]
"""So that the called sidecars read HTTP, and deny by an answer."""


class Way(NamedTuple):
    """A call that is permitted, or not."""

    address: str
    """Where the caller's sidecar stands for the service."""
    port: int

    async def answers(self, expected: Sequence[int | None]) -> float:
        """When it first got one of these."""

        async def as_expected() -> bool:
            return await status(self.address, self.port, CATALOG) in expected

        return await until(as_expected)


def main() -> list[Row]:
    rounds = uvloop.run(_measure())
    last = [max(round_) * 1e3 for round_ in rounds]
    return [
        at_least(NAME, "times withdrawn", len(rounds), min(LEAST, ROUNDS), ""),
        at_most(NAME, "withdrawn globally → denied in both zones, p99", percentile(last, 0.99), 500, "ms"),
        shown(NAME, "withdrawn globally → denied in both zones, median", percentile(last, 0.5), "ms"),
        *(
            shown(NAME, f"{name}, median", percentile(times, 0.5) * 1e3, "ms")
            for name, times in zip(WAYS, zip(*rounds, strict=True), strict=True)
        ),
    ]


async def _measure() -> list[tuple[float, ...]]:
    """Seconds until each way was denied, round by round."""
    async with running_zones() as zones:
        azure, gcp = zones.azure, zones.gcp
        await azure.join(CATALOG)
        ways = [
            await _way(azure, zones.web, CATALOG),
            await _way(gcp, await gcp.join(WEB), CATALOG),
            await _way(azure, zones.web, FAR),
        ]
        return [await _round(zones.clouds, ways) for _ in range(ROUNDS)]


async def _way(cloud: Cloud, caller: Member, called: str) -> Way:
    return Way(await cloud.place(caller, called), cloud.port_of(called))


async def _round(clouds: Clouds, ways: Sequence[Way]) -> tuple[float, ...]:
    """Permitted, everybody is answered; then nobody is."""
    await clouds.permit(CATALOG, *_CALLERS, methods=_METHODS)
    await asyncio.gather(*(way.answers(OK) for way in ways))
    began = time.perf_counter()
    denied = asyncio.gather(*(way.answers(DENIED) for way in ways))
    await clouds.permit(CATALOG, ("azure", "nobody"), methods=_METHODS)
    return tuple(moment - began for moment in await denied)
