"""A clock that tests turn by hand; implements `sekisho.aio.clock.Clock`."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that stands still until `advance` is called."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, wake))
        await wake

    def advance(self, seconds: float) -> None:
        """Moves time on and wakes whoever's time has come, the earliest first."""
        self._elapsed += seconds
        due = sorted((s for s in self._sleepers if s[0] <= self._elapsed), key=lambda sleeper: sleeper[0])
        self._sleepers = [s for s in self._sleepers if s[0] > self._elapsed]
        for _, wake in due:
            if not wake.done():  # a cancelled sleeper left its place behind
                wake.set_result(None)

    @property
    def sleeping(self) -> int:
        """How many wait in `sleep`: lets a test advance only once the code under test really waits."""
        return sum(not wake.done() for _, wake in self._sleepers)
