"""One ADS call on a connection: requests out of DATA frames, responses into them as the peer has room."""

from typing import Protocol

from sekisho.xds import frames
from sekisho.xds.admission import Admission
from sekisho.xds.clock import PatientClock
from sekisho.xds.delta import Chunk
from sekisho.xds.fanout import Fanout
from sekisho.xds.http2 import Connection
from sekisho.xds.limits import Budget
from sekisho.xds.names import TooMuch
from sekisho.xds.rpc import Deframer, Failed, Status
from sekisho.xds.session import Session

_RESERVE = 2**17
"""Octets of the peer's windows that are taken in advance, beyond the response at hand."""
_ANSWERS = 64
"""So many recognised answers are accounted for together: less than a tenth of the receive window."""


class Line(Protocol):
    """What a stream needs of its connection."""

    @property
    def congested(self) -> bool:
        """Whether octets are waiting to be written."""
        ...

    def write(self, data: bytes) -> None:
        """Sends, or queues without copying."""
        ...

    def send_at_once(self, data: bytes, stream: "AdsStream") -> bool:
        """Sends a response whole; what comes next is first shown to the stream (`is_answered`). False, and
        nothing happened, when it cannot go at once.
        """
        ...

    def flush(self) -> None:
        """Writes control frames that wait."""
        ...

    def fail(self, stream_id: int, failure: Failed) -> None:
        """Ends a call with a status."""
        ...


