"""Keeps processes running: restarts what ends, and ends all of them in order."""

import asyncio
import random
from collections.abc import Callable, Sequence

from sekisho.aio.backoff import Backoff
from sekisho.app.processes import Command, Process, Starter
from sekisho.app.voice import Voice

READY_WITHIN = 30.0
"""Seconds a process gets to say that it is ready: a cold start reads the whole store."""
STEADY = 10.0
"""Seconds after which a process counts as running well: its next restart is immediate again."""


class Supervisor:
    """The processes of one `up`."""

    def __init__(self, start: Starter, voice: Voice, draw: Callable[[], float] = random.random) -> None:
        self._start = start
        self._voice = voice
        self._draw = draw
        self._running: dict[str, Process] = {}
        self._held: dict[str, asyncio.Event] = {}
        """Of what is suspended: set when it runs again."""

    @property
    def is_running(self) -> bool:
        """Whether anything was started that was not stopped."""
        return bool(self._running)

    async def launch(self, command: Command) -> str:
        """Starts a process and waits until it is ready; returns what it announced.

        Raises Ended, and TimeoutError when it says nothing.
        """
        process = await self._start(command)
        self._running[command.name] = process
        async with asyncio.timeout(READY_WITHIN):
            return await process.ready()

    async def keep(self, command: Command) -> None:
        """Restarts a launched process whenever it ends, with growing pauses; runs until cancelled. What ends
        again and again for the same reason is told once."""
        loop = asyncio.get_running_loop()
        told = ""
        backoff = Backoff(self._draw, first=0.2, limit=10.0)
        while True:
            since = loop.time()
            ended = await self._running[command.name].ended()
            if held := self._held.get(command.name):
                await held.wait()
                del self._held[command.name]
                continue
            if loop.time() - since > STEADY:
                backoff.reset()
                told = ""
            if told != (told := str(ended)):
                self._voice.trouble(told, f"Its log is {ended.log}. It is started again until it stays.")
            await asyncio.sleep(backoff.next())
            self._running[command.name] = await self._start(command)

    async def suspend(self, name: str, grace: float) -> None:
        """Ends a process that is kept, and holds it back until `resume`."""
        self._held[name] = asyncio.Event()
        await self._running[name].stop(grace)

    async def resume(self, command: Command) -> str:
        """Starts what was suspended, and waits until it is ready; returns what it announced. Raises Ended."""
        announced = await self.launch(command)
        self._held[command.name].set()
        return announced

    async def stop(self, names: Sequence[str], grace: float) -> None:
        """Ends these processes side by side; those that are not running are left out."""
        async with asyncio.TaskGroup() as group:
            for name in names:
                process = self._running.pop(name, None)
                if process is not None:
                    group.create_task(process.stop(grace), name=f"stop {name}")
