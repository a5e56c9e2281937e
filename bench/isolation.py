"""What an edit of one hostname does to another: to its token buckets, and to its latency under load.

BENCH_WINDOWS: pairs of measured times, without edits and with.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median

import uvloop
from tests.kit.http import fetch
from tests.kit.wait import eventually

from bench import manifests
from bench.backends import running_backend
from bench.harness import Row, at_least, at_most, shown
from bench.placement import MEASURED, REST, ourselves_on, place, release_main_thread
from bench.rig import Rig, running_rig
from bench.token_buckets import Buckets, running_buckets
from bench.wrk import Shot, missing, shoot

NAME = "isolation"
EDITS = 20
WINDOWS = int(os.environ.get("BENCH_WINDOWS", "14"))
"""Pairs of a time without edits and a time with them."""
SECONDS = 3
"""Of each."""
PAUSE = 0.008
"""Mean seconds between an answer and the next request of a connection: some 2,000 requests per second."""
EDITED, OTHER = "edited.example.com", "other.example.com"


def main() -> list[Row]:
    return [*uvloop.run(_buckets()), *(missing(NAME) or uvloop.run(_latency()))]


# Token buckets


async def _buckets() -> list[Row]:
    async with running_buckets() as buckets:
        await buckets.edit(EDITED)
        await buckets.edit(OTHER)
        await buckets.exhaust(OTHER)
        edited = await _passed(buckets, EDITED)
        comings = await _passed(buckets, "passing.example.com", remove=True)
        await buckets.edit(OTHER)
        own = not await buckets.refused(OTHER)
        shared = await _wildcard(buckets)
    return [
        at_most(NAME, f"buckets refilled by {EDITS} edits of another hostname", edited, 0, ""),
        at_most(NAME, f"buckets refilled by {EDITS} hostnames coming and going", comings, 0, ""),
        at_least(NAME, "buckets refilled by an edit of their own hostname", own, 1, ""),
        shown(NAME, "buckets refilled by an edit of another wildcard hostname", shared, ""),
    ]


async def _passed(buckets: Buckets, edited: str, *, remove: bool = False) -> int:
    """How often the empty bucket of OTHER had tokens after an edit."""
    passed = 0
    for _ in range(EDITS):
        await buckets.edit(edited)
        passed += not await buckets.refused(OTHER)
        if remove:
            await buckets.remove(edited)
            passed += not await buckets.refused(OTHER)
    return passed


async def _wildcard(buckets: Buckets) -> bool:
    """Whether wildcard hostnames, which share a scope, share this fate too."""
    hostnames = ("*.edited.example.com", "*.other.example.com")
    await buckets.edit(*hostnames)
    await buckets.exhaust(hostnames[1])
    await buckets.edit(*hostnames)
    return not await buckets.refused(hostnames[1])


# Latency


async def _latency() -> list[Row]:
    async with _system() as rig:
        quiet, edited, edits = [], [], 0
        await _window(rig)
        for number in range(WINDOWS):
            # In turn the one and the other first: a machine that gets slower is nobody's merit.
            if number % 2 == 0:
                quiet.append(await _window(rig))
            editing = asyncio.create_task(_edit(rig, edits))
            edited.append(await _window(rig))
            edits += await editing
            if number % 2 == 1:
                quiet.append(await _window(rig))
        await _in_effect(rig, edits)
    moved = median(after.p99 / before.p99 for before, after in zip(quiet, edited, strict=True))
    return [
        shown(NAME, "requests per second", median(shot.rate for shot in quiet), "/s"),
        shown(NAME, "edits", edits, ""),
        shown(NAME, "p99 without edits", median(shot.p99 for shot in quiet), "µs"),
        shown(NAME, "p99 during edits of another hostname", median(shot.p99 for shot in edited), "µs"),
        at_most(NAME, "p99 during edits ÷ without", moved, 1.1, "×"),
        at_most(NAME, "errors", sum(shot.errors for shot in (*quiet, *edited)), 0, ""),
    ]


async def _window(rig: Rig) -> Shot:
    url = f"http://127.0.0.1:{rig.port}/"
    return await shoot(url, SECONDS, hosts=[OTHER], pause=PAUSE, core=MEASURED)


async def _edit(rig: Rig, before: int) -> int:
    """EDITS edits, evenly in a window; returns how many."""
    began = time.monotonic()
    for number in range(EDITS):
        await asyncio.sleep(began + (number + 0.5) * SECONDS / EDITS - time.monotonic())
        await rig.client.update(_route(EDITED, before + number + 1))
    return EDITS


def _route(host: str, edit: int) -> manifests.Manifest:
    header = manifests.header_filter("Response", "x-edit", str(edit))
    return manifests.route(host.partition(".")[0], host, [manifests.rule("/", "backend", header)])


async def _in_effect(rig: Rig, edit: int) -> None:
    """Returns when clients see this edit: the edits did reach Envoy."""

    async def seen() -> bool:
        return (await fetch(rig.port, EDITED)).header("x-edit") == str(edit)

    await eventually(seen, what=f"edit {edit} is in effect")


@asynccontextmanager
async def _system() -> AsyncIterator[Rig]:
    """Envoy's worker, the load and the backend on one processor, so that what the other does is not seen for
    want of time: control plane, agent, and who edits. Envoy's main thread, which takes the edits in, is where
    the kernel puts it, as it is in production: bound to the worker's processor it would take turns with it.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(ourselves_on(REST))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-bench-")))
        backend = await stack.enter_async_context(running_backend(folder, MEASURED))
        rig = await stack.enter_async_context(running_rig(workers=1))
        place(rig.envoy.pid, MEASURED)
        release_main_thread(rig.envoy.pid)
        await rig.client.create(manifests.service("backend"))
        await rig.client.create(manifests.endpoint_slice("backend", "127.0.0.1", [backend.port]))
        for host in (EDITED, OTHER):
            await rig.client.create(_route(host, 0))
            await rig.until(host, "/")
        yield rig
