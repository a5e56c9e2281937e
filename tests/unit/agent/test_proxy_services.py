"""What a proxy's Envoy needs goes on, whatever becomes of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from tests.kit.clock import FakeClock
from tests.kit.evidence import process_folder
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


@contextmanager
def a_proxy(clock: FakeClock) -> Iterator[Proxy]:
    with process_folder() as folder:  # its path is short
        envoy = EnvoyOptions(binary=folder / "envoy")
        options = HostOptions(run_directory=folder, state_directory=folder, instance="host", envoy=envoy)
        yield Proxy("gateway/shop/web", options, Nobody(), Nobody().dial, clock=clock, random=Random(1))


async def test_a_service_starts_again_when_it_failed_and_when_what_it_waited_for_was_cancelled() -> None:
    clock, starts = FakeClock(), 0

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

    with a_proxy(clock) as proxy:
        async with background(proxy._kept_up("service", service), name="service") as task:
            for _ in range(2):
                await eventually(pausing, what="a pause before it starts again")
                clock.advance(1)
            await eventually(third, what="it runs again")
    assert task.cancelled()


async def test_a_service_that_fails_at_its_end_is_over() -> None:
    """Else an agent that is to end would go on, and put back what it has taken out of the kernel."""
    starts = 0

    async def service() -> None:
        nonlocal starts
        starts += 1
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("a mistake")

    with a_proxy(FakeClock()) as proxy:
        async with background(proxy._kept_up("service", service), name="service") as task:
            await asyncio.sleep(0)
    assert task.done()
    assert starts == 1
