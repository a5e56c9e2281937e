"""The verb watch: changes as they come, as a stream of JSON lines."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from sekisho.aio.tasks import background
from sekisho.api import representation, selectors
from sekisho.api.authentication import Authenticator, User, caller
from sekisho.api.call import Call, Parts
from sekisho.api.errors import ApiError, expired, unauthorized
from sekisho.api.negotiation import Shape
from sekisho.api.reading import current
from sekisho.api.representation import encode
from sekisho.api.tables import table
from sekisho.store.protocol import Event, EventType, Expired, Record, Watch

BOOKMARK_SECONDS = 30.0
"""How long a watch that allows bookmarks stays silent at most."""
_DEFAULT_SECONDS = (1800, 3600)
"""How long a watch without timeoutSeconds lasts: spread, so that clients do not come back all at once."""
_MAX_SECONDS = 24 * 3600
_CHUNK = 64 * 1024
_TOO_OLD = "too old resource version: {}; list again"


class Frames:
    """Encoded events, shared by all watches that send the same; bounded in bytes, the oldest go first."""

    def __init__(self, max_bytes: int = 1 << 20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._frames: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def get(self, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        """The frame under `key`, made when it is not there."""
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = make()
            self._bytes += len(frame)
            while self._bytes > self._max_bytes and len(self._frames) > 1:
                self._bytes -= len(self._frames.popitem(last=False)[1])
        return frame


@dataclass(frozen=True, slots=True)
class _Wishes:
    """The query parameters of a watch."""

    since: int | None
    """None: begin with the present, told as ADDED events."""
    bookmarks: bool
    initial_events_end: bool
    """Whether to mark the end of those by a bookmark (sendInitialEvents)."""
    seconds: float

    @classmethod
    def parse(cls, call: Call) -> "_Wishes":
        since = call.number("resourceVersion") or None
        initial = _flag(call, "sendInitialEvents")
        lasts = call.number("timeoutSeconds") or random.randint(*_DEFAULT_SECONDS)  # noqa: S311 - spreads load
        return cls(
            since=None if initial else since,
            bookmarks=_flag(call, "allowWatchBookmarks"),
            initial_events_end=initial,
            seconds=min(lasts, _MAX_SECONDS),
        )


def _flag(call: Call, name: str) -> bool:
    return call.query.get(name, "") in {"true", "1"}


class _Gone(Exception):
    """The client closed its end, or no longer takes what we send."""


class WatchResponse:
    """An ASGI response that lasts until the client, the time or the server ends it."""

    def __init__(
        self,
        parts: Parts,
        call: Call,
        frames: Frames,
        authenticator: Authenticator,
        selector: selectors.Selector,
    ) -> None:
        self._parts = parts
        self._call = call
        self._frames = frames
        self._authenticator = authenticator
        self._selector = selector
        self._wishes = _Wishes.parse(call)
        self._watch: Watch | None = None
        self._present: Sequence[Record] = ()

    @property
    def user(self) -> User:
        """Whose watch it is."""
        return self._call.user

    async def open(self) -> None:
        """Subscribes, before anything is answered: an expired revision is still a plain 410."""
        since = self._wishes.since
        if since is None:
            listing = await current(self._parts, self._call, self._selector)
            self._present = [record for record in listing.records if self._selector.matches(record.body)]
            since = listing.revision
        try:
            self._watch = self._parts.store.watch(
                [self._call.kind.kind], self._call.target.namespace or None, since
            )
        except Expired as error:
            raise expired(_TOO_OLD.format(since)) from error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streams. A client that stops reading is cut: nothing piles up beyond one chunk."""
        assert self._watch is not None  # noqa: S101 - `open` comes first
        try:
            async with background(_until_gone(receive), name="watch disconnect"):
                await self._send(send, {"type": "http.response.start", "status": 200, "headers": _HEADERS})
                async for chunk in self._chunks(self._watch):
                    await self._send(send, {"type": "http.response.body", "body": chunk, "more_body": True})
                await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except _Gone:
            abort = scope.get("extensions", {}).get("sekisho.abort")
            if abort is not None:
                abort()
        finally:
            await self._watch.aclose()

    async def end(self) -> None:
        """Ends the stream properly, after what is already queued."""
        if self._watch is not None:
            await self._watch.aclose()

    async def _send(self, send: Send, message: Message) -> None:
        try:
            async with asyncio.timeout(self._parts.limits.send_seconds):
                await send(message)
        except TimeoutError as error:
            raise _Gone from error

    async def _chunks(self, watch: Watch) -> AsyncIterator[bytes]:
        for chunk in _joined(self._added(record) for record in self._present):
            yield chunk
        self._present = ()
        if self._wishes.initial_events_end:
            yield self._bookmark(watch.revision, {"k8s.io/initial-events-end": "true"})
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._wishes.seconds
        while (left := deadline - loop.time()) > 0:
            events: Sequence[Event] = ()
            try:
                async with asyncio.timeout(min(left, BOOKMARK_SECONDS)):
                    events = await anext(watch)
            except TimeoutError:
                pass  # silence is a moment to look after the token and to tell where we are
            except StopAsyncIteration:
                return
            except Expired:
                yield self._failure(expired(_TOO_OLD.format(watch.revision)))
                return
            if not await self._is_let_in():
                yield self._failure(unauthorized())
                return
            if not events and self._wishes.bookmarks:
                yield self._bookmark(watch.revision)
            for chunk in _joined(frame for event in events if (frame := self._frame(event)) is not None):
                yield chunk

    async def _is_let_in(self) -> bool:
        """Asked before anything is told: the token may have ended, or been revoked, since the watch began."""
        return await caller(self._authenticator, self._call.request) == self._call.user

    def _added(self, record: Record) -> bytes:
        return self._encoded(EventType.ADDED, record)

    def _frame(self, event: Event) -> bytes | None:
        """The event as this selector sees it: an object may come into view or leave it by a change."""
        if not self._selector:
            return self._encoded(event.type, event.record)
        now = event.type is not EventType.DELETED and self._selector.matches(event.record.body)
        before = event.old is not None and self._selector.matches(event.old.body)
        if event.type is EventType.DELETED and event.old is None:
            before = self._selector.matches(event.record.body)
        match before, now:
            case False, False:
                return None
            case False, True:
                return self._encoded(EventType.ADDED, event.record)
            case True, False:
                return self._encoded(EventType.DELETED, event.record)
            case _:
                return self._encoded(EventType.MODIFIED, event.record)

    def _encoded(self, type_: EventType, record: Record) -> bytes:
        target, format_ = self._call.target, self._call.format
        key = (type_, record.revision, record.id, target.version, format_, self._call.include)

        def make() -> bytes:
            body = representation.one(record.body, target, format_, self._parts.timestamp, self._call.include)
            return b'{"type":"%s","object":%s}\n' % (type_.value.encode(), body)

        return self._frames.get(key, make)

    def _bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> bytes:
        target = self._call.target
        metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        object_: dict[str, Any] = {
            "kind": target.entry.kind,
            "apiVersion": target.api_version,
            "metadata": metadata,
        }
        if self._call.format.shape is Shape.TABLE:
            object_ = self._bookmark_table(object_)
        return encode({"type": "BOOKMARK", "object": object_}) + b"\n"

    def _bookmark_table(self, object_: dict[str, Any]) -> dict[str, Any]:
        row = {"cells": [], "object": object_}
        answer = table(self._call.target, [row], self._call.format.meta_version, "")
        return {**answer, "metadata": object_["metadata"]}

    def _failure(self, error: ApiError) -> bytes:
        return encode({"type": "ERROR", "object": error.status()}) + b"\n"


_HEADERS = [
    (b"content-type", b"application/json"),
    (b"transfer-encoding", b"chunked"),
    (b"cache-control", b"no-cache, private"),
]


def _joined(frames: Iterable[bytes]) -> Iterable[bytes]:
    """Frames put together into chunks worth a write."""
    waiting: list[bytes] = []
    size = 0
    for frame in frames:
        waiting.append(frame)
        size += len(frame)
        if size >= _CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


async def _until_gone(receive: Receive) -> None:
    """Ends, by an exception, when the client closes its end."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone


async def watch(parts: Parts, call: Call, frames: Frames, authenticator: Authenticator) -> WatchResponse:
    """Opens a watch. Raises 400 and 410."""
    query = dict(call.query)
    if call.target.name:
        query["fieldSelector"] = f"metadata.name={call.target.name}"
    response = WatchResponse(parts, call, frames, authenticator, selectors.parse(call.kind.kind, query))
    await response.open()
    return response
