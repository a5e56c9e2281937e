"""Limits of time and size on real sockets, while an honest client goes on."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.kit.ads_client import AdsStream
from tests.kit.pki import TestAuthority
from tests.kit.wait import eventually
from tests.kit.xds import Response, changes, request

from sekisho.xds import frames
from sekisho.xds.frames import ErrorCode, frame
from sekisho.xds.limits import Limits
from sekisho.xds.rpc import METHOD, _literal
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import server_context
from sekisho.xds.types import CLUSTER, Blob, Name
from sekisho.xds.view import View
from sekisho.xds.wire import length_prefixed

QUICK = Limits(handshake=0.4, first_request=0.4, keepalive=0.4, keepalive_answer=0.3, stuck=1.0)
ANSWERED = replace(QUICK, keepalive_answer=20.0)
"""For clients that answer, on a machine that may be busy."""
HELLO = frames.PREFACE + frames.settings({})
CALL = b"".join(
    _literal(name, value)
    for name, value in [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", METHOD.encode()),
        (b"content-type", b"application/grpc"),
    ]
)
OPEN = HELLO + frame(frames.HEADERS, frames.END_HEADERS, 1, CALL)
ASK = frame(frames.DATA, 0, 1, length_prefixed(request("cds", node="raw").SerializeToString()))


class World:
    def __init__(self, server: AdsServer, path: Path, port: int) -> None:
        self.server, self.path, self.port = server, path, port
        self.view = View("v")


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """With limits that are QUICK unless a test names others."""
    authority = TestAuthority()
    server = AdsServer(lambda _peer, _node: [world.view], limits=getattr(request, "param", QUICK))
    context = server_context(
        *authority.leaf(dns=["localhost"]).write(tmp_path, "s"), authority.certificate.decode()
    )
    path = tmp_path / "ads.sock"
    await server.listen_unix(path)
    world = World(server, path, await server.listen_tls("127.0.0.1", 0, lambda: context))
    try:
        async with asyncio.timeout(60):
            yield world
    finally:
        await server.drain(1)


async def read_until_closed(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server hangs up."""
    heard = b""
    try:
        async with asyncio.timeout(60):
            while data := await reader.read(65_536):
                heard += data
    except (ConnectionError, ssl.SSLError):
        pass
    return heard


async def cut(world: World, octets: bytes, *, tls: bool = False) -> bytes:
    """Sends, and listens until the connection is cut."""
    if tls:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    else:
        reader, writer = await asyncio.open_unix_connection(world.path)
    try:
        writer.write(octets)
        return await read_until_closed(reader)
    finally:
        writer.close()


async def test_a_client_that_never_finishes_its_handshake_is_cut(world: World) -> None:
    assert await cut(world, b"", tls=True) == b""
    assert await cut(world, b"\x16\x03\x01\x02\x00", tls=True) == b""


async def test_one_source_holds_so_many_handshakes_and_no_more(tmp_path: Path) -> None:
    """Each is some 50 KB for whoever has no certificate."""
    authority = TestAuthority()
    files = authority.leaf(dns=["localhost"]).write(tmp_path, "s")
    context = server_context(*files, authority.certificate.decode())
    server = AdsServer(lambda _peer, _node: [View("v")], limits=replace(QUICK, handshake=2.0, strangers=2))
    port = await server.listen_tls("127.0.0.1", 0, lambda: context)
    try:
        async with asyncio.timeout(60):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            one_more, its_writer = await asyncio.open_connection("127.0.0.1", port)
            assert await read_until_closed(one_more) == b""
            its_writer.close()
            assert not any(reader.at_eof() for reader, _ in held)
            for reader, writer in held:
                await read_until_closed(reader)
                writer.close()
            assert not await cut_at_once(port), "the places are free again"
    finally:
        await server.drain(1)


