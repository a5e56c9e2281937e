"""Whatever a client sends, our framing answers or hangs up; nothing escapes and nothing grows."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.xds import changes, request

from sekisho.xds import frames
from sekisho.xds.admission import Admission
from sekisho.xds.clock import PatientClock
from sekisho.xds.connection import ClientConnection
from sekisho.xds.events import ConnectionFailed
from sekisho.xds.fanout import Fanout
from sekisho.xds.frames import frame
from sekisho.xds.http2 import Connection
from sekisho.xds.limits import Limits
from sekisho.xds.rpc import METHOD, _literal
from sekisho.xds.view import View
from sekisho.xds.wire import length_prefixed

CALL = b"".join(
    _literal(name, value)
    for name, value in [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", METHOD.encode()),
        (b"content-type", b"application/grpc"),
    ]
)
MESSAGES = [
    request("cds", node="n"),
    request("eds", "a", "b"),
    request("cds", nonce="1.0"),
    request("cds", nonce="1.0", error="no"),
    request("eds", drop=["a"]),
]
stream_ids = st.sampled_from([0, 1, 1, 1, 2, 3, 5, 2**31 - 1])
valid_frames = st.one_of(
    st.just(frame(frames.HEADERS, frames.END_HEADERS, 1, CALL)),
    st.sampled_from(MESSAGES).map(
        lambda sent: frame(frames.DATA, 0, 1, length_prefixed(sent.SerializeToString()))
    ),
    st.just(frames.settings({frames.INITIAL_WINDOW_SIZE: 10})),
    st.just(frames.window_update(0, 1_000)),
    st.just(frames.window_update(1, 7)),
    st.just(frame(frames.PING, 0, 0, bytes(8))),
)
any_frames = st.builds(frame, st.integers(0, 11), st.integers(0, 255), stream_ids, st.binary(max_size=60))
conversations = st.lists(st.one_of(valid_frames, any_frames, st.binary(max_size=30)), max_size=25)


class Wire:
    """A transport that takes everything."""

    def __init__(self) -> None:
        self.octets = 0
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "written to after it was closed"
        self.octets += len(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0

    def get_write_buffer_size(self) -> int:
        return 0


@given(conversations, st.integers(1, 200))
@settings(max_examples=300)
def test_only_a_failed_connection_comes_out_of_the_framing(pieces: list[bytes], size: int) -> None:
    made = Connection(Limits())
    octets = frames.PREFACE + frames.settings({}) + b"".join(pieces)
    try:
        for start in range(0, len(octets), size):
            made.receive(octets[start : start + size], 0)
            made.outgoing()
            assert len(made._buffer) <= frames.FRAME_SIZE + frames.HEADER_LENGTH
            assert len(made._streams) <= Limits().streams
    except ConnectionFailed:
        assert made.outgoing()


@given(conversations, st.integers(1, 400), st.integers(0, 3))
@settings(max_examples=200)
def test_a_whole_connection_survives_any_octets(pieces: list[bytes], size: int, commits: int) -> None:
    async def run() -> None:
        loop, view = asyncio.get_running_loop(), View("v")
        view.commit(changes(cds="a@1 b@1", eds="a@1"))
        admission = Admission(lambda _peer, _node: [view], None, Limits())
        lost: list[Any] = []
        connection, wire = (
            ClientConnection(PatientClock(loop), None, admission, Fanout(loop), lost.append),
            Wire(),
        )
        connection.connection_made(wire)  # type: ignore[arg-type]
        octets = frames.PREFACE + frames.settings({}) + b"".join(pieces)
        for number, start in enumerate(range(0, len(octets), size)):
            if wire.closed:
                break
            connection.data_received(octets[start : start + size])
            if number < commits:
                view.commit(changes(cds=f"a@{number + 2}"))
                await asyncio.sleep(0)
        connection.check(loop.time())
        connection.connection_lost(None)
        assert lost == [connection]
        assert not view.members

    asyncio.run(run())
