"""Lines reach their server in order, wait for it within bounds, and are counted where they cannot."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from sekisho.agent import log_carrier
from sekisho.agent.log_carrier import LogCarrier
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.protos import message

HOST = "127.0.0.1"


def records(port: int, *texts: str, address: str = HOST) -> bytes:
    request = message("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")()
    group = request.resource_logs.add()
    for key, value in (("address", address), ("port", str(port)), ("omit-empty", "")):
        group.resource.attributes.add(key=key, value={"string_value": value})
    found = group.scope_logs.add()
    for text in texts:
        found.log_records.add(body={"string_value": text})
    return bytes(request.SerializeToString())


async def until(condition: Callable[[], bool], what: str) -> None:
    async def look() -> bool:
        return condition()

    await eventually(look, what=what)


class LogServer:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.port = free_port()
        self.received = b""
        self.connections = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """It leaves politely at the end, and the carrier has seen that when the block is over."""
        writers: list[asyncio.StreamWriter] = []
        left = asyncio.Event()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            writers.append(writer)
            while part := await reader.read(1 << 16):
                self.received += part
            writer.close()
            left.set()

        server = await asyncio.start_server(take, HOST, self.port)
        try:
            yield
        finally:
            server.close()
            for writer in writers:
                writer.write_eof()
                await left.wait()

    async def has(self, *texts: str) -> None:
        wanted = "".join(f"{text}\n" for text in texts).encode()
        await until(lambda: self.received == wanted, f"{wanted!r}, not {self.received!r}")


@asynccontextmanager
async def carrying() -> AsyncIterator[LogCarrier]:
    carrier = LogCarrier("workload/shop/a", clock=SystemClock(), random=lambda: 0.0)
    async with background(carrier.run(), name="carrier"):
        await asyncio.sleep(0)
        yield carrier


async def test_lines_come_in_order_over_one_connection() -> None:
    server = LogServer()
    async with server.serving(), carrying() as carrier:
        for number in range(3):
            carrier.take(records(server.port, f"a{number}", f"b{number}"))
        await server.has("a0", "b0", "a1", "b1", "a2", "b2")
        carrier.take(records(server.port, "c"))
        await server.has("a0", "b0", "a1", "b1", "a2", "b2", "c")
        assert server.connections == 1
        assert carrier.dropped == 0


async def test_they_wait_for_a_server_that_is_not_there_yet_or_comes_again() -> None:
    server = LogServer()
    async with carrying() as carrier:
        carrier.take(records(server.port, "early"))
        async with server.serving():
            await server.has("early")
        carrier.take(records(server.port, "late"))
        async with server.serving():
            await server.has("early", "late")
        assert carrier.dropped == 0


async def test_what_has_no_room_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_carrier, "MOST_BYTES", 4)
    server = LogServer()
    async with carrying() as carrier:
        carrier.take(records(server.port, "a", "b", "c", "d"))
        assert carrier.dropped == 2
        async with server.serving():
            await server.has("a", "b")


async def test_a_server_too_many_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_carrier, "MOST_SERVERS", 1)
    async with carrying() as carrier:
        carrier.take(records(free_port(), "a"))
        carrier.take(records(free_port(), "b"))
        assert carrier.dropped == 1


async def test_a_server_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_carrier, "GIVE_UP", 0.2)
    async with carrying() as carrier:
        carrier.take(records(free_port(), "a", "b"))
        await until(lambda: carrier.dropped == 2, "both are dropped")


async def test_no_line_goes_to_a_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may lead there; what counts is where the connection went."""
    monkeypatch.setattr(log_carrier, "no_backend", lambda address: "is refused" if address == HOST else "")
    monkeypatch.setattr(log_carrier, "GIVE_UP", 0.2)
    server = LogServer()
    async with server.serving(), carrying() as carrier:
        carrier.take(records(server.port, "secret", address="localhost"))
        await until(lambda: carrier.dropped == 1, "it is dropped")
        assert server.received == b""


async def test_what_is_no_record_harms_nothing() -> None:
    server = LogServer()
    async with server.serving(), carrying() as carrier:
        carrier.take(b"\xff\xff")
        carrier.take(records(server.port, "a"))
        await server.has("a")
