"""A clock that stands still while we are too busy to listen."""

import asyncio

_NOT_WORTH_MENTIONING = 0.05


class PatientClock:
    """The loop's time less the time by which its rounds came late.

    Limits of time are about what a peer does. When two thousand proxies connect at once, a round of the loop
    takes seconds, and those whose octets lie unread in their sockets must not be cut for our slowness.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._late = 0.0
        self._expected: float | None = None
        self.recent = loop.time()
        """What `time` gave at the last tick: for what need not be exact and must not cost a call."""

    def time(self) -> float:
        """Seconds. Goes back a little when it turns out that a round was late."""
        return self._loop.time() - self._late

    def expect(self, seconds: float) -> None:
        """`arrived` will be called by a timer of so many seconds, started now."""
        self._expected = self._loop.time() + seconds

    def arrived(self) -> None:
        """The timer has fired; what it is late by does not count."""
        if self._expected is not None:
            late = self._loop.time() - self._expected
            if late > _NOT_WORTH_MENTIONING:
                self._late += late
        self.recent = self.time()
