"""HTTP/2 framing: what is heard, what is refused, what is sent. RFC 9113 as a table, floods, flow control."""

from collections.abc import Sequence

import pytest
from hpack import Encoder

from sekisho.xds import frames
from sekisho.xds.events import ConnectionFailed, Data, Gone, Request, WindowOpened
from sekisho.xds.frames import ErrorCode, frame
from sekisho.xds.headers import problem
from sekisho.xds.http2 import Connection
from sekisho.xds.limits import Budget, Limits

GET = [(":method", "GET"), (":scheme", "http"), (":path", "/")]
BLOCK = bytes([0x82, 0x86, 0x84])
"""GET http / in three indexed fields."""


def connection(**limits: float) -> Connection:
    made = Connection(Limits(**limits))  # type: ignore[arg-type]
    made.receive(frames.PREFACE + frames.settings({}), 0)
    made.outgoing()
    return made


def opened(**limits: float) -> Connection:
    made = connection(**limits)
    made.receive(frame(frames.HEADERS, frames.END_HEADERS, 1, BLOCK), 0)
    return made


def kinds(octets: bytes) -> list[tuple[int, int]]:
    """(type, stream) of each frame."""
    found, start = [], 0
    while start < len(octets):
        length = int.from_bytes(octets[start : start + 3], "big")
        found.append((octets[start + 3], int.from_bytes(octets[start + 5 : start + 9], "big")))
        start += 9 + length
    return found


def last_error(made: Connection) -> ErrorCode:
    octets = made.outgoing()
    start = octets.rindex(bytes([frames.GOAWAY, 0, 0, 0, 0, 0])) + 6
    return ErrorCode(int.from_bytes(octets[start + 4 : start + 8], "big"))


def test_octets_may_come_one_by_one() -> None:
    made = Connection(Limits())
    heard = []
    for octet in (
        frames.PREFACE
        + frames.settings({})
        + frame(frames.HEADERS, frames.END_HEADERS, 1, BLOCK)
        + frame(frames.DATA, frames.END_STREAM, 1, b"hello")
    ):
        heard += made.receive(bytes([octet]), 0)
    assert [type(event) for event in heard] == [Request, Data]
    assert heard[1] == Data(1, b"hello", ended=True)


def test_settings_come_first_and_are_acknowledged() -> None:
    made = Connection(Limits())
    assert kinds(made.outgoing()) == [(frames.SETTINGS, 0), (frames.WINDOW_UPDATE, 0)]
    made.receive(frames.PREFACE + frames.settings({}), 0)
    assert made.outgoing() == frame(frames.SETTINGS, frames.ACK, 0)


def test_a_ping_is_echoed_once() -> None:
    made = connection()
    made.receive(frame(frames.PING, 0, 0, b"12345678"), 0)
    assert made.outgoing() == frame(frames.PING, frames.ACK, 0, b"12345678")
    made.receive(frame(frames.PING, frames.ACK, 0, b"12345678"), 0)
    assert made.outgoing() == b""


