"""What a proxy's Envoy needs goes on, whatever becomes of it."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from tests.kit.clock import FakeClock
from tests.kit.wait import eventually

from sekisho.agent.envoy import EnvoyOptions
from sekisho.agent.options import HostOptions
from sekisho.agent.proxy import Proxy
from sekisho.aio.tasks import background


class Nobody:
    """Signs and answers nothing."""

    async def sign(self, *_: Any) -> Any:
        raise NotImplementedError

    async def dial(self, *_: Any) -> Any:
        raise NotImplementedError


async def test_a_service_starts_again_when_it_failed_and_when_what_it_waited_for_was_cancelled() -> None:
    clock, starts = FakeClock(), 0
    nowhere = Path("/none")  # nothing is written; a socket's path must be short
    options = HostOptions(
        run_directory=nowhere, state_directory=nowhere, instance="host", envoy=EnvoyOptions(binary=nowhere)
    )
    proxy = Proxy("gateway/shop/web", options, Nobody(), Nobody().dial, clock=clock, random=Random(1))

    async def service() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise ValueError("a mistake")
        waited_for = asyncio.get_running_loop().create_future()
        if starts == 2:
            waited_for.cancel()
        await waited_for

    async def pausing() -> bool:
        return clock.sleeping == 1

    async def third() -> bool:
        return starts == 3

    async with background(proxy._kept_up("service", service), name="service") as task:
        for _ in range(2):
            await eventually(pausing, what="a pause before it starts again")
            clock.advance(1)
        await eventually(third, what="it runs again")
    assert task.cancelled()
