"""Requests through the Gateway while something happens, and what became of each."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.kit.http import Answer

from bench.rig import Connection

Target = Callable[[], tuple[str, str]]
"""The host and path of the next request."""


@dataclass(slots=True)
class Load:
    """What was seen."""

    answers: Counter[str] = field(default_factory=Counter)
    """By status; a request without a whole answer counts under its error."""
    on_answer: Callable[[Answer], None] = lambda _: None

    @property
    def requests(self) -> int:
        return self.answers.total()

    @property
    def lost(self) -> int:
        """Everything but 200."""
        return self.requests - self.answers["200"]

    async def _client(self, port: int, target: Target, every: float, *, keep_alive: bool) -> None:
        connection = Connection(port)
        try:
            while True:
                try:
                    answer = await connection.get(*target())
                except (OSError, EOFError) as error:
                    self.answers[repr(error)] += 1
                else:
                    self.answers[str(answer.status)] += 1
                    self.on_answer(answer)
                if not keep_alive:
                    connection.close()
                await asyncio.sleep(every)
        finally:
            connection.close()


@asynccontextmanager
async def under_load(
    port: int,
    target: Target,
    *,
    keep_alive: int,
    new: int = 0,
    every: float,
    on_answer: Callable[[Answer], None] = lambda _: None,
) -> AsyncIterator[Load]:
    """Runs clients while the block runs: `keep_alive` that keep their connection, `new` that open one for
    each request; each waits `every` seconds after an answer. `on_answer` sees every answer.
    """
    load = Load(on_answer=on_answer)
    clients = [
        asyncio.create_task(load._client(port, target, every, keep_alive=number < keep_alive))
        for number in range(keep_alive + new)
    ]
    try:
        yield load
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
