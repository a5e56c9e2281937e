"""Endpoints and routes that are replaced at random while something else is measured (T4 and T6)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bench.manifests import Manifest
from bench.rig import Rig
from sekisho.aio.tasks import background

ENDPOINT_EVERY, ROUTE_EVERY = 2.0, 1.0
"""Seconds between the replacements of a random endpoint, and of a random route."""


@asynccontextmanager
async def churning(
    rig: Rig, endpoints: Callable[[], Manifest], route: Callable[[int], Manifest]
) -> AsyncIterator[None]:
    """Runs while the block does. `endpoints` and `route` choose one and say what it is from now on; a route
    is given a number that it never had."""
    replaced = _again_and_again(rig, lambda _: endpoints(), ENDPOINT_EVERY)
    rewritten = _again_and_again(rig, route, ROUTE_EVERY)
    async with background(replaced, name="endpoints"), background(rewritten, name="routes"):
        yield


async def _again_and_again(rig: Rig, made: Callable[[int], Manifest], every: float) -> None:
    generation = 0
    while True:
        await asyncio.sleep(every)
        generation += 1
        await rig.client.update(made(generation))
