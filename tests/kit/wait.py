"""Waiting for a condition with a deadline, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def eventually(
    condition: Callable[[], Awaitable[object]], *, what: str, within: float = 60, every: float = 0.005
) -> None:
    """Returns once `condition` gives something true; TimeoutError with `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while not (last := await condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: still {last!r} after {within} s")
        await asyncio.sleep(every)


def wait_until(condition: Callable[[], object], what: str, within: float = 60) -> None:
    """`eventually` for tests that block, as they do where processes are at work."""
    deadline = time.monotonic() + within
    while not (last := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: still {last!r} after {within} s")
        time.sleep(0.02)
