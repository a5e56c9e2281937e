"""Pods of the conformance harness: what they answer, and over which protocols."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import hpack
import pytest
from conformance.cluster import http1, http2
from conformance.cluster.echo import Answer, Pod, Request, Reset, seconds
from conformance.cluster.programs import Serve, listen


def request(target: str, **headers: str) -> Request:
    sent = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return Request(method="GET", target=target, protocol="HTTP/1.1", host="a.example.com", headers=sent)


def pod() -> Pod:
    return Pod(name="infra-backend-v1-0123456789-abcd0", namespace="infra")


def answered(target: str, **headers: str) -> Answer:
    answer = pod().answer(request(target, **headers), "127.0.0.1:1")
    assert isinstance(answer, Answer)
    return answer


def test_a_request_is_told_as_json() -> None:
    told = json.loads(answered("/a?b=c", X_Tea="oolong").body)
    assert told["path"] == "/a?b=c"
    assert told["headers"] == {"X-Tea": ["oolong"]}
    assert (told["pod"], told["namespace"]) == ("infra-backend-v1-0123456789-abcd0", "infra")


def test_headers_that_were_asked_for_are_set_and_joined() -> None:
    answer = answered("/", X_Echo_Set_Header="X-A:1, X-B:2,X-A: 3")
    assert answer.headers[1:] == (("X-A", "1,3"), ("X-B", "2"))


def test_a_status_and_a_delay_can_be_asked_for() -> None:
    assert answered("/status/418").status == 418
    assert answered("/?delay=250ms").delay == 0.25


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0), ("1s", 1), ("1.5s", 1.5), ("20ms", 0.02), ("2m", 120)]
)
def test_durations_are_gos(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("more", "failure"),
    [("", Reset(delay=0)), ("&responseCode=503&delayRetry=1s", Answer(status=503, delay=1))],
)
def test_a_retried_request_succeeds_after_as_many_failures_as_asked_for(
    more: str, failure: Answer | Reset
) -> None:
    flaky, target = pod(), f"/retry/a?uuid=1&succeedAfter=2{more}"
    answers = [flaky.answer(request(target), "127.0.0.1:1") for _ in range(3)]
    assert answers[:2] == [failure, failure]
    assert isinstance(answers[2], Answer)
    assert answers[2].status == 200


def test_the_log_says_who_was_echoed_and_when() -> None:
    logged, before = pod(), datetime.now(UTC)
    logged.answer(request("/mirror?a=b"), "127.0.0.1:1")
    logged.answer(request("/status/503"), "127.0.0.1:1")
    ((when, line),) = logged.log
    assert before <= when <= datetime.now(UTC)
    assert line == "Echoing back request made to /mirror?a=b to client (127.0.0.1:1)"


@asynccontextmanager
async def connected(serve: Serve) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with await listen(pod(), ("127.0.0.1", 0), serve) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()


async def read_http1(reader: asyncio.StreamReader) -> Any:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(line for line in head.split("\r\n") if line.startswith("Content-Length"))
    return json.loads(await reader.readexactly(int(length.partition(":")[2])))


async def test_a_connection_takes_one_request_after_the_other_with_and_without_a_body() -> None:
    async with connected(http1.serve) as (reader, writer):
        for sent in (
            b"Content-Length: 3\r\n\r\nabc",
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"\r\n",
        ):
            writer.write(b"POST /a HTTP/1.1\r\nhost: b.example.com\r\n" + sent)
            told = await read_http1(reader)
            assert (told["method"], told["host"], told["proto"]) == ("POST", "b.example.com", "HTTP/1.1")


async def test_a_reset_is_a_reset() -> None:
    async with connected(http1.serve) as (reader, writer):
        writer.write(b"GET /retry/a?uuid=1&succeedAfter=1 HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_websocket_returns_frames_of_every_length() -> None:
    """The key and its answer are those of RFC 6455, 1.3."""
    async with connected(http1.serve) as (reader, writer):
        writer.write(b"GET /ws HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"101 Switching Protocols" in head
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        mask = b"\x01\x02\x03\x04"
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(b"tea" * 100))
        writer.write(b"\x81\x83" + mask + masked[:3])
        assert await reader.readexactly(5) == b"\x81\x03tea"
        writer.write(b"\x82\xfe\x01\x2c" + mask + masked)
        assert await reader.readexactly(304) == b"\x82\x7e\x01\x2c" + b"tea" * 100


async def test_http2_is_answered_with_prior_knowledge() -> None:
    async with connected(http2.serve) as (reader, writer):
        fields = [(":method", "GET"), (":path", "/a"), (":scheme", "http"), (":authority", "b.example.com")]
        block = hpack.Encoder().encode(fields)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        writer.write(bytes([0, 0, len(block), 1, 5, 0, 0, 0, 1]) + block)
        frames: dict[int, bytes] = {}
        while 0 not in frames:  # DATA is the last one
            head = await reader.readexactly(9)
            frames[head[3]] = await reader.readexactly(int.from_bytes(head[:3]))
        assert dict(hpack.Decoder().decode(frames[1]))[":status"] == "200"
        assert json.loads(frames[0])["proto"] == "HTTP/2.0"