class AdsStream:
    """A call. Its session begins with the first request."""

    __slots__ = (
        "_admission", "_answers", "_answers_octets", "_budget", "_clock", "_deframer", "_fanout", "_heard",
        "_http2", "_id", "_line", "_peer", "_queue", "_reserved", "session",
    )  # fmt: skip

    def __init__(
        self,
        stream_id: int,
        line: Line,
        http2: Connection,
        admission: Admission,
        fanout: Fanout,
        clock: PatientClock,
        *,
        peer: str | None,
    ) -> None:
        """`peer` is the verified SPIFFE ID, None on a unix socket."""
        self.session: Session | None = None
        self._id = stream_id
        self._line = line
        self._http2 = http2
        self._admission = admission
        self._fanout = fanout
        self._clock = clock
        self._peer = peer
        self._deframer = Deframer(admission.limits.message)
        self._heard = False
        """Whether there were requests since the last `respond`."""
        self._budget = Budget(admission.limits.request_burst, admission.limits.request_rate)
        self._queue: list[tuple[Chunk, int]] = []
        """Few at a time: of each type there is one response at most that is not answered."""
        self._reserved = 0
        """Octets that may be sent on the express way; see http2.Connection.reserve."""
        self._answers = self._answers_octets = 0
        """Frames recognised by `is_answered`, of which the connection does not know yet."""

    @property
    def blocked(self) -> bool:
        """Whether responses are waiting for the peer to open its window."""
        return bool(self._queue)

    def feed(self, octets: bytes, now: float) -> None:
        """A piece of the request body; `respond` is to follow the last that came. Raises Failed."""
        for raw in self._deframer.messages(octets):
            if not self._budget.spend(1, now):
                raise Failed(Status.RESOURCE_EXHAUSTED, "too many requests")
            self._request(raw, now)

    def _request(self, raw: bytes, now: float) -> None:
        request, node = self._admission.requests.parse(raw)
        session = self.session
        if session is None:
            session = self.session = self._admission.admit(node, self._peer, now)
            session.wake = self.wake
            for view in session.views:
                view.wakers[self._fanout] = None
        try:
            chunks = session.hear(request, now)
        except TooMuch as error:
            raise Failed(Status.RESOURCE_EXHAUSTED, str(error)) from None
        self._heard = True
        for chunk in chunks:
            self._send(chunk)

    def respond(self, now: float) -> None:
        """Sends what requests call for. Who comes back sends one for each type at once, and what may go when
        is looked at after the last.
        """
        if self._heard and self.session is not None:
            self._heard = False
            for chunk in self.session.advance(now):
                self._send(chunk)

    def wake(self) -> None:
        """There was a commit, or the session's time has come."""
        session = self.session
        if session is None:
            return
        leg = session.depart(self._clock.recent)
        if leg is None:
            for each in session.advance(self._clock.time()):
                self._send(each)
        elif leg.chunk is not None:
            self._express(leg.chunk)

    def _express(self, chunk: Chunk) -> None:
        """Sends the way on which nothing is touched that need not be: with thousands of proxies, what an
        object costs that is not in the processor's cache is more than what is done with it.
        """
        exchange = chunk.exchange(self._id)
        size = exchange.size
        if size > self._reserved:
            self._settle()
            self._line.flush()
            self._reserved = self._http2.reserve(self._id, size + _RESERVE)
        if size <= self._reserved and self._line.send_at_once(exchange.frames, self):
            self._reserved -= size
        else:
            self._send(chunk)

    def is_answered(self, data: bytes) -> bool:
        """Takes the answer that is expected, without parsing it. False when it is anything else."""
        session = self.session
        chunk = session.awaited if session is not None else None
        if session is None or chunk is None or data != chunk.exchange(self._id).answer:
            return False
        self._answers += 1
        self._answers_octets += len(data) - frames.HEADER_LENGTH
        if self._answers >= _ANSWERS:
            self._settle()
            self._line.flush()
        if session.arrive():
            self.wake()
        return True

    @property
    def between(self) -> bool:
        """Whether whole requests, in whole frames, are all that came."""
        return not self._deframer.unfinished and self._http2.between(self._id)

    def _settle(self) -> None:
        """Brings the connection up to date about what went the express way."""
        unused, self._reserved = self._reserved, 0
        messages, self._answers = self._answers, 0
        octets, self._answers_octets = self._answers_octets, 0
        if unused or messages:
            self._http2.settle(self._id, unused=unused, messages=messages, octets=octets)

    def _send(self, chunk: Chunk) -> None:
        self._budget.earn(2)  # an answer, and what it makes the proxy subscribe to
        size = len(chunk.message)
        self._settle()
        if not self._queue and size <= self._http2.sendable(self._id):
            self._http2.sent(self._id, size, whole=True)
            self._line.write(chunk.frames(self._id))
        else:
            self._queue.append((chunk, 0))
            self.pump()

    def pump(self) -> None:
        """Sends what windows and connection allow; a message that fits whole goes as the shared bytes."""
        self._settle()
        while self._queue and not self._line.congested:
            room = self._http2.sendable(self._id)
            chunk, offset = self._queue[0]
            left = len(chunk.message) - offset
            if room <= 0:
                return
            if not offset and left <= room:
                del self._queue[0]
                self._http2.sent(self._id, left, whole=True)
                self._line.write(chunk.frames(self._id))
                continue
            size = min(left, room, frames.FRAME_SIZE)
            self._http2.sent(self._id, size, whole=size == left)
            piece = chunk.message[offset : offset + size]
            if size == left:
                del self._queue[0]
            else:
                self._queue[0] = (chunk, offset + size)
            self._line.write(frames.frame(frames.DATA, 0, self._id, piece))

    def due(self, now: float) -> bool:
        """Whether the session has something to do at this time."""
        return self.session is not None and self.session.due is not None and now >= self.session.due

    def check(self, now: float) -> None:
        """Called now and then: wakes a session that is due. Raises Failed when the proxy never answers."""
        if self.session is None:
            return
        if self.due(now):
            self.wake()
        since = self.session.waiting_since
        if since is not None and now - since > self._admission.limits.stuck:
            raise Failed(Status.DEADLINE_EXCEEDED, "no answer to a response")

    def close(self, reason: str) -> None:
        """The call is over, whoever ended it."""
        self._queue.clear()
        self._settle()
        if self.session is not None:
            self.session.close(reason)
            self.session = None
            self._admission.left(self._peer)
