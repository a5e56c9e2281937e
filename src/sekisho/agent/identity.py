"""Who issues a proxy's identity: the control plane, or a SPIRE agent where the mesh says so."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import NamedTuple

from sekisho.agent.configuration import Configuration
from sekisho.agent.keys import Keys
from sekisho.aio.clock import Clock
from sekisho.identity.keys import Credentials
from sekisho.identity.spire import SpireIdentity


class ChosenIdentity:
    """Implements `agent.secrets.Identity` by whichever issuer is configured now."""

    def __init__(self, own: Keys, *, clock: Clock, random: Random) -> None:
        """`own`: keys of this host, certified by the control plane."""
        self._own = own
        self._clock = clock
        self._random = random
        self._current: Keys | SpireIdentity = own
        self._listeners: list[Callable[[], None]] = []
        own.on_renewal(self._renewed)

    @property
    def held(self) -> Credentials | None:
        """See `Identity.held`."""
        return self._current.held

    def on_renewal(self, listener: Callable[[], None]) -> None:
        """See `Identity.on_renewal`."""
        self._listeners.append(listener)

    def _renewed(self) -> None:
        for listener in self._listeners:
            listener()

    async def run(self, configuration: Configuration | None) -> None:
        """Keeps it renewed until cancelled; without a configuration, by the control plane."""
        if configuration is None:
            await self._own.run()
            return
        async with aclosing(_wishes(configuration)) as wishes:
            wish = await anext(wishes)
            while True:
                task = asyncio.ensure_future(self._source(wish).run())
                following = asyncio.ensure_future(anext(wishes))
                try:
                    await asyncio.wait({task, following}, return_when=asyncio.FIRST_COMPLETED)
                    if task.done():  # it never returns: it failed, and our caller starts again
                        await task
                    wish = await following
                finally:
                    for each in (task, following):
                        each.cancel()
                    await asyncio.wait({task, following})

    def _source(self, wish: "_Wish") -> Keys | SpireIdentity:
        if not wish.socket:
            self._current = self._own
        else:
            self._current = SpireIdentity(
                Path(wish.socket), wish.identity, clock=self._clock, random=self._random.random
            )
            self._current.on_renewal(self._renewed)
        self._renewed()
        return self._current


class _Wish(NamedTuple):
    """The SPIRE agent's socket that is configured, empty for none, and the SPIFFE ID to take there."""

    socket: str
    identity: str


async def _wishes(configuration: Configuration) -> AsyncGenerator[_Wish]:
    """What is configured, and each change of it."""
    said: _Wish | None = None
    async with aclosing(configuration.changes()) as changes:
        async for _ in changes:
            config = configuration.sidecar
            wish = None if config is None else _Wish(config.spire_socket, config.spire_identity)
            if wish is not None and wish != said:
                said = wish
                yield wish
