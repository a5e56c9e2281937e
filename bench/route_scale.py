"""T4: memory and processor time with thousands of routes that change now and then.

BENCH_WINDOW: seconds of churn that are measured.
"""

import asyncio
import os
import time
from dataclasses import dataclass

import uvloop

from bench.applications import Applications
from bench.harness import Row, at_most, shown
from bench.rig import Usage, running_rig, used

NAME = "route-scale"
WINDOW = float(os.environ.get("BENCH_WINDOW", "40"))
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Scale:
    """What was measured."""

    routes: int
    build_up: float
    """Seconds from the first write until the proxy had everything."""
    control_plane: Usage
    envoy: Usage


def main() -> list[Row]:
    return rows(uvloop.run(measure(WINDOW)))


async def measure(window: float) -> Scale:
    async with running_rig() as rig:
        applications = Applications(rig)
        began = time.monotonic()
        await applications.create()
        build_up = time.monotonic() - began
        async with applications.churning():
            control_plane, envoy = await asyncio.gather(
                used(rig.control_plane, window), used(rig.envoy, window)
            )
        return Scale(len(applications.all), build_up, control_plane, envoy)


def rows(scale: Scale) -> list[Row]:
    control_plane, envoy = scale.control_plane, scale.envoy
    return [
        shown(NAME, "routes, each with Service and EndpointSlice", scale.routes, ""),
        shown(NAME, "first write to everything at the proxy", scale.build_up, "s"),
        at_most(NAME, "control plane, memory", control_plane.resident / MEBIBYTE, 430, "MiB"),
        at_most(NAME, "control plane, steady", control_plane.cores, 0.05, "cores"),
        at_most(NAME, "Envoy, memory", envoy.resident / MEBIBYTE, 900, "MiB"),
        shown(NAME, "Envoy, steady", envoy.cores, "cores"),
    ]
