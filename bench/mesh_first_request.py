"""How long it takes until a new Workload gets its first request from another one.

"Registered" is the moment when both its Workload is written and its sidecar listens. From then on the agent
has to notice and report it, the control plane to tell the caller's sidecar, and that to make a connection of
mutual TLS. Shown beside it: the whole way from the write, in which an Envoy starts. Real processes: control
plane, agent, Envoys.

BENCH_WORKLOADS: how many are registered, one after another.
"""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import uvloop
from tests.kit.http import fetch
from tests.kit.mesh import Member, Mesh, running_mesh, workload

from bench.harness import Row, at_least, at_most, percentile, shown

NAME = "mesh-first-request"
WORKLOADS = int(os.environ.get("BENCH_WORKLOADS", "100"))
EVERY = 0.002
"""Seconds between attempts."""
GIVE_UP = 30.0


def main() -> list[Row]:
    rounds = uvloop.run(_measure())
    first = [one.first * 1e3 for one in rounds]
    whole = [one.whole * 1e3 for one in rounds]
    return [
        at_least(NAME, "Workloads registered", len(rounds), 100, ""),
        at_most(NAME, "registered → first request answered, p99", percentile(first, 0.99), 300, "ms"),
        shown(NAME, "registered → first request answered, median", percentile(first, 0.5), "ms"),
        shown(NAME, "written → first request answered, median", percentile(whole, 0.5), "ms"),
        shown(NAME, "written → first request answered, p99", percentile(whole, 0.99), "ms"),
    ]


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds until one Workload was answered for."""

    first: float
    """From the moment it was registered."""
    whole: float
    """From the beginning of the write."""


async def _measure() -> list[Round]:
    async with running_mesh() as mesh:
        caller, template = await mesh.join("caller"), await mesh.join("called")
        await mesh.permit("called", "caller")
        await mesh.answers(caller, "called")
        place = await mesh.place(caller, "called")
        await mesh.system.client.delete("Workload", template.name, "shop")
        return [await _round(mesh, template, place, number) for number in range(WORKLOADS)]


async def _round(mesh: Mesh, template: Member, place: str, number: int) -> Round:
    """One more instance, alone behind its Service, and gone at the end."""
    member = replace(template, name=f"called-{number + 10}", address=f"127.0.41.{number + 1}")
    await _until_refused(place, member.port)
    began = time.perf_counter()
    listening = asyncio.ensure_future(_until_listening(member))
    answered = asyncio.ensure_future(_until_answered(place, member.port))
    await mesh.system.client.create(workload(member))
    registered = max(time.perf_counter(), await listening)
    ended = await answered
    await mesh.system.client.delete("Workload", member.name, "shop")
    return Round(max(0.0, ended - registered), ended - began)


async def _until_refused(place: str, port: int) -> None:
    """Nobody is behind the Service any more."""
    async with asyncio.timeout(GIVE_UP):
        while await _is_answered(place, port):
            await asyncio.sleep(EVERY)


async def _until_listening(member: Member) -> float:
    """When its sidecar takes connections."""
    async with asyncio.timeout(GIVE_UP):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(member.address, member.port)
                now = time.perf_counter()
                writer.close()
                return now
            await asyncio.sleep(EVERY)


async def _until_answered(place: str, port: int) -> float:
    async with asyncio.timeout(GIVE_UP):
        while not await _is_answered(place, port):
            await asyncio.sleep(EVERY)
        return time.perf_counter()


async def _is_answered(place: str, port: int) -> bool:
    try:
        return (await fetch(port, "called", address=place)).status == 200
    except (OSError, EOFError, TimeoutError):
        return False
