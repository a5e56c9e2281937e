"""How much a caller may ask for: sizes, rates and how many at once."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sekisho.api.authentication import User
from sekisho.api.errors import too_many_requests

_MAX_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one request, one user and all together may take (reliability.md 5.4)."""

    body_bytes: int = 1 << 20
    yaml_bytes: int = 256 * 1024
    """YAML is some fifty times slower to read than JSON."""
    body_seconds: float = 10.0
    """To receive a whole body; a slower one is cut with 408."""
    depth: int = 64
    """Levels of nesting in a document."""
    page: int = 1_000_000
    """Objects in one page of a list. Clients page by themselves with `limit`."""
    requests_at_once: int = 256
    """Being worked on, watches aside; more get 429."""
    user_at_once: int = 64
    """Of these, for one user that has a rate: slow bodies of one must not lock out the others."""
    watches: int = 4_000
    """Open at a time; more get 429."""
    user_watches: int = 2_000
    """Of these, for one user that has a rate: a reader must not lock out the agents of a fleet."""
    send_seconds: float = 30.0
    """For a client to take one chunk of a watch; a slower one is cut, so that nothing piles up for it."""
    rates: Mapping[str, float] = field(
        default_factory=lambda: {
            "reader": 50.0,
            "agent": 200.0,
            "proxy": 50.0,
            "join": 20.0,
            "zone": 20.0,
            "zone-member": 1000.0,
            "zone-disabled": 20.0,
        }
    )
    """Requests a second by role; a user gets the largest of its roles. A role not named (admin) has none."""
    burst_seconds: float = 2.0
    """A quiet user saves up this many seconds of its rate."""


class Shares:
    """How many of all that is under way are each user's."""

    def __init__(self, bound: int, limits: Limits) -> None:
        """`bound`: for one user; `limits` say who has none."""
        self._bound = bound
        self._rated = limits.rates.keys()
        self._inside: dict[str, int] = {}

    @contextmanager
    def of(self, user: User) -> Iterator[None]:
        """Holds one place of the user's; one without a rate has no bound. Raises 429 when all are taken."""
        inside = self._inside.get(user.name, 0)
        if inside >= self._bound and user.roles <= self._rated:
            raise too_many_requests(1)
        self._inside[user.name] = inside + 1
        try:
            yield
        finally:
            self._inside[user.name] -= 1
            if not self._inside[user.name]:
                del self._inside[user.name]


class Rates:
    """One token bucket for each user."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        """User name: (tokens left, at what time)."""

    def take(self, user: User) -> None:
        """Counts one request. Raises 429 with Retry-After when the user's bucket is empty."""
        rates = self._limits.rates
        if any(role not in rates for role in user.roles):
            return
        rate = max((rates[role] for role in user.roles), default=1.0)
        now = self._clock()
        burst = rate * self._limits.burst_seconds
        left, then = self._buckets.get(user.name, (burst, now))
        left = min(burst, left + (now - then) * rate)
        if left < 1.0:
            raise too_many_requests(math.ceil((1.0 - left) / rate))
        if len(self._buckets) >= _MAX_BUCKETS and user.name not in self._buckets:
            self._buckets.clear()
        self._buckets[user.name] = (left - 1.0, now)


class Gate:
    """Counts what is under way and refuses beyond a bound, at once: a queue would only hide the overload."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self.inside = 0

    def __enter__(self) -> None:
        if self.inside >= self._bound:
            raise too_many_requests(1)
        self.inside += 1

    def __exit__(self, *_: object) -> None:
        self.inside -= 1