async def cut_at_once(port: int) -> bool:
    """Whether a connection is cut long before its time for the handshake is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(0.3):
            return await reader.read(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        writer.close()


async def test_plain_text_to_the_tls_port_gets_an_alert_and_no_http(world: World) -> None:
    heard = await cut(world, HELLO, tls=True)
    assert len(heard) <= 7
    assert heard[:1] in (b"", b"\x15")


@pytest.mark.parametrize("octets", [b"", HELLO[:10], HELLO, OPEN, OPEN + ASK[:20]])
async def test_a_client_that_never_makes_its_first_request_is_cut(world: World, octets: bytes) -> None:
    await cut(world, octets)
    assert not world.view.members


async def test_something_else_than_http2_is_cut_at_once(world: World) -> None:
    heard = await cut(world, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert heard.endswith(b"no HTTP/2 preface")


async def test_a_silent_client_is_pinged_and_cut_when_it_does_not_answer(world: World) -> None:
    ack = frame(frames.DATA, 0, 1, length_prefixed(request("cds", nonce="0.0").SerializeToString()))
    heard = await cut(world, OPEN + ASK + ack)
    assert frame(frames.PING, 0, 0, b"sekisho\0") in heard

    async def gone() -> bool:
        return not world.view.members

    await eventually(gone, what="the half-open stream is forgotten")


async def test_a_client_that_does_not_read_is_cut_and_what_waited_is_freed(world: World) -> None:
    world.view.commit({Name(CLUSTER, f"c{index}"): Blob("1", bytes(2_000)) for index in range(4_000)})
    reader, writer = await asyncio.open_unix_connection(world.path)
    try:
        wide = frames.settings({frames.INITIAL_WINDOW_SIZE: 2**30}) + frames.window_update(0, 2**30)
        writer.write(OPEN + wide + ASK)

        async def cut_off() -> bool:
            return world.server.connections == 0

        await eventually(cut_off, what="the slow reader is cut")
    finally:
        writer.close()
        reader.feed_eof()


@pytest.mark.parametrize("world", [ANSWERED], indirect=True, ids=["it answers"])
async def test_a_client_that_never_opens_its_window_is_cut(world: World) -> None:
    world.view.commit({Name(CLUSTER, f"c{index}"): Blob("1", bytes(2_000)) for index in range(400)})
    reader, writer = await asyncio.open_unix_connection(world.path)
    try:
        writer.write(OPEN + ASK)
        pings = 0
        while data := await reader.read(65_536):
            if frame(frames.PING, 0, 0, b"sekisho\0") in data:
                pings += 1
                writer.write(frame(frames.PING, frames.ACK, 0, b"sekisho\0"))
        assert world.server.connections == 0
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.mark.parametrize("world", [ANSWERED], indirect=True, ids=["it answers"])
async def test_a_proxy_that_never_answers_a_response_loses_its_stream(world: World) -> None:
    reader, writer = await asyncio.open_unix_connection(world.path)
    try:
        writer.write(OPEN + ASK)
        heard = b""
        while b"no answer" not in heard:
            data = await reader.read(65_536)
            assert data, "cut without a status"
            heard += data
            if frame(frames.PING, 0, 0, b"sekisho\0") in data:
                writer.write(frame(frames.PING, frames.ACK, 0, b"sekisho\0"))
    finally:
        writer.close()
    assert b"grpc-status\x014" in heard


def header_flood() -> bytes:
    """A header block that never ends."""
    return HELLO + frame(frames.HEADERS, 0, 1, CALL) + frame(frames.CONTINUATION, 0, 1, b"") * 1_000


def rapid_reset() -> bytes:
    """Streams opened and reset."""
    pairs = (
        frame(frames.HEADERS, frames.END_HEADERS, stream_id, CALL) + frames.reset(stream_id, ErrorCode.CANCEL)
        for stream_id in range(1, 2_001, 2)
    )
    return HELLO + b"".join(pairs)


FLOODS: dict[str, Callable[[], bytes]] = {
    "ping": lambda: OPEN + frame(frames.PING, 0, 0, bytes(8)) * 5_000,
    "settings": lambda: OPEN + frames.settings({}) * 5_000,
    "empty data": lambda: OPEN + frame(frames.DATA, 0, 1) * 5_000,
    "window": lambda: OPEN + frames.window_update(1, 1) * 5_000,
    "continuation": header_flood,
    "rapid reset": rapid_reset,
    "huge header": lambda: HELLO + frame(frames.HEADERS, 0, 1, CALL + b"\0\x01a\x7f\x81\x7f" + bytes(16_000))
    + frame(frames.CONTINUATION, frames.END_HEADERS, 1, bytes(1_000)),
    "huge frame": lambda: HELLO + b"\xff\xff\xff" + bytes(6) + bytes(100_000),
    "requests": lambda: OPEN + frame(
        frames.DATA, 0, 1, length_prefixed(request("cds", node="n").SerializeToString()) * 300
    ) * 100,
}  # fmt: skip


@pytest.mark.parametrize("world", [Limits()], indirect=True, ids=["usual limits"])
@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_is_cut_while_another_client_goes_on(world: World, kind: str) -> None:
    async with AdsStream.unix(world.path) as stream:
        responses = aiter(stream)

        async def next_response() -> Any:
            response = Response.FromString(await anext(responses))
            await stream.send(request("cds", nonce=response.nonce).SerializeToString())
            return response

        await stream.send(request("cds", node="honest").SerializeToString())
        await next_response()
        async with asyncio.TaskGroup() as group:
            flood = group.create_task(cut(world, FLOODS[kind]()))
            for version in range(20):
                world.view.commit(changes(cds=f"a@{version}"))
                async with asyncio.timeout(60):
                    assert (await next_response()).resources[0].version == str(version)
        heard = flood.result()
        assert len(heard) < 100_000
        assert [session.proxy for session in world.view.members if session.proxy != "n"] == ["honest"]  # type: ignore[attr-defined]


async def test_a_revoked_proxy_is_out_before_the_loop_turns_and_its_commits_go_to_nobody(
    world: World,
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(world.path))
    try:
        writer.write(OPEN + ASK)

        async def admitted() -> bool:
            return bool(world.view.members)

        await eventually(admitted, what="the session begins")
        assert world.server.disconnect(lambda _peer, node: node == "somebody else", "revoked") == 0
        assert world.view.members
        assert world.server.disconnect(lambda peer, node: (peer, node) == (None, "raw"), "revoked") == 1
        assert not world.view.members
        assert b"revoked" in await read_until_closed(reader)
    finally:
        writer.close()
