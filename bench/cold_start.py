"""The control plane is killed and started with thousands of routes, while requests flow through Envoy."""

import asyncio
import random
import time

import uvloop
from tests.kit.wait import eventually

from bench.applications import Applications
from bench.harness import Row, at_least, at_most, shown
from bench.load import under_load
from bench.rig import Rig, processor_seconds, running_rig

NAME = "cold-start"
IN_SYNC_WITHIN = 60.0
"""Seconds after which we give up."""
CLIENTS, PAUSE = 8, 0.02
"""Connections that are kept, and seconds between an answer and the next request on each."""
AFTERWARDS = 2.0
"""Seconds of load after everything is in sync: what is sent late would show."""


def main() -> list[Row]:
    return uvloop.run(measure())


async def measure() -> list[Row]:
    chosen = random.Random(5)
    async with running_rig() as rig:
        applications = Applications(rig)
        await applications.create()
        targets = [(application.hostname, application.path) for application in applications.all]
        port = rig.port
        async with under_load(port, lambda: chosen.choice(targets), keep_alive=CLIENTS, every=PAUSE) as load:
            await asyncio.sleep(1.0)
            envoy, sent_before = rig.envoy.pid, await _sent(rig)
            await rig.kill_control_plane()
            began = time.monotonic()
            serving = await _start(rig, began)
            await eventually(rig.in_sync, what="in sync", within=IN_SYNC_WITHIN, every=0.02)
            in_sync = time.monotonic() - began
            busy = processor_seconds(rig.control_plane)
            await asyncio.sleep(AFTERWARDS)
        sent = await _sent(rig)
        restarts = int(rig.envoy.pid != envoy)
    errors = "; ".join(f"{count} × {what}" for what, count in load.answers.items() if what != "200")
    return [
        shown(NAME, "routes", len(targets), ""),
        shown(NAME, "started to serving", serving, "s"),
        at_most(NAME, "started to proxies in sync", in_sync, 5, "s"),
        shown(NAME, "processor time of the control plane until then", busy, "s"),
        shown(NAME, "requests meanwhile", load.requests, ""),
        at_most(NAME, f"requests lost {errors}".strip(), load.lost, 0, ""),
        at_least(NAME, "resources sent before the kill", sent_before, 3 * len(targets), ""),
        at_most(NAME, "resources sent again", sent, 0, ""),
        at_most(NAME, "restarts of Envoy", restarts, 0, ""),
    ]


async def _start(rig: Rig, began: float) -> float:
    """Returns the seconds until the control plane says that it serves."""
    await rig.start_control_plane()
    return time.monotonic() - began


async def _sent(rig: Rig) -> float:
    """Resources that this control plane, which knows of none sent before, has sent to proxies."""
    metrics = await rig.metrics()
    return sum(value for name, value in metrics.items() if name.startswith("sekisho_sent_resources_total"))
