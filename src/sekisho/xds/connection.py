"""One client's connection: TLS, HTTP/2 and its streams on a transport, within limits of time and size."""

import asyncio
import ssl
from collections.abc import Callable
from typing import assert_never, cast

from sekisho.xds.admission import Admission
from sekisho.xds.clock import PatientClock
from sekisho.xds.events import ConnectionFailed, Data, Event, Gone, Request, WindowOpened
from sekisho.xds.fanout import Fanout
from sekisho.xds.frames import ErrorCode
from sekisho.xds.http2 import Connection
from sekisho.xds.rpc import RESPONSE_HEADERS, Failed, Status, refusal, trailers
from sekisho.xds.stream import AdsStream
from sekisho.xds.tls import NotVerified, TlsPipe

_NEVER = float("inf")
_CALL_OCTETS = 2**16
"""Handed to the kernel at once: a call costs more than encrypting a slice."""


class ClientConnection(asyncio.Protocol):
    """Octets in from the transport, octets out to it.

    What cannot be written yet waits as (shared bytes, offset): a slow reader costs pointers, not copies.
    """

    __slots__ = (
        "_admission", "_awaiting", "_between", "_clock", "_deadline", "_drained", "_fanout", "_free",
        "_heard", "_http2", "_lost", "_next_check", "_paused", "_pinged", "_progress", "_queue", "_silent",
        "_source", "_streams", "_tls", "_transport", "_written",
    )  # fmt: skip

    def __init__(
        self,
        clock: PatientClock,
        context: ssl.SSLContext | None,
        admission: Admission,
        fanout: Fanout,
        lost: Callable[["ClientConnection"], None],
    ) -> None:
        """`context` is None on a unix socket. `lost` is called when the connection is gone."""
        now = clock.time()
        limits = admission.limits
        self._clock = clock
        self._admission = admission
        self._fanout = fanout
        self._lost = lost
        self._tls = TlsPipe(context) if context is not None else None
        self._http2 = Connection(limits, now)
        self._streams: dict[int, AdsStream] = {}
        self._queue: list[tuple[bytes, int]] = []
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._deadline = now + (limits.handshake if context is not None else limits.first_request)
        self._heard = self._progress = now
        self._silent = True
        """Whether nothing came since the last check: cheaper than asking for the time with each octet."""
        self._free = False
        """Whether what is written goes out at once: there is a transport, and nothing waits."""
        self._between = False
        """Whether the octets that came were whole requests."""
        self._awaiting: AdsStream | None = None
        """Who is shown what comes next, before it is parsed."""
        self._next_check = 0.0
        self._pinged: float | None = None
        self._written = self._drained = 0
        self._source = ""
        """The IP address it comes from, while its client is not verified."""

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        # Not isinstance: uvloop's transports have the methods and not the base class.
        transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(high=self._admission.limits.write_buffer)
        self._transport = transport
        self._reckon()
        if self._tls is None:
            self.flush()
        else:
            self._greet(transport)

    def _greet(self, transport: asyncio.Transport) -> None:
        peer = transport.get_extra_info("peername")
        source = str(peer[0]) if peer else "?"
        if self._admission.strangers.enter(source):
            self._source = source
        else:
            transport.abort()

    def _is_stranger_no_more(self) -> None:
        if self._source:
            self._admission.strangers.leave(self._source)
            self._source = ""

    def connection_lost(self, _error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._transport = None
        self._reckon()
        self._is_stranger_no_more()
        if self._tls is not None:
            self._tls.close()
        self._close_streams("connection lost")
        self._queue.clear()
        self._lost(self)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = True
        self._reckon()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = False
        self._pump()
        self._reckon()

    def _reckon(self) -> None:
        self._free = self._transport is not None and not self._paused and not self._queue

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._silent = False
        if self._tls is not None:
            secured = bool(self._tls.peer)
            try:
                data = self._tls.feed(data)
            except NotVerified:
                self._admission.not_verified()
                self._end()
                return
            if not secured:
                self._handshake(self._tls)
        if data and (self._awaiting is None or not self._awaiting.is_answered(data)):
            self._plain(data)

    def _handshake(self, tls: TlsPipe) -> None:
        if tls.peer:
            self._is_stranger_no_more()
            self._deadline = self._clock.time() + self._admission.limits.first_request
            self.flush()  # with what is left of the handshake in front: one call for both
        self._raw(tls.outgoing())

    def _plain(self, data: bytes) -> None:
        if self._transport is None:
            return
        now = self._clock.time()
        try:
            for event in self._http2.receive(data, now):
                self._event(event)
            for stream in list(self._streams.values()):
                stream.respond(now)
        except ConnectionFailed:
            self.flush()
            self._end()
            return
        self.flush()
        self._between = all(stream.between for stream in self._streams.values())
        if not self._between:
            self._awaiting = None

    def _event(self, event: Event) -> None:
        if isinstance(event, Data):  # first: nearly every event is one
            stream = self._streams.get(event.stream_id)
            if stream is not None:
                self._feed(event.stream_id, stream, event.octets, ended=event.ended)
        elif isinstance(event, WindowOpened):
            for waiting in list(self._streams.values()):
                waiting.pump()
        elif isinstance(event, Request):
            self._request(event)
        elif isinstance(event, Gone):
            self._drop(event.stream_id, "reset")
        else:
            assert_never(event)

    def _request(self, request: Request) -> None:
        refused = refusal(request.fields)
        if refused is not None:
            self._refuse(request.stream_id, refused.block, ended=request.ended)
        else:
            self._open(request.stream_id)
            if request.ended:
                self._finish(request.stream_id, "ended by the proxy")

    def _refuse(self, stream_id: int, block: bytes, *, ended: bool) -> None:
        self._http2.send_headers(stream_id, block, end=True)
        if not ended:  # the rest of the request is of no use (RFC 9113 section 8.1)
            self._http2.reset(stream_id, ErrorCode.NO_ERROR)

    def _open(self, stream_id: int) -> None:
        peer = self._tls.peer if self._tls is not None else None
        self._http2.send_headers(stream_id, RESPONSE_HEADERS, end=False)
        self._streams[stream_id] = AdsStream(
            stream_id, self, self._http2, self._admission, self._fanout, self._clock, peer=peer
        )

    def _feed(self, stream_id: int, stream: AdsStream, octets: bytes, *, ended: bool) -> None:
        try:
            stream.feed(octets, self._clock.time())
        except Failed as failure:
            self.fail(stream_id, failure)
            return
        if stream.session is not None:
            self._deadline = _NEVER  # the end of the certificate is watched by `check`
        if ended:
            stream.respond(self._clock.time())
            self._finish(stream_id, "ended by the proxy")

    # --- the streams' side

    @property
    def congested(self) -> bool:
        """See stream.Line."""
        return self._paused or bool(self._queue)

    def write(self, data: bytes) -> None:
        """See stream.Line. Control frames that wait go first, so that the peer sees them in order."""
        if control := self._http2.outgoing():
            self._write(control)
        self._write(data)

    def flush(self) -> None:
        """Writes control frames that wait."""
        if control := self._http2.outgoing():
            self._write(control)

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._paused or self._queue or len(data) > _CALL_OCTETS:
            self._queue.append((data, 0))
            self._pump()
            self._reckon()
        elif self._tls is not None:
            self._raw(self._tls.encrypt(data))
        else:
            self._raw(data)

    def send_at_once(self, data: bytes, stream: AdsStream) -> bool:
        """See stream.Line."""
        transport = self._transport
        if transport is None or not self._free:
            return False
        self._awaiting = stream if self._between else None
        if self._tls is not None:
            data = self._tls.encrypt(data)
        self._written += len(data)
        transport.write(data)
        return True

    def _pump(self) -> None:
        while self._queue and not self._paused:
            data, offset = self._queue.pop(0)
            piece = memoryview(data)[offset : offset + _CALL_OCTETS]
            if offset + len(piece) < len(data):
                self._queue.insert(0, (data, offset + len(piece)))
            self._raw(self._tls.encrypt(piece) if self._tls is not None else bytes(piece))
        if not self._queue and not self._paused:
            for stream in list(self._streams.values()):
                stream.pump()

    def _raw(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._written += len(data)
            self._transport.write(data)

    def fail(self, stream_id: int, failure: Failed) -> None:
        """See stream.Line."""
        self._http2.send_headers(stream_id, trailers(failure.status, failure.message), end=True)
        self._http2.reset(stream_id, ErrorCode.NO_ERROR)
        self._drop(stream_id, failure.message)
        self.flush()

    def _finish(self, stream_id: int, reason: str) -> None:
        self._http2.send_headers(stream_id, trailers(Status.OK), end=True)
        self._drop(stream_id, reason)

    def _drop(self, stream_id: int, reason: str) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            if self._awaiting is stream:
                self._awaiting = None
            stream.close(reason)
            if not self._streams:
                self._deadline = self._clock.time() + self._admission.limits.first_request

    def _close_streams(self, reason: str) -> None:
        for stream_id in list(self._streams):
            self._drop(stream_id, reason)

    # --- the server's side

    @property
    def proxies(self) -> list[str]:
        """Who is on this connection."""
        return [stream.session.proxy for stream in self._streams.values() if stream.session is not None]

    def check(self, now: float) -> None:
        """Called now and then: ends what takes too long, asks the silent for a sign of life."""
        if self._transport is None:
            return  # lost in the middle of a tick
        if now < self._next_check and not any(stream.due(now) for stream in self._streams.values()):
            return
        limits = self._admission.limits
        if not self._silent:
            self._silent, self._heard, self._pinged = True, now, None
        lifetime = self._tls.lifetime() if self._tls is not None and self._tls.peer else _NEVER
        if lifetime <= 0:
            self._end()  # a stream is no way to outlive a certificate; a new one comes long before
            return
        unanswered = self._pinged is not None and now - self._pinged >= limits.keepalive_answer
        if now >= self._deadline or unanswered:
            self._end()
            return
        if self._stuck(now):
            self.abort()
            return
        if self._pinged is None and now - self._heard >= limits.keepalive and self._secured:
            self._pinged = now
            self._http2.ping()
            self.flush()
        silent_until = self._heard + limits.keepalive if self._pinged is None else now
        self._next_check = min(now + limits.stuck / 8, now + lifetime, self._deadline, silent_until)
        for stream_id, stream in list(self._streams.items()):
            try:
                stream.check(now)
            except Failed as failure:
                self.fail(stream_id, failure)

    @property
    def _secured(self) -> bool:
        return self._tls is None or bool(self._tls.peer)

    def _stuck(self, now: float) -> bool:
        """Whether octets wait and none has left for too long."""
        if self._transport is None:
            return False
        buffered = self._transport.get_write_buffer_size()
        drained = self._written - buffered
        blocked = any(stream.blocked for stream in self._streams.values())
        if drained != self._drained or not (buffered or self._queue or blocked):
            self._drained, self._progress = drained, now
            return False
        return now - self._progress >= self._admission.limits.stuck

    def drain(self) -> None:
        """Tells the client to go elsewhere: no new streams here, and the present ones end."""
        if not self._secured:  # nothing can be said before the handshake
            self._end()
            return
        self._http2.drain()
        failure = Failed(Status.UNAVAILABLE, "draining")
        for stream_id in list(self._streams):
            self.fail(stream_id, failure)
        self.flush()
        self._end()

    def revoke(self, whom: Callable[[str | None, str], bool], reason: str, status: Status) -> int:
        """See server.AdsServer.disconnect."""
        peer = self._tls.peer if self._tls is not None else None
        ended = [
            stream_id
            for stream_id, stream in self._streams.items()
            if stream.session is not None and whom(peer, stream.session.proxy)
        ]
        for stream_id in ended:
            self.fail(stream_id, Failed(status, reason))
        return len(ended)

    def _end(self) -> None:
        """Closes after what is written already has gone out."""
        if self._transport is None:
            return
        if self._tls is not None:
            self._raw(self._tls.outgoing())  # an alert, when the handshake failed
        self._close_streams("connection closed")
        self._transport.close()  # after what is in its buffer; `check` cuts a peer that does not read it

    def abort(self) -> None:
        """Closes at once."""
        if self._transport is not None:
            self._transport.abort()
