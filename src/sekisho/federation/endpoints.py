"""The HTTP endpoints at the global control plane. Who calls is found out before, from its certificate."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sekisho.aio.clock import Clock
from sekisho.aio.repeats import Repeats
from sekisho.aio.tasks import background
from sekisho.federation import wire
from sekisho.federation.feed import Ended, Feed
from sekisho.federation.messages import Answer, Batch, Upload
from sekisho.federation.quota import TooFast
from sekisho.federation.server import Federation, NotAMember, NotReady, OutOfStep
from sekisho.store.protocol import StorageFull, StoreFailed

log = structlog.get_logger(__name__)

Caller = Callable[[Request], Awaitable[str]]
"""The zone whose certificate a request came with; empty text for anybody else."""

HEARTBEAT = 5.0
"""Seconds of silence after which the zone is told where we are: so that both sides notice a dead link."""
STREAM_SECONDS = 3600.0
"""After which a stream ends, and comes again with the certificate the zone has by then."""
LARGEST_BODY = 4 << 20
"""Bytes of an upload as sent."""
_BODY_SECONDS = 30.0
_SEND_SECONDS = 30.0
"""For a zone to take what is sent: then it is given up."""


class Endpoints:
    """An ASGI application for the paths below `wire.PATH`."""

    def __init__(self, federation: Federation, caller: Caller, clock: Clock) -> None:
        self._federation = federation
        self._caller = caller
        self._repeats = Repeats(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, of type http."""
        request = Request(scope, receive)
        zone = await self._caller(request)
        try:
            answer = await self._answer(request, zone)
        except NotAMember:
            answer = _status(403, "Forbidden", f"there is no zone {zone}, or it is disabled")
        except TooFast as error:
            answer = _status(429, "TooManyRequests", str(error))
            answer.headers["retry-after"] = str(math.ceil(error.seconds))
            if (more := self._repeats.news(zone)) is not None:
                log.warning("a zone is held back", zone=zone, reason=str(error), **more)
        except NotReady:
            answer = _status(503, "ServiceUnavailable", "the control plane is starting")
        except (StorageFull, StoreFailed) as error:
            answer = _status(503, "ServiceUnavailable", str(error))
        await answer(scope, receive, send)

    async def _answer(self, request: Request, zone: str) -> "Response | _Down":
        if not zone:
            return _status(403, "Forbidden", "only zones come here, with the certificate of their zone")
        match request.method, request.url.path:
            case "GET", wire.DOWN_PATH:
                down = _Down(self._federation, zone, request)
                await down.open()
                return down
            case "GET", wire.UP_PATH:
                return _message(await self._federation.held(zone))
            case "POST", wire.UP_PATH:
                return await self._upload(request, zone)
            case _, (wire.DOWN_PATH | wire.UP_PATH):
                return _status(405, "MethodNotAllowed", f"no {request.method} here")
            case _:
                return _status(404, "NotFound", "there is no such path")

    async def _upload(self, request: Request, zone: str) -> Response:
        try:
            async with self._federation.uploading(zone):
                upload = msgspec.json.decode(wire.inflated(await _body(request)), type=Upload)
                return _message(await self._federation.take(zone, upload))
        except (wire.Malformed, msgspec.DecodeError, RecursionError) as error:
            return _status(400, "BadRequest", str(error))
        except TimeoutError:
            return _status(408, "Timeout", "the body did not arrive in time")
        except OutOfStep:
            return _status(409, "Conflict", "this does not follow what is held here: ask for the token")


class _Down:
    """The stream down to one zone."""

    def __init__(self, federation: Federation, zone: str, request: Request) -> None:
        self._federation = federation
        self._zone = zone
        self._since = request.query_params.get("since", "")
        self._listing = "listing" in request.query_params
        self._stack = AsyncExitStack()
        self._feed: Feed

    async def open(self) -> None:
        """Raises NotReady, NotAMember and TooFast."""
        listening = self._federation.listening(self._zone, self._since, listing=self._listing)
        self._feed = await self._stack.enter_async_context(listening)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. A zone that goes, or stops reading, or is silent, is given up."""
        async with self._stack:
            try:
                async with background(_until_gone(receive), name="zone disconnects"):
                    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                    async for chunk in self._chunks():
                        async with asyncio.timeout(_SEND_SECONDS):
                            await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            except (_Gone, TimeoutError):
                if abort := scope.get("extensions", {}).get("sekisho.abort"):
                    abort()

    async def _chunks(self) -> AsyncIterator[bytes]:
        deflater = wire.Deflater()
        loop = asyncio.get_running_loop()
        end, beat = loop.time() + STREAM_SECONDS, loop.time()  # at once: the zone knows that it is let in
        while loop.time() < end and not self._federation.is_silent(self._zone):
            batch = await self._batch(beat - loop.time())
            if batch is None:
                break
            if batch.puts or batch.gone:
                self._federation.told(self._zone, batch.token)
            if batch.puts or batch.gone or batch.listing or loop.time() >= beat:
                yield deflater.line(batch)
                beat = loop.time() + HEARTBEAT
        yield deflater.end()

    async def _batch(self, seconds: float) -> Batch | None:
        """The next batch; one that says only where we are, after a silence; None at the end."""
        try:
            async with asyncio.timeout(seconds):
                return await self._feed.next()
        except TimeoutError:
            return Batch(token=self._feed.token)
        except Ended:
            return None


class _Gone(Exception):
    """The zone closed its end."""


_HEADERS = [
    (b"content-type", wire.MEDIA_TYPE.encode()),
    (b"content-encoding", b"gzip"),
    (b"cache-control", b"no-store"),
]


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Gone


async def _body(request: Request) -> bytes:
    """Raises Malformed and TimeoutError."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise wire.Malformed("the body is too long")
    except ClientDisconnect as error:
        raise wire.Malformed("the body ended early") from error
    return bytes(body)


def _message(message: Answer) -> Response:
    return Response(wire.encode(message), media_type="application/json")


def _status(code: int, reason: str, message: str) -> Response:
    """As the API answers."""
    return JSONResponse(
        {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        },
        status_code=code,
    )  # fmt: skip
