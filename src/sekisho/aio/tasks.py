"""Background work with a name and an end: the only room where tasks are made."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


@contextmanager
def _single_failures_unwrapped() -> Iterator[None]:
    """A group of one exception says no more than the exception, and `except NotFound` would miss it."""
    try:
        yield
    except BaseExceptionGroup as group:
        found: BaseException = group
        while isinstance(found, BaseExceptionGroup) and len(found.exceptions) == 1:
            found = found.exceptions[0]
        if found is group:
            raise
        raise found from found.__cause__


def is_ending() -> bool:
    """Whether the task that runs was cancelled: what fails in it from then on has nothing to start again."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of work that is not to be cut off: this call, cancelled, waits for its end first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


@asynccontextmanager
async def background(service: Coroutine[Any, Any, Any], *, name: str) -> AsyncIterator[asyncio.Task[Any]]:
    """Runs `service` for as long as the block lasts, then cancels it and waits for its end.

    When the service fails, the block is cancelled and the service's exception comes out of it. An exception
    of the block comes out as it is.
    """
    with _single_failures_unwrapped():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(service, name=name)
            try:
                yield task
            finally:
                task.cancel()


async def run_until(stop: asyncio.Event, services: Mapping[str, Coroutine[Any, Any, Any]]) -> None:
    """Runs named services side by side until `stop` is set or this call is cancelled; then ends them all.

    A service that returns is done and leaves the others running. One that fails ends the others, and its
    exception is raised.
    """
    with _single_failures_unwrapped():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(service, name=name) for name, service in services.items()]
            await stop.wait()
            for task in tasks:
                task.cancel()
