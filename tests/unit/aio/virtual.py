"""An event loop whose time passes only while everyone waits: no test sleeps, and every duration is exact."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Selector(selectors.SelectSelector):
    """Where a loop would wait for its next timer, this one jumps there."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("everyone waits for something that never comes")
            self.elapsed += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.elapsed


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs `main` to its end on virtual time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