def test_padding_priority_and_continuation_are_understood() -> None:
    made = connection()
    padded = bytes([2]) + bytes([0, 0, 0, 0, 16]) + BLOCK[:1] + b"\0\0"
    flags = frames.PADDED | frames.PRIORITISED
    made.receive(frame(frames.HEADERS, flags, 1, padded), 0)
    heard = made.receive(frame(frames.CONTINUATION, frames.END_HEADERS, 1, BLOCK[1:]), 0)
    assert heard == [Request(1, [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")], ended=False)]
    heard = made.receive(frame(frames.DATA, frames.PADDED, 1, b"\x03abc\0\0\0"), 0)
    assert heard == [Data(1, b"abc", ended=False)]


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frame(frames.DATA, 0, 0, b"x"), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.DATA, 0, 3, b"x"), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.DATA, frames.PADDED, 1, b"\x09abc"), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.DATA, frames.PADDED, 1, b""), ErrorCode.FRAME_SIZE_ERROR),
        (frame(frames.HEADERS, frames.END_HEADERS, 2, BLOCK), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.HEADERS, frames.END_HEADERS, 0, BLOCK), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.HEADERS, frames.PRIORITISED, 3, b"\0"), ErrorCode.FRAME_SIZE_ERROR),
        (frame(frames.HEADERS, frames.END_HEADERS, 3, b"\xff\xff\xff\xff\xff"), ErrorCode.COMPRESSION_ERROR),
        (frame(frames.HEADERS, 0, 3, BLOCK) + frame(frames.PING, 0, 0, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.CONTINUATION, 0, 1, BLOCK), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.PRIORITY, 0, 0, bytes(5)), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.RST_STREAM, 0, 1, b"\0"), ErrorCode.FRAME_SIZE_ERROR),
        (frame(frames.RST_STREAM, 0, 9, bytes(4)), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.SETTINGS, 0, 1), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.SETTINGS, 0, 0, b"\0"), ErrorCode.FRAME_SIZE_ERROR),
        (frame(frames.SETTINGS, frames.ACK, 0, bytes(6)), ErrorCode.FRAME_SIZE_ERROR),
        (frames.settings({frames.ENABLE_PUSH: 2}), ErrorCode.PROTOCOL_ERROR),
        (frames.settings({frames.MAX_FRAME_SIZE: 1}), ErrorCode.PROTOCOL_ERROR),
        (frames.settings({frames.INITIAL_WINDOW_SIZE: 2**31}), ErrorCode.FLOW_CONTROL_ERROR),
        (frame(frames.PUSH_PROMISE, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.PING, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.PING, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(frames.GOAWAY, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.GOAWAY, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(frames.WINDOW_UPDATE, 0, 0, bytes(3)), ErrorCode.FRAME_SIZE_ERROR),
        (frames.window_update(0, 0), ErrorCode.PROTOCOL_ERROR),
        (frames.window_update(0, frames.MAX_WINDOW), ErrorCode.FLOW_CONTROL_ERROR),
        (frames.window_update(9, 1), ErrorCode.PROTOCOL_ERROR),
        (b"\x00\x40\x01\x00\x00\x00\x00\x00\x01", ErrorCode.FRAME_SIZE_ERROR),
    ],
)
def test_what_breaks_the_connection(octets: bytes, code: ErrorCode) -> None:
    made = opened()
    with pytest.raises(ConnectionFailed) as failed:
        made.receive(octets, 0)
    assert failed.value.code == code
    assert last_error(made) == code


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frames.window_update(1, 0), ErrorCode.PROTOCOL_ERROR),
        (frames.window_update(1, frames.MAX_WINDOW), ErrorCode.FLOW_CONTROL_ERROR),
        (frame(frames.PRIORITY, 0, 1, bytes(4)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(frames.PRIORITY, 0, 1, b"\0\0\0\x01\0"), ErrorCode.PROTOCOL_ERROR),
        (frame(frames.HEADERS, frames.END_HEADERS, 1, BLOCK), ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_what_breaks_a_stream_alone(octets: bytes, code: ErrorCode) -> None:
    made = opened()
    assert made.receive(octets, 0) == [Gone(1, code)]
    assert made.outgoing() == frames.reset(1, code)
    assert made.receive(frame(frames.HEADERS, frames.END_HEADERS, 3, BLOCK), 0) != []


def test_a_stream_above_the_limit_is_refused_and_the_header_table_stays_right() -> None:
    made, encoder = connection(streams=1), Encoder()
    first = encoder.encode([*GET, ("x-one", "1")])
    made.receive(frame(frames.HEADERS, frames.END_HEADERS, 1, first), 0)
    refused = encoder.encode([*GET, ("x-two", "2")])
    assert made.receive(frame(frames.HEADERS, frames.END_HEADERS, 3, refused), 0) == [
        Gone(3, ErrorCode.REFUSED_STREAM)
    ]
    made.receive(frames.reset(1, ErrorCode.CANCEL), 0)
    third = encoder.encode([*GET, ("x-two", "2")])
    [request] = made.receive(frame(frames.HEADERS, frames.END_HEADERS, 5, third), 0)
    assert isinstance(request, Request)
    assert (b"x-two", b"2") in request.fields


def test_a_draining_connection_takes_no_new_streams() -> None:
    made = opened()
    made.drain()
    assert kinds(made.outgoing()) == [(frames.GOAWAY, 0)]
    assert made.receive(frame(frames.HEADERS, frames.END_HEADERS, 3, BLOCK), 0) == [
        Gone(3, ErrorCode.REFUSED_STREAM)
    ]


def test_received_data_opens_the_windows_again_in_time() -> None:
    made = opened(receive_window=65_536)
    updates: list[tuple[int, int]] = []
    for _ in range(40):
        made.receive(frame(frames.DATA, 0, 1, bytes(16_000)), 0)
        updates += kinds(made.outgoing())
    assert (frames.WINDOW_UPDATE, 0) in updates
    assert (frames.WINDOW_UPDATE, 1) in updates


def test_sending_keeps_to_the_smaller_of_both_windows() -> None:
    made = opened()
    assert made.sendable(1) == frames.DEFAULT_WINDOW
    made.sent(1, 60_000, whole=True)
    assert made.sendable(1) == 5_535
    assert made.receive(frames.window_update(1, 10_000), 0) == [WindowOpened()]
    assert made.sendable(1) == 5_535
    made.receive(frames.window_update(0, 10_000), 0)
    assert made.sendable(1) == 15_535


def test_a_smaller_initial_window_may_make_a_stream_s_window_negative() -> None:
    made = opened()
    made.sent(1, 100, whole=True)
    made.receive(frames.settings({frames.INITIAL_WINDOW_SIZE: 1}), 0)
    assert made.sendable(1) == -99
    made.receive(frames.window_update(1, 100), 0)
    assert made.sendable(1) == 1
    made.receive(frames.settings({frames.INITIAL_WINDOW_SIZE: 11}), 0)
    assert made.sendable(1) == 11


def test_a_half_closed_stream_can_still_be_sent_to() -> None:
    made = connection()
    flags = frames.END_HEADERS | frames.END_STREAM
    assert made.receive(frame(frames.HEADERS, flags, 1, BLOCK), 0)[0] == Request(
        1, [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")], ended=True
    )
    made.receive(frame(frames.PRIORITY, 0, 1, bytes(5)) + frames.window_update(1, 10), 0)
    assert made.sendable(1) == frames.DEFAULT_WINDOW
    made.send_headers(1, b"\x88", end=True)
    assert made.sendable(1) == 0


def flood(octets: bytes, times: int = 1_000, **limits: float) -> int:
    """After how many of them the connection is cut."""
    made = opened(**limits)
    for number in range(times):
        try:
            made.receive(octets, 0)
        except ConnectionFailed as failure:
            assert failure.code == ErrorCode.ENHANCE_YOUR_CALM  # noqa: PT017 - the number is the result
            return number
        made.outgoing()
    return times


@pytest.mark.parametrize(
    "octets",
    [
        frame(frames.PING, 0, 0, bytes(8)),
        frames.settings({}),
        frame(frames.SETTINGS, frames.ACK, 0),
        frame(frames.DATA, 0, 1),
        frame(frames.DATA, frames.PADDED, 1, b"\x03\0\0\0"),
        frame(frames.PRIORITY, 0, 1, bytes(5)),
        frame(frames.PRIORITY, 0, 7, bytes(5)),
        frames.window_update(0, 1),
        frames.window_update(1, 1),
        frame(0x77, 0, 0, b"unknown"),
        frame(frames.GOAWAY, 0, 0, bytes(8)),
        frame(frames.RST_STREAM, 0, 1, bytes(4)),
    ],
)
def test_a_flood_of_useless_frames_is_cut(octets: bytes) -> None:
    assert flood(octets) <= Limits().nuisance_burst


def test_rapid_reset_is_cut_before_500_streams() -> None:
    streams = (
        frame(frames.HEADERS, frames.END_HEADERS, stream_id, BLOCK)
        + frames.reset(stream_id, ErrorCode.CANCEL)
        for stream_id in range(1, 1_001, 2)
    )
    with pytest.raises(ConnectionFailed) as failed:
        connection().receive(b"".join(streams), 0)
    assert failed.value.code == ErrorCode.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("fragment", [b"", bytes(10)], ids=["empty", "ten octets"])
def test_a_header_block_in_too_many_pieces_is_cut(fragment: bytes) -> None:
    made = connection()
    pieces = frame(frames.CONTINUATION, 0, 1, fragment) * (Limits().continuations + 1)
    with pytest.raises(ConnectionFailed) as failed:
        made.receive(frame(frames.HEADERS, 0, 1, BLOCK) + pieces, 0)
    assert failed.value.code == ErrorCode.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    "block",
    [
        BLOCK + b"\0\x01a\x7f\x81\x7f" + bytes(16_512),
        BLOCK + b"\x40\x01a\x7e" + b"x" * 126 + b"\xbe" * 1_000,
    ],
    ids=["long", "HPACK bomb"],
)
def test_a_huge_header_list_is_cut(block: bytes) -> None:
    octets = frame(frames.HEADERS, 0, 1, block[:16_000])
    octets += frame(frames.CONTINUATION, frames.END_HEADERS, 1, block[16_000:])
    with pytest.raises(ConnectionFailed) as failed:
        connection().receive(octets, 0)
    assert failed.value.code == ErrorCode.ENHANCE_YOUR_CALM


def test_keepalive_pings_of_an_idle_day_are_no_flood() -> None:
    made = opened()
    for minute in range(24 * 60):
        made.receive(frame(frames.PING, 0, 0, bytes(8)) * 4, minute * 60)
        made.outgoing()


def test_a_peer_that_is_sent_much_may_answer_with_many_frames() -> None:
    made = opened()
    for _ in range(2_000):
        made.sent(1, 16_000, whole=True)
        made.receive(frames.window_update(0, 16_000) + frames.window_update(1, 16_000), 0)
        made.receive(frame(frames.PING, 0, 0, bytes(8)), 0)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ([(b"Upper", b"x")], "name"),
        ([(b"", b"x")], "name"),
        ([(b"a b", b"x")], "name"),
        ([(b"a", b"x\r\ny: z")], "value"),
        ([(b"a", b" x")], "value"),
        ([(b"connection", b"close")], "connection-specific"),
        ([(b"te", b"gzip")], "connection-specific"),
        ([(b":path", b"/again")], "pseudo"),
        ([(b":status", b"200")], "pseudo"),
        ([(b"a", b"x"), (b":authority", b"h")], "pseudo"),
    ],
)
def test_malformed_headers_are_found(extra: Sequence[tuple[bytes, bytes]], message: str) -> None:
    good = [(name.encode(), value.encode()) for name, value in GET]
    assert problem([*good, (b"te", b"trailers")]) == ""
    assert message in problem([*good, *extra])


