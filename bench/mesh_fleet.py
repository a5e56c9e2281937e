"""150 real sidecars and 100 services that all of them see: one endpoint changes, until all have acknowledged.

The real processes: a control plane, an agent, and 150 Envoys with a network namespace each, as workloads with
capture have. They start a few at a time and need some 4 GB of memory. The figure is the control plane's own:
from the moment it knows of the change to the last acknowledgement, which an agent only passes on.

All of them share the cores of this machine, where production has a host for each few. So it also tells what a
change costs each of them beyond what they use at rest, and how long that takes on all cores if none waits.

BENCH_ENVOYS: how many.
"""

import asyncio
import os
import shlex
import tempfile
import time
from collections.abc import Awaitable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Generic, NamedTuple, TypeVar

import psutil
import uvloop
from tests.kit.objects import manifest
from tests.kit.system import System, running_system

from bench.harness import Row, at_least, at_most, shown
from bench.mesh_fleet_program import ENVOY
from bench.rig import processor_seconds
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.protos import envoy_binary

NAME = "mesh-fleet"
ENVOYS, SERVICES, CHANGES = int(os.environ.get("BENCH_ENVOYS", "150")), 100, 20
REST = 10.0
"""Seconds in which it is seen what all of them use at rest."""
AT_ONCE = 5
"""Envoys that start together: each needs a second of processor."""
STARTS_WITHIN = 120.0
"""Seconds for so many."""
PORT = 8080
Result = TypeVar("Result")
_SUM, _COUNT = "sekisho_convergence_seconds_sum", "sekisho_convergence_seconds_count"


def main() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="sk-") as folder:
        os.environ[ENVOY] = str(_apart(Path(folder)))
        return uvloop.run(_measure())


def _apart(folder: Path) -> Path:
    """A program that is Envoy in a network namespace of its own."""
    program, rootless = folder / "envoy", "" if os.geteuid() == 0 else "--map-root-user"
    envoy = shlex.quote(str(envoy_binary()))
    within = shlex.quote(f'ip link set lo up; exec {envoy} "$@"')
    program.write_text(f'#!/bin/sh\nexec unshare --net {rootless} sh -c {within} sh "$@"\n')
    program.chmod(0o755)
    return program


async def _measure() -> list[Row]:
    async with running_system(program="bench.mesh_fleet_program") as system:
        for one in _world():
            await system.client.create(one)
        began = time.perf_counter()
        for first in range(0, ENVOYS, AT_ONCE):
            await _start(system, range(first, min(first + AT_ONCE, ENVOYS)))
        started = time.perf_counter() - began
        resting = await _spent(system, asyncio.sleep(REST))
        changing = await _spent(system, _changes(system))
        costs = _beyond(changing, resting)
        memory = sum(map(_private, system.envoys())) / 1e9
        return _rows(changing.result, costs, started, memory, len(await _in_sync(system)))


class Spent(NamedTuple, Generic[Result]):
    """What the parts used for something."""

    result: Result
    seconds: float
    """How long it took."""
    processor: Mapping[str, float]
    """Seconds of processor time, by part."""


async def _spent(system: System, work: Awaitable[Result]) -> Spent[Result]:
    parts = {
        "control plane": [system.process("control plane")],
        "agent": [system.process("agent")],
        "Envoys": system.envoys(),
    }

    def used() -> dict[str, float]:
        return {name: sum(map(processor_seconds, processes)) for name, processes in parts.items()}

    began, before = time.perf_counter(), used()
    result = await work
    seconds, after = time.perf_counter() - began, used()
    return Spent(result, seconds, {name: after[name] - before[name] for name in parts})


def _beyond(changing: Spent[list[float]], resting: Spent[None]) -> dict[str, float]:
    """Milliseconds that a change costs each part beyond what it uses at rest."""
    idle = {name: used / resting.seconds * changing.seconds for name, used in resting.processor.items()}
    return {name: (used - idle[name]) / CHANGES * 1e3 for name, used in changing.processor.items()}


def _rows(
    lags: list[float], costs: Mapping[str, float], started: float, memory: float, synced: int
) -> list[Row]:
    cores = os.cpu_count() or 1
    return [
        at_least(NAME, "real sidecars in sync", synced, ENVOYS, ""),
        at_most(NAME, "one endpoint change → all ACKed, median", median(lags) * 1e3, 100, "ms"),
        shown(NAME, f"one endpoint change → all ACKed, worst of {CHANGES}", max(lags) * 1e3, "ms"),
        *(shown(NAME, f"CPU of the {part} for a change", cost, "ms") for part, cost in costs.items()),
        shown(NAME, f"all of that on {cores} cores", sum(costs.values()) / cores, "ms"),
        shown(NAME, "all sidecars started", started, "s"),
        shown(NAME, "private memory of the Envoys", memory, "GB"),
    ]


def _world() -> Iterator[dict[str, Any]]:
    """A mesh open to all, and services whose endpoints are written by hand."""
    yield manifest("Mesh", "default")
    everybody: dict[str, Any] = {"rules": [{"default": {"allow": [{}]}}]}
    yield manifest("TrafficPermission", "everybody", SYSTEM_NAMESPACE, spec=everybody)
    for number in range(SERVICES):
        port = {"name": "http", "port": PORT, "appProtocol": "http"}
        yield manifest("Service", f"s{number}", spec={"ports": [port]})
        yield _endpoints(number, 0)


def _endpoints(service: int, version: int) -> dict[str, Any]:
    addresses = [f"10.{version}.{service}.{instance}" for instance in (1, 2)]
    return manifest(
        "EndpointSlice", f"s{service}-1", labels={"kubernetes.io/service-name": f"s{service}"},
        addressType="IPv4", ports=[{"name": "http", "port": PORT}],
        endpoints=[{"addresses": [address]} for address in addresses],
    )  # fmt: skip


async def _start(system: System, numbers: range) -> None:
    """Returns when they have taken everything."""
    for number in numbers:
        spec = {
            "address": f"127.0.{50 + number // 100}.{1 + number % 100}",
            "ports": [{"name": "http", "port": PORT, "appProtocol": "http"}],
            "sidecar": {"capture": "Redirect"},
        }
        await system.client.create(manifest("Workload", f"w{number}", spec=spec))

    async def synced() -> bool:
        return len(await _in_sync(system)) == numbers.stop

    await system.until(synced, f"{numbers.stop} sidecars in sync", STARTS_WITHIN)


async def _in_sync(system: System) -> list[dict[str, Any]]:
    return [proxy for proxy in (await system.review())["proxies"] if proxy["synced"]]


async def _changes(system: System) -> list[float]:
    return [await _change(system, number) for number in range(CHANGES)]


async def _change(system: System, number: int) -> float:
    """Seconds until all have acknowledged other endpoints of a service."""
    before = await system.metrics()
    await system.client.update(_endpoints(number, 1))
    async with asyncio.timeout(STARTS_WITHIN):
        while (after := await system.metrics())[_COUNT] == before[_COUNT]:
            await asyncio.sleep(0.2)
    return (after[_SUM] - before[_SUM]) / (after[_COUNT] - before[_COUNT])


def _private(process: psutil.Process) -> int:
    return int(process.memory_full_info().uss)
