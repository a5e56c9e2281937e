"""T1: a thousand routes come and go; how soon the Gateway counts them right, and how often it is written."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import uvloop

from bench import manifests
from bench.harness import Row, at_most, shown
from bench.rig import SETTLES_WITHIN, Rig, each, running_rig
from sekisho.aio.tasks import background
from sekisho.client import Event

NAME = "attached-routes"
ROUTES = int(os.environ.get("BENCH_ATTACHED", "1000"))
SERVICE = "app"


def main() -> list[Row]:
    return uvloop.run(measure(ROUTES))


async def measure(routes: int) -> list[Row]:
    async with running_rig() as rig:
        client, names = rig.client, [f"route-{number}" for number in range(routes)]
        await client.create(manifests.service(SERVICE))
        async with _watching(rig) as gateway:
            began = time.monotonic()
            await each(lambda name=name: client.create(_route(name)) for name in names)  # type: ignore[misc]
            created = time.monotonic()
            setup = await gateway.counts(routes) - created
            deleting = time.monotonic()
            await each(
                lambda name=name: client.delete("HTTPRoute", name, manifests.NAMESPACE)  # type: ignore[misc]
                for name in names
            )
            deleted = time.monotonic()
            teardown = await gateway.counts(0) - deleted
    return [
        shown(NAME, f"{routes} routes created in", created - began, "s"),
        at_most(NAME, "last create to all attached", max(0.0, setup), 1, "s"),
        shown(NAME, f"{routes} routes deleted in", deleted - deleting, "s"),
        at_most(NAME, "last delete to none attached", max(0.0, teardown), 1, "s"),
        at_most(NAME, "status writes of the Gateway", gateway.writes, 100, ""),
    ]


def _route(name: str) -> manifests.Manifest:
    return manifests.route(name, f"{name}.example.com", [manifests.rule("/", SERVICE)])


class _Watched:
    """The Gateway as a watch shows it."""

    def __init__(self, rig: Rig) -> None:
        self.writes = 0
        """Events so far."""
        self._client = rig.client
        self._attached = 0
        self._since = time.monotonic()
        self._changed = asyncio.Event()

    async def follow(self, revision: str) -> None:
        """Until cancelled; a watch that ends is resumed."""
        while True:
            async with aclosing(self._client.watch("Gateway", revision)) as batches:
                async for batch in batches:
                    for event in batch:
                        revision = event.revision or revision
                        self._take(event)

    def _take(self, event: Event) -> None:
        if event.type != "MODIFIED":
            return
        self.writes += 1
        attached = event.object["status"]["listeners"][0]["attachedRoutes"]
        if attached != self._attached:
            self._attached, self._since = attached, time.monotonic()
            self._changed.set()

    async def counts(self, routes: int) -> float:
        """Waits until this many are attached; returns when (monotonic) that was first seen."""
        async with asyncio.timeout(SETTLES_WITHIN):
            while self._attached != routes:
                self._changed.clear()
                await self._changed.wait()
        return self._since


@asynccontextmanager
async def _watching(rig: Rig) -> AsyncIterator[_Watched]:
    watched = _Watched(rig)
    revision = (await rig.client.list("Gateway")).revision
    async with background(watched.follow(revision), name="watch the Gateway"):
        yield watched
