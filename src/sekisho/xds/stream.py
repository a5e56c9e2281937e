"""One ADS call on a connection: requests out of DATA frames, responses into them as the peer has room."""

from collections import deque
from typing import Protocol

from sekisho.xds import frames
from sekisho.xds.admission import Admission
from sekisho.xds.clock import PatientClock
from sekisho.xds.delta import Chunk, Exchange
from sekisho.xds.fanout import Fanout
from sekisho.xds.http2 import Connection
from sekisho.xds.limits import Budget
from sekisho.xds.rpc import Deframer, Failed, Status
from sekisho.xds.session import Session
from sekisho.xds.subscription import TooMuch


class Line(Protocol):
    """What a stream needs of its connection."""

    @property
    def congested(self) -> bool:
        """Whether octets are waiting to be written."""
        ...

    def write(self, data: bytes) -> None:
        """Sends, or queues without copying."""
        ...

    def exchange(self, stream_id: int, exchange: Exchange) -> bool:
        """Sends a response whole; the stream is told when its answer comes as
        expected (`answered`). False, and nothing happened, when it cannot go at once.
        """
        ...

    def fail(self, stream_id: int, failure: Failed) -> None:
        """Ends a call with a status."""
        ...


class AdsStream:
    """A call. Its session begins with the first request."""

    __slots__ = (
        "_admission", "_budget", "_clock", "_deframer", "_fanout", "_http2", "_id", "_line", "_peer",
        "_queue", "session",
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
        self._budget = Budget(admission.limits.request_burst, admission.limits.request_rate)
        self._queue: deque[tuple[Chunk, int]] = deque()

    @property
    def blocked(self) -> bool:
        """Whether responses are waiting for the peer to open its window."""
        return bool(self._queue)

    def feed(self, octets: bytes, now: float) -> None:
        """A piece of the request body. Raises Failed."""
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
            chunks = session.received(request, now)
        except TooMuch as error:
            raise Failed(Status.RESOURCE_EXHAUSTED, str(error)) from None
        for chunk in chunks:
            self._send(chunk)

    def wake(self) -> None:
        """There was a commit, or the session's time has come."""
        session = self.session
        if session is None:
            return
        chunk = session.depart(self._clock.recent)
        if chunk is None:
            for each in session.advance(self._clock.time()):
                self._send(each)
        elif self._queue or not self._line.exchange(self._id, chunk.exchange(self._id)):
            self._send(chunk)

    def answered(self, nonce: str) -> bool:
        """The acknowledgement of this response came as expected. False when it has to be parsed instead."""
        session = self.session
        if session is None or self._deframer.unfinished or not session.arrive(nonce):
            return False
        if session.place_of_news is not None:
            self.wake()
        return True

    def _send(self, chunk: Chunk) -> None:
        self._budget.earn(2)  # an answer, and what it makes the proxy subscribe to
        size = len(chunk.message)
        if not self._queue and size <= self._http2.sendable(self._id):
            self._http2.sent(self._id, size, whole=True)
            self._line.write(chunk.frames(self._id))
        else:
            self._queue.append((chunk, 0))
            self.pump()

    def pump(self) -> None:
        """Sends what windows and connection allow; a message that fits whole goes as the shared bytes."""
        while self._queue and not self._line.congested:
            room = self._http2.sendable(self._id)
            chunk, offset = self._queue[0]
            left = len(chunk.message) - offset
            if room <= 0:
                return
            if not offset and left <= room:
                self._queue.popleft()
                self._http2.sent(self._id, left, whole=True)
                self._line.write(chunk.frames(self._id))
                continue
            size = min(left, room, frames.FRAME_SIZE)
            self._http2.sent(self._id, size, whole=size == left)
            piece = chunk.message[offset : offset + size]
            if size == left:
                self._queue.popleft()
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
        if self.session is not None:
            self.session.close(reason)
            self.session = None
            self._admission.left(self._peer)
