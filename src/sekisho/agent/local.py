"""Stands in for the control plane: answers an Envoy from the last known good, and with what leads nowhere."""

import asyncio
from typing import Any

from sekisho.agent.link import Stream
from sekisho.agent.snapshot import Snapshot
from sekisho.agent.tracking import Request
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import background
from sekisho.envoy.filters.on_demand import stand_in
from sekisho.xds.delta import Chunk
from sekisho.xds.session import Session
from sekisho.xds.subscription import WILDCARD
from sekisho.xds.types import CLUSTER, Blob, Name
from sekisho.xds.view import View

PREFIX = 5
"""Bytes of gRPC's own framing at the start of a chunk's message."""


class Local:
    """A delta ADS server of one stream. Its resources never change; clusters it lacks lead nowhere."""

    def __init__(self, proxy: str, snapshot: Snapshot, *, clock: Clock) -> None:
        self._view = View(proxy)
        self._view.commit(snapshot.resources)
        self._snapshot = snapshot
        self._versions = {name: blob.version for name, blob in snapshot.resources.items()}
        self._clock = clock
        self._session = Session(proxy, [self._view], now=clock.monotonic())
        self._known: set[str] = set()
        self._sending = asyncio.Lock()

    async def serve(self, envoy: Stream, first: bytes) -> None:
        """Answers until Envoy ends the stream."""
        try:
            async with background(self._keep_time(envoy), name="local: what waits for its time"):
                message: bytes | None = first
                while message is not None:
                    await self._send(envoy, self._received(message))
                    message = await envoy.read()
        finally:
            self._session.close("the stream ended")

    def _received(self, message: bytes) -> list[Chunk]:
        request = Request.FromString(message)
        if request.type_url not in self._known:
            self._known.add(request.type_url)
            self._snapshot.claimed(request.type_url, request.initial_resource_versions)
            self._leave_alone(request)
        if request.type_url == CLUSTER:
            self._stand_in(request)
        return self._session.received(request, self._clock.monotonic())

    def _leave_alone(self, request: Any) -> None:
        """An Envoy that holds something is never made to change it: what it holds is newer, if it differs.

        Else a last known good that is behind, or lost, would take configuration from an Envoy that serves.
        """
        for name in list(request.initial_resource_versions):
            held = self._versions.get(Name(request.type_url, name))
            if held is not None:
                request.initial_resource_versions[name] = held
                continue
            del request.initial_resource_versions[name]
            if name in request.resource_names_subscribe:
                request.resource_names_subscribe.remove(name)

    def _stand_in(self, request: Any) -> None:
        """Who calls what only the control plane has a cluster of, is told so at once, now and later."""
        asked = [name for name in request.resource_names_subscribe if name != WILDCARD]
        found = [stand_in(name) for name in asked if Name(CLUSTER, name) not in self._versions]
        self._view.commit({Name(CLUSTER, one.name): Blob(one.version, one.body) for one in found})
        for one in found:  # it is among everything now, and would come twice
            request.resource_names_subscribe.remove(one.name)

    async def _send(self, envoy: Stream, chunks: list[Chunk]) -> None:
        async with self._sending:
            for chunk in chunks:
                await envoy.write(chunk.message[PREFIX:])

    async def _keep_time(self, envoy: Stream) -> None:
        while True:
            await self._clock.sleep(0.2)
            now = self._clock.monotonic()
            if self._session.due is not None and self._session.due <= now:
                await self._send(envoy, self._session.advance(now))
