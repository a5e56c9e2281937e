"""The peer to compare with: a session that keeps a snapshot per proxy and compares all of it on every change.

This is how control planes are commonly built (a map of versions per stream, a walk over all resources, a
response assembled and serialised per stream). Same transport, same resources, no order, no NACKs.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from sekisho.protos import message
from sekisho.xds.delta import Chunk
from sekisho.xds.frames import data_frames
from sekisho.xds.log import Log
from sekisho.xds.observer import Observer
from sekisho.xds.view import View

_nonces = count(1)


class _Response:
    """As much of a Chunk as the transport needs, made for one proxy."""

    def __init__(self, type_url: str, resources: Sequence[Any], removed: Sequence[str]) -> None:
        response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")()
        response.type_url = type_url
        response.nonce = str(next(_nonces))
        for resource in resources:
            response.MergeFromString(resource.head + resource.body)  # a response with one resource
        response.removed_resources.extend(removed)
        self.nonce = response.nonce
        body = response.SerializeToString()
        self.message = b"\0" + len(body).to_bytes(4, "big") + body

    def frames(self, stream_id: int) -> bytes:
        return data_frames(self.message, stream_id)


class NaiveSession:
    """Has the face of `xds.session.Session`."""

    due = None
    waiting_since = None
    awaited = None

    def __init__(
        self,
        proxy: str,
        views: Sequence[View],
        observer: Observer | None = None,
        *,
        now: float = 0,
        patience: float = 0,
    ) -> None:
        self.proxy, self.views, self._observer = proxy, tuple(views), observer
        self.wake: Callable[[], None] = lambda: None
        self.reached = [0] * len(self.views)
        self._sent: dict[str, dict[str, str]] = {}
        self._in_flight: dict[str, str] = {}
        for view in self.views:
            view.members[self] = None

    def close(self, reason: str) -> None:
        for view in self.views:
            view.members.pop(self, None)
        if self._observer:
            self._observer.disconnected(self.proxy, reason)

    def floor(self, log: Log) -> int | None:
        return self.views[0].seq

    def depart(self, now: float) -> None:
        """Nothing is shared."""

    def hear(self, request: Any, now: float) -> list[Chunk]:
        self._sent.setdefault(request.type_url, dict(request.initial_resource_versions))
        if request.response_nonce and self._in_flight.get(request.type_url) == request.response_nonce:
            del self._in_flight[request.type_url]
        return []

    def advance(self, now: float) -> list[Chunk]:
        out: list[Any] = []
        view = self.views[0]
        for type_url, sent in self._sent.items():
            if type_url in self._in_flight:
                continue
            log = view.log(type_url)
            current = log.current if log else {}
            changed = [resource for name, resource in current.items() if sent.get(name) != resource.version]
            removed = [name for name in sent if name not in current]
            if changed or removed:
                response = _Response(type_url, changed, removed)
                self._in_flight[type_url] = response.nonce
                self._sent[type_url] = {name: resource.version for name, resource in current.items()}
                out.append(response)
        if not self._in_flight and self._observer:
            self._observer.synced(self.proxy, view, view.seq)
        return out
