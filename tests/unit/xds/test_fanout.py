"""Who of a view is told of a commit, and in which order."""

import asyncio
from collections.abc import Callable

from tests.kit.xds import changes

from sekisho.xds.fanout import SLICE, Fanout
from sekisho.xds.log import Log
from sekisho.xds.view import View


class Named:
    """A member that writes down when it is woken."""

    def __init__(self, number: int, woken: list[int], then: Callable[[int], None]) -> None:
        self._number, self._woken, self._then = number, woken, then
        self.wake: Callable[[], None] = self._wake

    def _wake(self) -> None:
        self._woken.append(self._number)
        self._then(self._number)

    def floor(self, _log: Log) -> int | None:
        return None


async def told(count: int, then: Callable[[View, int], None]) -> list[int]:
    """Who is woken after a commit, in order; `then` is called with each."""
    view, woken = View("v"), list[int]()
    view.wakers[Fanout(asyncio.get_running_loop())] = None
    for number in range(count):
        view.members[Named(number, woken, lambda number: then(view, number))] = None
    view.commit(changes(eds="a@1"))
    assert not woken, "nobody is told in the middle of a commit"
    for _ in range(2 * count // SLICE + 3):
        await asyncio.sleep(0)
    return woken


async def test_all_are_told_in_order_a_few_in_each_turn_of_the_loop() -> None:
    assert await told(3 * SLICE + 1, lambda *_: None) == [*range(3 * SLICE + 1)]


async def test_a_commit_in_the_middle_goes_once_round_from_where_it_is() -> None:
    def commit(view: View, number: int) -> None:
        if number == SLICE + 5 and view.seq == 1:
            view.commit(changes(eds="a@2"))

    count = 2 * SLICE
    assert await told(count, commit) == [*range(count), *range(SLICE + 6)]


async def test_who_left_in_the_middle_makes_nobody_miss_a_commit() -> None:
    def leave(view: View, number: int) -> None:
        if number == SLICE and view.seq == 1:
            for member in list(view.members)[:3]:
                del view.members[member]
            view.commit(changes(eds="a@2"))

    heard = await told(2 * SLICE, leave)
    assert set(heard[SLICE + 1 :]) >= set(range(3, 2 * SLICE))


async def test_a_view_that_all_have_left_is_at_rest() -> None:
    def leave(view: View, _number: int) -> None:
        view.members.clear()
        view.commit(changes(eds=f"a@{view.seq + 1}"))

    assert len(await told(1, leave)) == 1
