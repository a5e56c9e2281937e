"""When memory is given back, and Python looks for reference cycles: not while a change is on its way.

A full collection visits every object there is, which takes half a second with five thousand routes. What the
control plane keeps is freed by reference counts, so full collections find next to nothing and can wait.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable

from sekisho.aio.clock import Clock

EVERY = 60.0
"""Seconds between collections of what came since the last one."""
FULL_EVERY = 60
"""Every so many of them, everything is visited."""
_NEVER = 1_000_000_000


async def collect(loaded: asyncio.Event, clock: Clock, forget: Callable[[], None]) -> None:
    """Decides about collections until cancelled: none until `loaded` is set, then one now and then.

    Before each, `forget` drops what can be made again. What survives is set aside (`gc.freeze`), so that the
    next collection does not visit it again. The young generations, a fraction of a millisecond each, are left
    to Python.
    """
    young, middle, old = gc.get_threshold()
    try:
        gc.disable()
        await loaded.wait()
        gc.freeze()
        gc.set_threshold(young, middle, _NEVER)
        gc.enable()
        await _now_and_then(clock, forget)
    finally:
        gc.set_threshold(young, middle, old)
        gc.enable()


async def _now_and_then(clock: Clock, forget: Callable[[], None]) -> None:
    rounds = 0
    while True:
        await clock.sleep(EVERY)
        rounds += 1
        if rounds % FULL_EVERY == 0:
            gc.unfreeze()
        forget()
        gc.collect()
        gc.freeze()
        _give_back()


def _give_back() -> None:
    """Pages that nothing stands on go back to the system: glibc keeps those below the last one in use."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)
