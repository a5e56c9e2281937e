"""The server side of HTTP/2 framing without I/O: octets in, events and octets out (RFC 9113)."""

from collections.abc import Callable
from functools import lru_cache

from sekisho.xds import frames
from sekisho.xds.events import ConnectionFailed, Data, Event, Gone, Request, WindowOpened
from sekisho.xds.frames import ErrorCode
from sekisho.xds.header_blocks import HeaderBlocks
from sekisho.xds.headers import Field, problem
from sekisho.xds.limits import Budget, Limits

_EARNED_PER_MESSAGE = 4.0
_EARNED_PER_OCTET = 1 / 1024


class _StreamFailed(Exception):
    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _Stream:
    """An open stream. `remote` and `local`: whether that side may still send."""

    __slots__ = ("expected", "local", "receive_window", "remote", "send_window")

    def __init__(self, send_window: int, receive_window: int) -> None:
        self.remote = self.local = True
        self.send_window = send_window
        self.receive_window = receive_window
        self.expected: int | None = None
        """What is left of the announced content-length."""


class Connection:
    """One HTTP/2 connection. After `ConnectionFailed`, write what is outgoing and close."""

    __slots__ = (
        "_blocks", "_buffer", "_draining", "_earned", "_events", "_initial_send_window", "_limits", "_now",
        "_nuisance", "_out", "_prefaced", "_receive_window", "_settled", "_streams", "last_stream_id",
        "send_window",
    )  # fmt: skip

    def __init__(self, limits: Limits, now: float = 0.0) -> None:
        """Our SETTINGS are outgoing at once."""
        self.send_window = frames.DEFAULT_WINDOW
        self.last_stream_id = 0
        self._limits = limits
        self._nuisance = Budget(limits.nuisance_burst, limits.nuisance_rate)
        self._earned = 0.0
        """What that budget is owed: each response earns, and it is drawn on rarely."""
        self._now = now
        self._buffer = b""
        self._prefaced = False
        self._settled = False
        self._draining = False
        self._streams: dict[int, _Stream] = {}
        self._blocks = HeaderBlocks(limits)
        self._initial_send_window = frames.DEFAULT_WINDOW
        self._receive_window = 2 * limits.receive_window
        self._events: list[Event] = []
        self._out = [_greeting(limits.streams, limits.receive_window, limits.header_list)]

    # --- octets in

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What the peer's octets mean. Raises ConnectionFailed."""
        self._now = now
        try:
            self._buffer = self._parse(self._buffer + data if self._buffer else data)
        except ConnectionFailed as failure:
            self._out.append(frames.goaway(self.last_stream_id, failure.code, failure.reason.encode()))
            raise
        events, self._events = self._events, []  # kept, they would be until the next, and a request with them
        return events

    def _parse(self, data: bytes) -> bytes:
        """Handles whole frames. Returns the rest."""
        start, size = 0, len(data)
        if not self._prefaced:
            preface = frames.PREFACE
            if data[: len(preface)] != preface[:size]:
                raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface")
            if size < len(preface):
                return data
            self._prefaced, start = True, len(preface)
        while size - start >= frames.HEADER_LENGTH:
            length = data[start] << 16 | data[start + 1] << 8 | data[start + 2]
            if length > frames.FRAME_SIZE:
                raise ConnectionFailed(ErrorCode.FRAME_SIZE_ERROR, "frame longer than 16,384 octets")
            body = start + frames.HEADER_LENGTH
            end = body + length
            if end > size:
                break
            stream_id = int.from_bytes(data[start + 5 : body], "big") & frames.MAX_WINDOW
            self._frame(data[start + 3], data[start + 4], stream_id, data[body:end])
            start = end
        return data[start:] if start else data

    def _frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        begun = self._blocks.stream_id
        if begun and (kind != frames.CONTINUATION or stream_id != begun):
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "header block interrupted")
        if not self._settled:
            if kind != frames.SETTINGS or flags & frames.ACK:
                raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self._settled = True
        handler = _HANDLERS.get(kind)
        if handler is None:  # extensions are ignored (section 5.5)
            self._annoy(1)
            return
        try:
            handler(self, flags, stream_id, payload)
        except _StreamFailed as failure:
            self._annoy(1)
            self.reset(stream_id, failure.code)
            self._events.append(Gone(stream_id, failure.code))

    def _annoy(self, units: float) -> None:
        if self._earned:
            self._nuisance.earn(self._earned)
            self._earned = 0.0
        if not self._nuisance.spend(units, self._now):
            raise ConnectionFailed(ErrorCode.ENHANCE_YOUR_CALM, "too many frames without use")

    # --- frames of the connection

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        if len(payload) % 6 or (flags & frames.ACK and payload):
            raise ConnectionFailed(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong length")
        self._annoy(1)
        if flags & frames.ACK:
            return
        self._annoy(len(payload) / 60)
        for start in range(0, len(payload), 6):
            key = int.from_bytes(payload[start : start + 2], "big")
            self._set(key, int.from_bytes(payload[start + 2 : start + 6], "big"))
        self._out.append(frames.frame(frames.SETTINGS, frames.ACK, 0))

    def _set(self, key: int, value: int) -> None:
        if key == frames.ENABLE_PUSH and value > 1:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
        if key == frames.MAX_FRAME_SIZE and not frames.FRAME_SIZE <= value < 2**24:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE out of range")
        if key == frames.INITIAL_WINDOW_SIZE:
            if value > frames.MAX_WINDOW:
                raise ConnectionFailed(ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE out of range")
            change, self._initial_send_window = value - self._initial_send_window, value
            for stream in self._streams.values():
                stream.send_window += change
                if stream.send_window > frames.MAX_WINDOW:
                    raise ConnectionFailed(ErrorCode.FLOW_CONTROL_ERROR, "window overflow")
            self._events.append(WindowOpened())

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != 8:  # noqa: PLR2004 - RFC 9113 section 6.7
            raise ConnectionFailed(ErrorCode.FRAME_SIZE_ERROR, "PING of a wrong length")
        self._annoy(1)
        if not flags & frames.ACK:
            self._out.append(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _on_goaway(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) < 8:  # noqa: PLR2004 - RFC 9113 section 6.8
            code = ErrorCode.PROTOCOL_ERROR if stream_id else ErrorCode.FRAME_SIZE_ERROR
            raise ConnectionFailed(code, "bad GOAWAY")
        self._annoy(1)

    def _on_window_update(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:  # noqa: PLR2004 - RFC 9113 section 6.9
            raise ConnectionFailed(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE of a wrong length")
        increment = int.from_bytes(payload, "big") & frames.MAX_WINDOW
        self._annoy(1)
        if not stream_id:
            self.send_window += increment
            if not increment or self.send_window > frames.MAX_WINDOW:
                code = ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
                raise ConnectionFailed(code, "bad WINDOW_UPDATE")
        else:
            self._refuse_idle(stream_id)
            stream = self._streams.get(stream_id)
            if stream is None:
                return  # it crossed our end of the stream
            stream.send_window += increment
            if not increment or stream.send_window > frames.MAX_WINDOW:
                code = ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
                raise _StreamFailed(code, "bad WINDOW_UPDATE")
        self._events.append(WindowOpened())

    # --- frames of a stream

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id & 1:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "HEADERS on a stream the client cannot open")
        payload = _unpadded(flags, payload)
        if flags & frames.PRIORITISED:
            if len(payload) < 5:  # noqa: PLR2004 - RFC 9113 section 6.2
                raise ConnectionFailed(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short")
            depends_on = int.from_bytes(payload[:4], "big") & frames.MAX_WINDOW
            payload = payload[5:]
            if depends_on == stream_id:
                raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")
        self._annoy(1)
        self._blocks.begin(stream_id, ended=bool(flags & frames.END_STREAM))
        self._take_fragment(stream_id, flags, payload)

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not self._blocks.stream_id:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        self._annoy(1)
        self._take_fragment(stream_id, flags, payload)

    def _take_fragment(self, stream_id: int, flags: int, payload: bytes) -> None:
        """The fields are decoded even of a stream to be refused: the table is the connection's."""
        fields = self._blocks.take(payload, last=bool(flags & frames.END_HEADERS))
        if fields is not None:
            self._headers(stream_id, fields, ended=self._blocks.ended)

    def _headers(self, stream_id: int, fields: list[Field], *, ended: bool) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._trailers(stream_id, stream, fields, ended=ended)
            return
        if stream_id <= self.last_stream_id:
            raise ConnectionFailed(ErrorCode.STREAM_CLOSED, "HEADERS on a closed stream")
        self.last_stream_id = stream_id
        if self._draining or len(self._streams) >= self._limits.streams:
            raise _StreamFailed(ErrorCode.REFUSED_STREAM, "too many streams")
        if found := problem(fields):
            raise _StreamFailed(ErrorCode.PROTOCOL_ERROR, found)
        stream = _Stream(self._initial_send_window, self._limits.receive_window)
        stream.expected = _content_length(fields)
        if ended and stream.expected:
            raise _StreamFailed(ErrorCode.PROTOCOL_ERROR, "content-length differs from the body")
        stream.remote = not ended
        self._streams[stream_id] = stream
        self._events.append(Request(stream_id, fields, ended))

    def _trailers(self, stream_id: int, stream: _Stream, fields: list[Field], *, ended: bool) -> None:
        if not stream.remote:
            raise _StreamFailed(ErrorCode.STREAM_CLOSED, "HEADERS after the end")
        if not ended or problem(fields, trailers=True):
            raise _StreamFailed(ErrorCode.PROTOCOL_ERROR, "malformed trailers")
        self._end_remote(stream_id, stream)
        self._events.append(Data(stream_id, b"", ended=True))

    def _on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._refuse_idle(stream_id)
        size = len(payload)
        self._hold_connection(size)
        octets = _unpadded(flags, payload) if flags & frames.PADDED else payload
        stream = self._streams.get(stream_id)
        if stream is None or not stream.remote:
            raise _StreamFailed(ErrorCode.STREAM_CLOSED, "DATA after the end")
        ended = bool(flags & frames.END_STREAM)
        if not octets and not ended:
            self._annoy(4)
        self._account(stream_id, stream, size, len(octets), ended=ended)
        if ended:
            self._end_remote(stream_id, stream)
        self._events.append(Data(stream_id, octets, ended))

    def _hold_connection(self, size: int) -> None:
        """Holds so much DATA to the connection's window."""
        self._receive_window -= size
        if self._receive_window < 0:
            raise ConnectionFailed(ErrorCode.FLOW_CONTROL_ERROR, "more than the connection's window")
        if self._receive_window < self._limits.receive_window:
            self._out.append(frames.window_update(0, 2 * self._limits.receive_window - self._receive_window))
            self._receive_window = 2 * self._limits.receive_window

    def _hold_stream(self, stream_id: int, stream: _Stream, size: int, *, ended: bool) -> None:
        """Holds so much DATA to the window of its stream."""
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise _StreamFailed(ErrorCode.FLOW_CONTROL_ERROR, "more than the stream's window")
        if stream.receive_window < self._limits.receive_window // 2 and not ended:
            increment = self._limits.receive_window - stream.receive_window
            self._out.append(frames.window_update(stream_id, increment))
            stream.receive_window = self._limits.receive_window

    def _account(self, stream_id: int, stream: _Stream, size: int, content: int, *, ended: bool) -> None:
        """Holds a DATA frame to its stream's window and announced length."""
        self._hold_stream(stream_id, stream, size, ended=ended)
        if stream.expected is not None:
            stream.expected -= content
            if stream.expected < 0 or (ended and stream.expected):
                raise _StreamFailed(ErrorCode.PROTOCOL_ERROR, "content-length differs from the body")

    def _on_rst_stream(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:  # noqa: PLR2004 - RFC 9113 section 6.4
            raise ConnectionFailed(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM of a wrong length")
        self._refuse_idle(stream_id)
        self._annoy(1)
        if self._streams.pop(stream_id, None) is not None:
            self._events.append(Gone(stream_id, int.from_bytes(payload, "big")))

    def _on_priority(self, _flags: int, stream_id: int, payload: bytes) -> None:
        """Deprecated and without effect (section 5.3), but its shape is still checked."""
        if not stream_id:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
        self._annoy(1)
        if len(payload) != 5:  # noqa: PLR2004 - RFC 9113 section 6.3
            raise _StreamFailed(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong length")
        if int.from_bytes(payload[:4], "big") & frames.MAX_WINDOW == stream_id:
            raise _StreamFailed(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")

    def _on_push_promise(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def _refuse_idle(self, stream_id: int) -> None:
        if not stream_id or stream_id > self.last_stream_id or not stream_id & 1:
            raise ConnectionFailed(ErrorCode.PROTOCOL_ERROR, "frame on a stream that was never opened")

    def _end_remote(self, stream_id: int, stream: _Stream) -> None:
        stream.remote = False
        if not stream.local:
            self._streams.pop(stream_id, None)

    # --- octets out

    def outgoing(self) -> bytes:
        """Control frames to be written now; none twice."""
        if not self._out:
            return b""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def sendable(self, stream_id: int) -> int:
        """How many octets of DATA the peer takes on this stream now; may be negative (section 6.9.2)."""
        stream = self._streams.get(stream_id)
        return min(stream.send_window, self.send_window) if stream is not None and stream.local else 0

    def sent(self, stream_id: int, octets: int, *, whole: bool) -> None:
        """The caller writes so much DATA, the end of a message if `whole`."""
        self._streams[stream_id].send_window -= octets
        self.send_window -= octets
        self._earned += octets * _EARNED_PER_OCTET + (_EARNED_PER_MESSAGE if whole else 0)

    def reserve(self, stream_id: int, octets: int) -> int:
        """Takes room for about so many octets of DATA out of the peer's windows, for messages that are then
        sent without asking for each. Returns how many; not more than half of what there is.
        """
        stream = self._streams.get(stream_id)
        if stream is None or not stream.local:
            return 0
        room = max(0, min(octets, stream.send_window // 2, self.send_window // 2))
        stream.send_window -= room
        self.send_window -= room
        return room

    def settle(self, stream_id: int, *, unused: int, messages: int, octets: int) -> None:
        """Gives back what is `unused` of that, and accounts for DATA frames that were taken without
        `receive`: so many, of so many octets.
        """
        self.send_window += unused
        self._earned += messages * _EARNED_PER_MESSAGE
        self._hold_connection(octets)
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.send_window += unused
            if stream.remote:
                self._hold_stream(stream_id, stream, octets, ended=False)

    def between(self, stream_id: int) -> bool:
        """Whether all frames that came were whole, and DATA of any length may follow on this stream."""
        stream = self._streams.get(stream_id)
        if self._buffer or self._blocks.stream_id or stream is None:
            return False
        return stream.remote and stream.local and stream.expected is None

    def send_headers(self, stream_id: int, block: bytes, *, end: bool) -> None:
        """Response headers or trailers, already encoded."""
        stream = self._streams.get(stream_id)
        if stream is None or not stream.local:
            return
        flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
        self._out.append(frames.frame(frames.HEADERS, flags, stream_id, block))
        if end:
            stream.local = False
            if not stream.remote:
                del self._streams[stream_id]

    def reset(self, stream_id: int, code: ErrorCode) -> None:
        """Gives a stream up."""
        self._streams.pop(stream_id, None)
        self._out.append(frames.reset(stream_id, code))

    def ping(self) -> None:
        """Asks for a sign of life."""
        self._out.append(frames.frame(frames.PING, 0, 0, b"sekisho\0"))

    def drain(self) -> None:
        """Tells the peer to open no more streams here."""
        if not self._draining:
            self._draining = True
            self._out.append(frames.goaway(self.last_stream_id, ErrorCode.NO_ERROR, b"draining"))


@lru_cache
def _greeting(streams: int, receive_window: int, header_list: int) -> bytes:
    """Our first frames, the same for all clients. The connection's window is twice that of a stream."""
    settings = {
        frames.MAX_CONCURRENT_STREAMS: streams,
        frames.INITIAL_WINDOW_SIZE: receive_window,
        frames.MAX_HEADER_LIST_SIZE: header_list,
    }
    return frames.settings(settings) + frames.window_update(0, 2 * receive_window - frames.DEFAULT_WINDOW)


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & frames.PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        code = ErrorCode.PROTOCOL_ERROR if payload else ErrorCode.FRAME_SIZE_ERROR
        raise ConnectionFailed(code, "padding longer than the frame")
    return payload[1 : len(payload) - payload[0]]


def _content_length(fields: list[Field]) -> int | None:
    values = {value for name, value in fields if name == b"content-length"}
    if not values:
        return None
    value = values.pop()
    if values or not value.isdigit() or len(value) > 19:  # noqa: PLR2004 - 2**63 has 19 digits
        raise _StreamFailed(ErrorCode.PROTOCOL_ERROR, "malformed content-length")
    return int(value)


_HANDLERS: dict[int, Callable[[Connection, int, int, bytes], None]] = {
    frames.DATA: Connection._on_data,
    frames.HEADERS: Connection._on_headers,
    frames.PRIORITY: Connection._on_priority,
    frames.RST_STREAM: Connection._on_rst_stream,
    frames.SETTINGS: Connection._on_settings,
    frames.PUSH_PROMISE: Connection._on_push_promise,
    frames.PING: Connection._on_ping,
    frames.GOAWAY: Connection._on_goaway,
    frames.WINDOW_UPDATE: Connection._on_window_update,
    frames.CONTINUATION: Connection._on_continuation,
}
