"""What a sidecar needs that may call 1,000 services and calls 20 of them, and how long a first call takes.

Beside it a sidecar that knows the ways to all of them from the start, of the same mesh. All are ports of one
workload; HTTP that nobody reads, so that it travels as bytes, as it does unless a policy asks for more; with
BENCH_READ_HTTP=1, HTTP that is read. One worker each.

BENCH_KNOWN: how many there are.
"""

import asyncio
import os
import time
from collections.abc import Sequence

import uvloop
from tests.kit.http import fetch
from tests.kit.mesh import Member, Mesh, running_mesh, workload
from tests.kit.mesh import service as plain_service
from tests.kit.objects import manifest

from bench.harness import Row, at_most, percentile, shown
from bench.mesh_memory import settled

NAME = "mesh-on-demand"
KNOWN = int(os.environ.get("BENCH_KNOWN", "1000"))
READ_HTTP = os.environ.get("BENCH_READ_HTTP") == "1"
USED, MORE = 20, 100
_AT_A_TIME = 32
"""Writes under way: then many are taken in one commit."""
WITHIN = 120.0
"""Seconds for 1,000 listeners to be made on a busy machine."""


def main() -> list[Row]:
    return uvloop.run(_measure())


async def _measure() -> list[Row]:
    async with running_mesh() as mesh:
        spec = {"reachable": "Listed", "onDemand": True, "inspection": "Always" if READ_HTTP else "Auto"}
        await mesh.system.apply(manifest("Mesh", "default", spec=spec))
        caller, plain, called = await mesh.join("caller"), await mesh.join("plain"), await mesh.join("called")
        await _know_everything(mesh, plain)
        await mesh.permit("called", "caller", "plain")
        for each in (caller, plain):
            await mesh.answers(each, "called")
        empty = await settled(mesh.envoy(caller).pid)
        await _make_services(mesh, called)
        for each in (caller, plain):
            await _knows(mesh, each, called)
        unused = await settled(mesh.envoy(caller).pid)
        first = await _calls(mesh, caller, called, range(USED))
        few = await settled(mesh.envoy(caller).pid)
        first += await _calls(mesh, caller, called, range(USED, USED + MORE))
        many = await settled(mesh.envoy(caller).pid)
        again = await _calls(mesh, caller, called, range(USED + MORE))
        await _calls(mesh, plain, called, range(USED))
        everything = await settled(mesh.envoy(plain).pid)
    return [
        at_most(NAME, "growth per used service", (many - few) / MORE / 1e3, 80, "KB"),
        shown(NAME, f"{KNOWN} services to call, {USED} used, private memory", few / 1e6, "MB"),
        shown(NAME, "the same where all ways are known from the start", everything / 1e6, "MB"),
        shown(NAME, "growth per service that may be called and is not", (unused - empty) / KNOWN / 1e3, "KB"),
        *_seconds("first call of a service", first),
        *_seconds("a later one, on a new connection", again),
    ]


def _seconds(what: str, took: Sequence[float]) -> list[Row]:
    return [
        shown(NAME, f"{what}, median", percentile(took, 0.5) * 1e3, "ms"),
        shown(NAME, f"{what}, p99", percentile(took, 0.99) * 1e3, "ms"),
    ]


async def _know_everything(mesh: Mesh, member: Member) -> None:
    sidecar = {"outboundAddresses": member.outbounds, "reachable": [{"namespace": "shop"}], "onDemand": False}
    await mesh.system.apply(workload(member, sidecar=sidecar))


async def _make_services(mesh: Mesh, called: Member) -> None:
    ports = [{"name": "main", "port": called.port, "targetPort": called.port, "appProtocol": "http"}]
    at_a_time = asyncio.Semaphore(_AT_A_TIME)

    async def make(number: int) -> None:
        async with at_a_time:
            made = plain_service(_name(number), called.port, selector={"app": called.account}, ports=ports)
            await mesh.system.apply(made)

    await asyncio.gather(*map(make, range(KNOWN)))


def _name(number: int) -> str:
    return f"known-{number}"


async def _knows(mesh: Mesh, member: Member, called: Member) -> None:
    """The last one that was made can be connected to: a connection alone calls nothing."""
    place = await mesh.place(member, _name(KNOWN - 1))
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                _, writer = await asyncio.open_connection(place, called.port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                break
    await mesh.system.in_sync()


async def _calls(mesh: Mesh, caller: Member, called: Member, numbers: range) -> list[float]:
    """Calls each service once; returns the seconds each took. Raises where one is not answered."""
    took = []
    for number in numbers:
        place = await mesh.place(caller, _name(number))
        began = time.perf_counter()
        answer = await fetch(called.port, _name(number), address=place)
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{_name(number)} answered {answer.status}")
    return took
