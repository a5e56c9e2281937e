"""Where changes of leaves wait until the loop takes them: whatever came meanwhile is one commit."""

import asyncio
from collections.abc import Mapping
from typing import Any


class Inbox:
    """Leaf → its newest value; later values of a leaf replace earlier ones that were not taken yet."""

    def __init__(self) -> None:
        self._pending: dict[Any, Any] = {}
        self._since = 0.0
        self._arrived = asyncio.Event()

    def put(self, leaves: Mapping[Any, Any], now: float) -> None:
        """`now` is the monotonic time at which the change was known; the oldest one times the commit."""
        if not leaves:
            return
        if not self._pending:
            self._since = now
        self._pending.update(leaves)
        self._arrived.set()

    async def arrived(self) -> None:
        """Returns as soon as there is something to take."""
        await self._arrived.wait()

    def take(self) -> tuple[dict[Any, Any], float]:
        """All pending changes, and when the oldest of them became known."""
        taken, self._pending = self._pending, {}
        self._arrived.clear()
        return taken, self._since
