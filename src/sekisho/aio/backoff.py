"""How long to wait before the next attempt: doubling, bounded, and spread by chance."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """The waits between attempts at one thing; `reset` it after a success.

    Half of every wait is certain and half is drawn, so that thousands of clients that lost the same server
    at the same moment neither come back together nor all at once without waiting.
    """

    random: Callable[[], float]
    """A draw from [0, 1): `random.Random(seed).random`, or a constant in tests."""
    first: float = 0.1
    """Seconds: the upper bound of the first wait."""
    limit: float = 30.0
    """Seconds: no wait is longer."""
    factor: float = 2.0
    """By how much the bound grows with each failure."""
    _bound: float = 0.0

    def next(self) -> float:
        """Seconds to wait now; the following wait is longer."""
        self._bound = min(self.limit, self._bound * self.factor if self._bound else self.first)
        return self._bound * (0.5 + 0.5 * self.random())

    def reset(self) -> None:
        """The attempt succeeded: the next wait is a first one again."""
        self._bound = 0.0