def test_connect_needs_an_authority_and_nothing_else() -> None:
    assert problem([(b":method", b"CONNECT"), (b":authority", b"h:1")]) == ""
    assert problem([(b":method", b"CONNECT"), (b":scheme", b"http")]) != ""


def test_a_budget_refills_with_time_and_never_above_its_size() -> None:
    budget = Budget(10, 1)
    assert budget.spend(10, 0)
    assert not budget.spend(1, 0)
    assert budget.spend(5, 6)
    assert budget.spend(10, 1_000)
    assert not budget.spend(1, 1_000)


def test_reserved_room_is_out_of_both_windows_until_it_is_given_back() -> None:
    made = opened()
    before = made.sendable(1)
    reserved = made.reserve(1, 1_000)
    assert reserved == 1_000
    assert made.sendable(1) == before - 1_000
    made.settle(1, unused=400, messages=3, octets=0)
    assert made.sendable(1) == before - 600


def test_not_more_than_half_of_a_window_is_reserved_and_nothing_for_a_stream_that_is_gone() -> None:
    made = opened()
    assert made.reserve(1, 10**9) == frames.DEFAULT_WINDOW // 2
    assert made.reserve(3, 1) == 0


def test_data_recognised_elsewhere_reopens_the_windows_like_any() -> None:
    made = opened()
    made.outgoing()
    for _ in range(2 * Limits().receive_window // 1_000):
        made.settle(1, unused=0, messages=1, octets=1_000)
    assert set(kinds(made.outgoing())) == {(frames.WINDOW_UPDATE, 0), (frames.WINDOW_UPDATE, 1)}


def test_a_frame_or_a_block_that_is_not_whole_is_noticed() -> None:
    made = opened()
    assert made.between(1)
    made.receive(frames.frame(frames.DATA, 0, 1, b"abc")[:7], 0.0)
    assert not made.between(1)
