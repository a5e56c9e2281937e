"""Tells the members of a view that it changed, a few at a time, so that the loop stays free for others."""

import asyncio

from sekisho.xds.view import Member, View

SLICE = 16
"""Members woken in a row. Their answers are read in the next turn of the loop, so this is also how many
proxies' state is to be in the processor's cache at a time."""


class Fanout:
    """One per event loop; follows every view that has members there.

    A commit while members are being told of the one before does not begin with the first again: it goes on
    where it is, once round. So under steady change each is told once in a round of what came since its last,
    and nobody waits for longer than a round.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._rounds: dict[View, _Round] = {}

    def __call__(self, view: View) -> None:
        """`view` has a new commit."""
        under_way = self._rounds.get(view)
        if under_way is None:
            under_way = self._rounds[view] = _Round(view)
            self._loop.call_soon(self._go_on, under_way)
        under_way.again()

    def _go_on(self, under_way: "_Round") -> None:
        if under_way.tell(SLICE):
            self._loop.call_soon(self._go_on, under_way)
        else:
            del self._rounds[under_way.view]


class _Round:
    """Who of a view is next, and how many are to be told yet."""

    __slots__ = ("_left", "_members", "_next", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self._members: list[Member] = list(view.members)
        self._next = self._left = 0

    def again(self) -> None:
        """All are to be told, from the next on. Who joins later begins with the present."""
        self._left = len(self._members)

    def tell(self, some: int) -> bool:
        """Wakes so many members. Returns whether there are more."""
        for _ in range(min(some, self._left)):
            if self._next == len(self._members):
                self._members, self._next = list(self.view.members), 0
                if not self._members:
                    return False
            member = self._members[self._next]
            self._next += 1
            self._left -= 1
            member.wake()
        return self._left > 0
