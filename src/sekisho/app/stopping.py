"""When a process of ours is to end: asked by a signal, or left by whoever started it."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from sekisho.aio.signals import stop_signals


@contextmanager
def stop_requested() -> Iterator[asyncio.Event]:
    """An event that SIGINT, SIGTERM or SIGHUP sets; see `aio.signals.stop_signals` for the first two.

    SIGHUP says that the terminal or the parent is gone (`tether`). It may come several times, so unlike a
    second SIGTERM, a second one ends nothing at once. Ignored (`nohup`), it stays ignored.
    """
    loop = asyncio.get_running_loop()
    with stop_signals() as stop:
        heeded = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
        if heeded:
            loop.add_signal_handler(signal.SIGHUP, stop.set)
        try:
            yield stop
        finally:
            if heeded:
                loop.remove_signal_handler(signal.SIGHUP)
