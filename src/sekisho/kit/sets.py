"""Sets that many hold."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def union(sets: Iterable[frozenset[T]]) -> frozenset[T]:
    """Everything that is in any of them; the very set where but one has anything, so it is kept once."""
    some = [one for one in sets if one]
    return some[0] if len(some) == 1 else frozenset().union(*some)
