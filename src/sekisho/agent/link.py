"""The way to the control plane for one proxy: dialled until it answers, dialled again when it breaks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from sekisho.agent.keys import Keys
from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.identity.keys import Credentials

log = structlog.get_logger()

CONNECT_TIMEOUT = 3.0
"""Seconds for the connection with its TLS handshake."""
FIRST_REDIAL, LONGEST_REDIAL = 0.05, 0.5
"""Seconds between attempts to connect, doubling; and after a stream that broke before it brought anything."""
FIRST_REFUSAL, LONGEST_REFUSAL = 0.1, 10.0
"""Seconds after a refused stream: each attempt costs the proxy a change of streams."""


class UpstreamBroken(Exception):
    """The control plane cannot be reached, refuses us, or went away; the message says which."""


class UpstreamRefused(UpstreamBroken):
    """The control plane is there and does not serve this proxy."""


class Stream(Protocol):
    """Delta ADS as messages of bytes, seen from either end."""

    async def read(self) -> bytes | None:
        """The next message; None at the end."""
        ...

    async def write(self, message: bytes) -> None:
        """Sends a message; waits while the other side is slow."""
        ...


class Connection(Protocol):
    """A connection to the control plane. It and its streams raise UpstreamBroken."""

    def open(self) -> AbstractAsyncContextManager[Stream]:
        """A new stream of delta ADS; it ends with the block."""
        ...

    async def close(self) -> None:
        """Ends the connection with its streams."""
        ...


Dial = Callable[[Credentials], Awaitable[Connection]]
"""Connects over mutual TLS. Raises UpstreamBroken."""


class Link:
    """Keeps a connection to the control plane for one proxy."""

    def __init__(
        self, proxy: str, dial: Dial, keys: Keys, *, clock: Clock, random: Callable[[], float]
    ) -> None:
        self._dial = dial
        self._keys = keys
        keys.on_renewal(self._renewed)
        self._clock = clock
        self._redial = Backoff(random, first=FIRST_REDIAL, limit=LONGEST_REDIAL)
        self._fruitless = Backoff(random, first=FIRST_REDIAL, limit=LONGEST_REDIAL)
        self._refusals = Backoff(random, first=FIRST_REFUSAL, limit=LONGEST_REFUSAL)
        self._broken = asyncio.Event()
        self._pauses: Backoff | None = None
        self._log = log.bind(proxy=proxy)
        self.up = asyncio.Event()
        """Set while there is a connection."""
        self.tried = asyncio.Event()
        """Set once the first attempt has ended, either way."""
        self.connection: Connection | None = None
        self.reached: Callable[[], None] = lambda: None
        """Called at each connection."""
        self.fault = ""
        """Why there is no connection, or why there was none the last time."""

    async def run(self) -> None:
        """Connects, waits for the break, connects again; until cancelled."""
        while True:
            self._broken.clear()
            self.connection = await self._connected()
            self._log.info("control plane reached")
            self.up.set()
            self.tried.set()
            self.reached()
            try:
                await self._broken.wait()
            finally:
                self.up.clear()
                closing, self.connection = self.connection, None
                await closing.close()
            if self._pauses:
                await self._clock.sleep(self._pauses.next())

    def answered(self) -> None:
        """A stream brought a message: the control plane takes this proxy."""
        self._pauses = None
        self._refusals.reset()
        self._fruitless.reset()

    def broke(self, connection: Connection, error: UpstreamBroken) -> None:
        """A stream of this connection failed; another connection is made."""
        if connection is self.connection and not self._broken.is_set():
            if isinstance(error, UpstreamRefused):
                self._pauses = self._refusals
            self.fault = str(error)
            self._log.warning("control plane lost", reason=self.fault)
            self._broken.set()

    def _renewed(self) -> None:
        if self.connection:
            self._pauses = None
            self.broke(self.connection, UpstreamBroken("the certificate was renewed"))

    async def _connected(self) -> Connection:
        self._pauses = self._fruitless
        self._redial.reset()
        while True:
            credentials = await self._credentials()
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    return await self._dial(credentials)
            except (UpstreamBroken, TimeoutError) as error:
                self._failed(str(error) or f"no connection within {CONNECT_TIMEOUT:.0f} s")
            await self._clock.sleep(self._redial.next())

    async def _credentials(self) -> Credentials:
        if self._keys.issued is None:
            # No warning: so every proxy begins. Should it not come, `Keys` says why.
            self.fault = "there is no certificate for this proxy yet"
            self.tried.set()
        return await self._keys.credentials()

    def _failed(self, fault: str) -> None:
        if fault != self.fault:
            self._log.warning("control plane not reached", reason=fault)
        self.fault = fault
        self.tried.set()
