"""How much one zone may have at the global control plane, and how fast it may tell it.

A zone that others run, or that somebody took over, is not to take memory and time away from all the others.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The bounds of one zone. Far above what a zone has: five hundred services are 150 KB."""

    resources: int = 20_000
    """Copies stored of it."""
    octets: int = 64 << 20
    """Of all of them together, as they are stored."""
    changes: float = 500.0
    """Resources it may tell of in a second, in the long run."""
    burst: float = 25_000.0
    """As many at once: everything, told anew."""
    at_once: int = 4
    """Requests under way with a body. There is one, and those of connections that broke."""


DEFAULT = Quota()

REQUEST, STREAM = 1.0, 100.0
"""What a request, and the beginning of a stream of everything, count for among changes."""


class Holdings:
    """What is stored of one zone."""

    def __init__(self, quota: Quota, resources: int, octets: int) -> None:
        self._quota = quota
        self.resources, self.octets = resources, octets
        self._when_full = (0, 0)
        self.turned_away = ""
        """Why there was no room for something, since the last `begin_anew`; empty when there was."""

    def begin_anew(self) -> None:
        """The zone tells everything."""
        self.turned_away = ""

    def reserve(self, size: int, before: int | None) -> str:
        """Sets aside room for a resource of so many octets, which has `before` now, or is new.

        Returns why there is none; empty when there is. Then either `stored` or `given_back` is called.
        """
        growth = size - (before or 0)
        why = ""
        if before is None and self.resources >= self._quota.resources:
            why = f"the zone has {self.resources} resources here, and may have {self._quota.resources}"
        elif growth > 0 and self.octets + growth > self._quota.octets:
            why = f"the zone's resources here are {self.octets} octets, and may be {self._quota.octets}"
        if why:
            self.turned_away, self._when_full = why, (self.resources, self.octets)
        else:
            self.resources += before is None
            self.octets += growth
        return why

    def stored(self, size: int, octets: int) -> None:
        """What was reserved as `size` is stored, as so many octets."""
        self.octets += octets - size

    def given_back(self, size: int, before: int | None) -> None:
        """What was reserved was not written."""
        self.resources -= before is None
        self.octets -= size - (before or 0)

    def gone(self, octets: int) -> None:
        """A resource was deleted."""
        self.resources -= 1
        self.octets -= octets

    @property
    def has_room_again(self) -> bool:
        """Whether so much went since something was turned away that it is worth another try: a tenth."""
        resources, octets = self._when_full
        return bool(self.turned_away) and (
            self.resources <= resources - max(1, self._quota.resources // 10)
            or self.octets <= octets - self._quota.octets // 10
        )


class TooFast(Exception):
    """A zone tells more than it may; with the seconds until it may again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the zone tells more than it may: again in {seconds:.1f} s")
        self.seconds = seconds


class Pace:
    """A bucket of changes for one zone: refilled all the time, and never above `Quota.burst`."""

    def __init__(self, quota: Quota, now: float) -> None:
        """`now`: monotonic, as in the methods."""
        self._quota = quota
        self._left, self._then = quota.burst, now

    def begin(self, cost: float, now: float) -> None:
        """Before anything is read of a request. Raises TooFast while nothing is left."""
        self._left = min(self._quota.burst, self._left + (now - self._then) * self._quota.changes)
        self._then = now
        if self._left <= 0:
            raise TooFast((1 - self._left) / self._quota.changes)
        self._left -= cost

    def count(self, changes: int) -> None:
        """What turned out to be in it. What is then missing has to be waited for before the next request."""
        self._left -= changes
