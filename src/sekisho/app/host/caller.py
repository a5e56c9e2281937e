"""The API as an agent calls it: with a token first, and once there is one with its proxy's certificate."""

import asyncio

import structlog

from sekisho.app.host.signer import as_proxy
from sekisho.client import Client
from sekisho.client.kubeconfig import Access
from sekisho.client.transport import Transport
from sekisho.identity.keys import Credentials

log = structlog.get_logger(__name__)

GRACE = 60.0
"""Seconds a client that was replaced may still end what it is doing."""


class Caller:
    """Gives the client of now."""

    def __init__(self, access: Access) -> None:
        self.access = access
        """What we were given."""
        self.first = Client(Transport(access))
        """With that; it stays open."""
        self._held: Credentials | None = None
        self._client = self.first
        self._replaced: set[asyncio.Task[None]] = set()

    def client(self) -> Client:
        """The client of now; ask again each time."""
        return self._client

    def held(self) -> Credentials | None:
        """The certificate of now, if any."""
        return self._held

    def use(self, credentials: Credentials) -> None:
        """From now on this certificate is who we are; a join token is spent by then."""
        self._held = credentials
        before, self._client = self._client, Client(Transport(as_proxy(self.access, credentials)))
        if before is not self.first:
            closing = asyncio.ensure_future(_close_later(before))
            self._replaced.add(closing)
            closing.add_done_callback(self._replaced.discard)

    async def close(self) -> None:
        """Ends all connections."""
        for closing in tuple(self._replaced):
            closing.cancel()
        await asyncio.wait(self._replaced) if self._replaced else None
        await self._client.close()
        await self.first.close()


async def _close_later(client: Client) -> None:
    try:
        await asyncio.sleep(GRACE)
    finally:
        await client.close()
