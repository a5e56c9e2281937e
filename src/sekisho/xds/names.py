"""Sets of subscribed names, each kept once however many proxies ask for it."""

from collections.abc import Iterable
from typing import ClassVar, Self
from weakref import WeakValueDictionary

MOST_NAMES = 65_536
"""Names one stream may subscribe to, per type."""
LONGEST_NAME = 1_024
_REMEMBERED_STEP = 16
"""Steps of at most so many names are remembered; longer ones are first subscriptions in no fixed order."""


class TooMuch(Exception):
    """The client asks for more than we keep for one stream. (gRPC RESOURCE_EXHAUSTED.)"""


class Names:
    """An immutable set of names. Equal sets are one object: compare and hash by identity.

    Thousands of proxies walk the same path (subscribe to one more endpoint set, and another), so a step from
    one set to the next is worked out once and then looked up.
    """

    __slots__ = ("__weakref__", "_steps", "values")
    _kept: ClassVar[WeakValueDictionary[frozenset[str], "Names"]] = WeakValueDictionary()

    def __init__(self, values: frozenset[str]) -> None:
        """Use `Names.of`: a set made here is not the shared one."""
        self.values = values
        self._steps: WeakValueDictionary[tuple[tuple[str, ...], tuple[str, ...]], Names] = (
            WeakValueDictionary()
        )

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """The one object for this set of names."""
        values = frozenset(names)
        kept = cls._kept.get(values)
        if kept is None:
            kept = cls._kept[values] = cls(values)
        return kept

    def step(self, added: tuple[str, ...], dropped: tuple[str, ...]) -> "Names":
        """The set with `added` in and `dropped` out; a name in both is out. Raises TooMuch."""
        if added and max(map(len, added)) > LONGEST_NAME:
            raise TooMuch(f"a resource name is longer than {LONGEST_NAME} characters")
        reached = self._reached(added, dropped)
        if len(reached) > MOST_NAMES:
            raise TooMuch(f"subscribed to {len(reached)} names of one type, at most {MOST_NAMES} are kept")
        return reached

    def _reached(self, added: tuple[str, ...], dropped: tuple[str, ...]) -> "Names":
        if len(added) + len(dropped) > _REMEMBERED_STEP:
            return Names.of(self.values.union(added).difference(dropped))
        reached = self._steps.get((added, dropped))
        if reached is None:
            reached = Names.of(self.values.union(added).difference(dropped))
            self._steps[added, dropped] = reached
        return reached

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __len__(self) -> int:
        return len(self.values)

    def __copy__(self) -> Self:
        return self
