"""Clients that never stop asking: some on connections they keep, some on a new one each time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.kit.http import Answer, read_answer, request_bytes


class _EndedUnanswered(Exception):
    """A kept connection ended without a byte of an answer."""


@dataclass
class Load:
    """What they got; `failures` are answers other than 200, and requests without a whole answer."""

    port: int
    host: str
    path: str = "/"
    address: str = "127.0.0.1"
    pause: float = 0.0
    """Seconds each client waits between two requests."""
    asks_again: bool = False
    """Whether a request on a kept connection that ended without a byte of an answer is sent once more, as
    HTTP clients do with what is safe to repeat (RFC 9112, 9.3.1)."""
    answered: int = 0
    slowest: float = 0.0
    """Seconds that the answer took which took longest."""
    repeated: int = 0
    asked_to_leave: int = 0
    """Answers on kept connections that said `connection: close`."""
    failures: list[str] = field(default_factory=list)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection. OSError when nobody takes it."""
        return await asyncio.open_connection(self.address, self.port)

    async def keep_asking(self, *, keep: bool) -> None:
        """Until cancelled. On a kept connection for as long as the server does not ask to close it."""
        while True:
            try:
                await (self._on_one_connection() if keep else self._ask_anew())
            except _EndedUnanswered:
                continue
            except (OSError, EOFError, TimeoutError) as error:
                self.failures.append(repr(error))
                await asyncio.sleep(0.01)

    async def _ask_anew(self) -> None:
        async with asyncio.timeout(10):
            reader, writer = await self.open()
        try:
            self._count(await self._ask_on(reader, writer))
        finally:
            writer.close()
        await asyncio.sleep(self.pause)

    async def _on_one_connection(self) -> None:
        reader, writer = await self.open()
        kept = False
        try:
            while True:
                answer = await self._ask_on(reader, writer)
                self._count(answer)
                if answer.header("connection") == "close":
                    self.asked_to_leave += 1
                    return
                kept = True
                await asyncio.sleep(self.pause)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if self.asks_again and kept and not getattr(error, "partial", b""):
                self.repeated += 1
                raise _EndedUnanswered from error
            raise
        finally:
            writer.close()

    async def _ask_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        began = asyncio.get_running_loop().time()
        writer.write(request_bytes("GET", self.path, [("host", self.host)]))
        async with asyncio.timeout(10):
            answer = await read_answer(reader)
        self.slowest = max(self.slowest, asyncio.get_running_loop().time() - began)
        return answer

    def _count(self, answer: Answer) -> None:
        self.answered += 1
        if answer.status != 200:
            self.failures.append(f"{answer.status} {answer.body[:200]!r}")


@asynccontextmanager
async def under_load(
    port: int, host: str, path: str = "/", *, address: str = "127.0.0.1", clients: int = 3, pause: float = 0.0
) -> AsyncIterator[Load]:
    """So many clients of either sort ask while the block runs; requests under way at its end do not count."""
    load = Load(port, host, path, address, pause)
    async with keeping_on(load, clients):
        yield load


@asynccontextmanager
async def keeping_on(load: Load, clients: int) -> AsyncIterator[None]:
    """So many clients of either sort ask while the block runs."""
    async with asyncio.TaskGroup() as group:
        asking = [
            group.create_task(load.keep_asking(keep=keep)) for keep in (True, False) for _ in range(clients)
        ]
        try:
            yield
        finally:
            for one in asking:
                one.cancel()
