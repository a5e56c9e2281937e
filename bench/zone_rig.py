"""What the benchmarks of zones measure: a global control plane, `azure` and `gcp`, as real processes.

`catalog` is in gcp behind an ingress, `web` in azure calls it. All control planes, agents and Envoys are on
this host, so that a way over networks is the only thing that is missing.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.kit.clouds import Cloud, Clouds, running_clouds
from tests.kit.http import fetch
from tests.kit.mesh import Member

CATALOG, WEB = "catalog", "web"
FAR = f"{CATALOG}.gcp"
"""What azure calls gcp's catalog."""
EVERY = 0.002
"""Seconds between attempts."""
GIVE_UP = 30.0
"""Seconds after which something counts as never to come."""


@dataclass(frozen=True, slots=True)
class Zones:
    """All that runs."""

    clouds: Clouds
    catalog: Member
    """In gcp."""
    web: Member
    """In azure."""

    @property
    def azure(self) -> Cloud:
        return self.clouds.azure

    @property
    def gcp(self) -> Cloud:
        return self.clouds.gcp


@asynccontextmanager
async def running_zones() -> AsyncIterator[Zones]:
    """With a first call answered, from azure to gcp."""
    async with running_clouds() as clouds:
        azure, gcp = clouds.azure, clouds.gcp
        await gcp.ingress("ingress", 1)
        catalog, web = await gcp.join(CATALOG), await azure.join(WEB)
        await clouds.permit(CATALOG, ("azure", WEB), ("gcp", WEB))
        await azure.learns(FAR, gcp.port_of(CATALOG))
        await azure.answers(web, FAR)
        await clouds.in_sync()
        yield Zones(clouds, catalog, web)


async def until(holds: Callable[[], Awaitable[bool]]) -> float:
    """When it was seen to hold, by `time.perf_counter`. TimeoutError after `GIVE_UP`."""
    async with asyncio.timeout(GIVE_UP):
        while not await holds():
            await asyncio.sleep(EVERY)
    return time.perf_counter()


async def status(address: str, port: int, host: str) -> int | None:
    """What a call on a new connection gets; None for no whole answer."""
    try:
        return (await fetch(port, host, address=address)).status
    except (OSError, EOFError, TimeoutError):
        return None


async def weights(cloud: Cloud, member: Member, cluster: str) -> list[int] | None:
    """Of the endpoints that the proxy of `member` has for a cluster, as it says; None before it runs."""
    try:
        said = await cloud.admin(member, "/clusters")
    except OSError:
        return None
    found = (line.rpartition("::weight::") for line in said.splitlines() if line.startswith(f"{cluster}::"))
    return [int(weight) for _, is_one, weight in found if is_one]
