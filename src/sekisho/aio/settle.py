"""Turning a stream of batches into settled ones: wait for a moment of silence, but never for long."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


async def settled(
    source: AsyncIterator[Sequence[Item]], *, quiet: float, patience: float
) -> AsyncGenerator[list[Item], None]:
    """The items of `source`, gathered until nothing came for `quiet` seconds.

    There is no timer that ticks by itself: a batch opens with its first item and closes `quiet` seconds after
    its last, at the latest `patience` seconds after its first. With `quiet=0` a batch is what is there at
    once. What arrives while the consumer works is gathered into the next batch. The source's end or exception
    comes out after its last items. Close it (`contextlib.aclosing`) when you leave before the end.
    """
    loop = asyncio.get_running_loop()
    pending = loop.create_task(_pull(source))
    batch: list[Item] = []
    closing = 0.0
    try:
        while True:
            silence = min(quiet, closing - loop.time()) if batch else None
            await asyncio.wait({pending}, timeout=silence)
            silent = not pending.done()
            ended = not silent and (pending.exception() is not None or pending.result() is None)
            if not silent and not ended:
                closing = closing if batch else loop.time() + patience
                batch.extend(pending.result() or ())
                pending = loop.create_task(_pull(source))
            if batch and (silent or ended or loop.time() >= closing):
                yield batch
                batch = []
            if ended:
                pending.result()
                return
    finally:
        await _discard(pending)


async def _pull(source: AsyncIterator[Sequence[Item]]) -> Sequence[Item] | None:
    """The source's next batch; None at its end."""
    return await anext(source, None)


async def _discard(task: asyncio.Task[Sequence[Item] | None]) -> None:
    """Ends a pull nobody waits for; an exception it already met was raised or is of no interest any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
