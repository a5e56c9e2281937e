"""The operating system's request to stop, as an event."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_signals(
    signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM),
) -> Iterator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; the handlers of before come back at the end.

    They come back with the first signal already: a second Ctrl-C is for a drain that hangs, and ends the
    process the usual way. Call it in the main thread, inside a running loop.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    previous = {number: signal.getsignal(number) for number in signals}

    def restore() -> None:
        while previous:
            number, handler = previous.popitem()
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def on_signal() -> None:
        stop.set()
        restore()

    for number in signals:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        restore()
