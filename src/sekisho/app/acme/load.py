"""Requests in the background, while things are broken: how many went wrong, and who answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from statistics import median

from sekisho.app.acme.calls import Answer

PER_SECOND = 25.0
"""Requests of each kind."""


class Tally:
    """What became of the requests of one kind since somebody last asked."""

    def __init__(self, name: str, call: Callable[[], Awaitable[Answer]]) -> None:
        self.name = name
        self.call = call
        self.begin()

    def begin(self) -> None:
        """Counts from here on."""
        self.answered: Counter[str] = Counter()
        """By the zone of the catalog that answered."""
        self.faults: Counter[str] = Counter()
        self.last_fault = 0.0
        """When the last one came (`time.monotonic`)."""
        self._times: list[float] = []

    def note(self, answer: Answer) -> None:
        if answer.fault:
            self.faults[answer.fault] += 1
            self.last_fault = time.monotonic()
        else:
            self.answered[answer.zone] += 1
            self._times.append(answer.milliseconds)

    @property
    def requests(self) -> int:
        return self.answered.total() + self.faults.total()

    @property
    def usual(self) -> float:
        """Median in ms; 0 without any answer."""
        return median(self._times) if self._times else 0.0

    @property
    def slowest(self) -> float:
        """In ms."""
        return max(self._times, default=0.0)


class Load:
    """Requests of several kinds, side by side, at a steady pace."""

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self.tallies = tallies

    def begin(self) -> None:
        """Counts from here on."""
        for tally in self.tallies:
            tally.begin()

    async def run(self) -> None:
        """Until cancelled. A request that takes long does not hold up those after it."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            due = loop.time()
            while True:
                for tally in self.tallies:
                    group.create_task(_one(tally), name=tally.name)
                due = max(due + 1 / PER_SECOND, loop.time())
                await asyncio.sleep(due - loop.time())


async def _one(tally: Tally) -> None:
    tally.note(await tally.call())
