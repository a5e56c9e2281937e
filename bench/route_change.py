"""T3: one route is edited again and again under load: every answer must be 200, every edit be seen."""

import asyncio
import os
import time
from collections.abc import Sequence

import uvloop
from tests.kit.http import Answer

from bench import manifests
from bench.harness import Row, at_least, at_most, shown
from bench.load import Load, under_load
from bench.rig import Rig, running_rig

NAME = "route-change"
EDITS = int(os.environ.get("BENCH_EDITS", "200"))
EVERY = 0.2
"""Seconds from edit to edit."""
KEEP_ALIVE = NEW = 8
"""Client connections that are kept, and clients that open one for each request."""
PAUSE = 0.001
"""Seconds between an answer and the client's next request."""
HOSTNAME = "change.example.com"
SERVICE = "both"
PORTS = (80, 8080)


def main() -> list[Row]:
    return uvloop.run(measure(EDITS))


async def measure(edits: int) -> list[Row]:
    async with running_rig() as rig:
        change = _Change(rig)
        await change.prepare()
        load = await change.run(edits)
    errors = "; ".join(f"{count} × {what}" for what, count in load.answers.items() if what != "200")
    return [
        shown(NAME, "requests", load.requests, ""),
        at_most(NAME, f"answers other than 200 {errors}".strip(), load.lost, 0, ""),
        at_least(NAME, "edits seen by clients before the next", change.seen, edits, ""),
    ]


class _Change:
    """Flips the backend's port, and whether a response header is added."""

    def __init__(self, rig: Rig) -> None:
        self.seen = 0
        """Edits that were in effect before the next one."""
        self._rig = rig
        self._effective = asyncio.Event()
        self._generation = 0

    async def prepare(self) -> None:
        client = self._rig.client
        await client.create(manifests.service(SERVICE, ports=PORTS))
        await client.create(manifests.endpoint_slice(SERVICE, "127.0.0.1", self._rig.backends, ports=PORTS))
        await client.create(self._route())
        await self._rig.until(HOSTNAME, "/")

    async def run(self, edits: int) -> Load:
        target = (HOSTNAME, "/")
        async with under_load(
            self._rig.port, lambda: target, keep_alive=KEEP_ALIVE, new=NEW, every=PAUSE, on_answer=self._look
        ) as load:
            for _ in range(edits):
                due = time.monotonic() + EVERY
                self._generation += 1
                self._effective.clear()
                await self._rig.client.update(self._route())
                await asyncio.sleep(due - time.monotonic())
                self.seen += self._effective.is_set()
        return load

    def _route(self) -> manifests.Manifest:
        port = PORTS[self._generation % 2]
        return manifests.route(
            "change", HOSTNAME, [manifests.rule("/", SERVICE, *self._filters(), port=port)]
        )

    def _filters(self) -> Sequence[manifests.Manifest]:
        if self._generation % 2 == 0:
            return ()
        return (manifests.header_filter("Response", "x-generation", str(self._generation)),)

    def _look(self, answer: Answer) -> None:
        port = self._rig.backends[self._generation % 2]
        header = str(self._generation) if self._generation % 2 else None
        if answer.body.endswith(b":%d" % port) and answer.header("x-generation") == header:
            self._effective.set()
