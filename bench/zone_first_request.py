"""How long it takes until a service new in one zone gets its first request from a sidecar of another zone.

The instance is there with its sidecar; what is new is the Service. From the beginning of the write on, gcp
has to show it, its ingress to let callers through to it, global to hand it on, and azure to give it an
address and to tell the caller's sidecar. The caller learns that address, as by a resolver, and calls until it
is answered.

BENCH_ROUNDS: how many services, one after another.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import uvloop
from tests.kit.mesh import service

from bench.harness import Row, at_least, at_most, percentile, shown
from bench.zone_rig import CATALOG, GIVE_UP, Zones, running_zones, status, until
from sekisho.client import Selection
from sekisho.translate.mesh.names import outbound_address

NAME = "zone-first-request"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
LEAST = 50


def main() -> list[Row]:
    rounds = uvloop.run(_measure())
    first = [one.first * 1e3 for one in rounds]
    known = [one.known * 1e3 for one in rounds]
    return [
        at_least(NAME, "services made", len(rounds), min(LEAST, ROUNDS), ""),
        at_most(NAME, "written → first success from another zone, p99", percentile(first, 0.99), 500, "ms"),
        shown(NAME, "written → first success from another zone, median", percentile(first, 0.5), "ms"),
        shown(NAME, "written → has an address there, median", percentile(known, 0.5), "ms"),
        shown(NAME, "answers that were no success before the first", sum(one.refused for one in rounds), ""),
    ]


class Round(NamedTuple):
    """Seconds from the beginning of the write of one Service, and what its caller got meanwhile."""

    known: float
    """Until the other zone had an address for it."""
    first: float
    """Until a call was answered."""
    refused: int
    """Answers other than 200 on the way; a connection that nobody takes yet is none."""


async def _measure() -> list[Round]:
    async with running_zones() as zones:
        return [await _round(zones, f"new-{number}") for number in range(ROUNDS)]


async def _round(zones: Zones, name: str) -> Round:
    """One more Service of the one instance, gone at the end."""
    port, client = zones.catalog.port, zones.gcp.system.client
    since = (await zones.azure.system.client.list("ZoneService")).revision
    known = asyncio.ensure_future(_address(zones, f"{name}.gcp", since))
    refused = 0

    async def answered() -> bool:
        nonlocal refused
        found = await status(place, port, name)
        refused += found not in (None, 200)
        return found == 200

    began = time.perf_counter()
    await client.create(service(name, port, selector={"app": CATALOG}))
    async with asyncio.timeout(GIVE_UP):
        place, told = await known
    ended = await until(answered)
    await client.delete("Service", name, "shop")
    return Round(told - began, ended - began, refused)


async def _address(zones: Zones, name: str, since: str) -> tuple[str, float]:
    """Where the caller's sidecar stands for it, and when that was known."""
    changes = zones.azure.system.client.watch("ZoneService", since, Selection(namespace="shop"))
    async with aclosing(changes) as batches:
        async for batch in batches:
            for event in batch:
                if event.type != "BOOKMARK" and (found := _vip(event.object, name)):
                    return outbound_address(found, zones.web.outbounds), time.perf_counter()
    raise RuntimeError("the watch ended")


def _vip(object_: Mapping[str, Any], name: str) -> str:
    is_it = object_["metadata"]["name"] == name
    return str(object_.get("status", {}).get("vip", {}).get("ip", "")) if is_it else ""
