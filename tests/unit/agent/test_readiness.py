"""Probes against real applications, what is made of them, and how it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import grpc
import pytest
from tests.kit.clock import FakeClock
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from sekisho.agent.probes import Unhealthy, look
from sekisho.agent.readiness import DRAINING, Readiness, Reporting, verdicts
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.identity.rotation import Unavailable
from sekisho.ir.agent import GrpcProbe, HttpProbe, Probe, TcpProbe

HERE = "127.0.0.1"
GOOD = Readiness(ready=True, reason="ProbeSucceeded")


class Application:
    """An HTTP server whose answer a test changes."""

    def __init__(self) -> None:
        self.port = free_port()
        self.answer = b"HTTP/1.1 200 OK\r\n\r\n"
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            if not self.answer:
                await reader.read()
        except EOFError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def application() -> AsyncIterator[Application]:
    made = Application()
    server = await asyncio.start_server(made.serve, HERE, made.port)
    try:
        yield made
    finally:
        server.close()


def probe(handler: HttpProbe | TcpProbe | GrpcProbe, **more: float) -> Probe:
    return Probe(handler=handler, **{"timeout": 0.3, "period": 1.0, **more})


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 399 x\r\n\r\n", True),
        (b"HTTP/1.1 400 no\r\n\r\n", False),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        (b"HTTP/1.1 nonsense\r\n\r\n", False),
        (b"SSH-2.0\r\n", False),
        (b"", False),
    ],
)
async def test_http_passes_from_200_to_399(answer: bytes, good: bool) -> None:
    async with application() as app:
        app.answer = answer
        looking = look(probe(HttpProbe(port=app.port, path="/ready?x=1", headers=(("X-A", "b"),))), HERE)
        if good:
            await looking
        else:
            with pytest.raises(Unhealthy):
                await looking
        head = app.heard[0].decode()
    assert head.startswith("GET /ready?x=1 HTTP/1.1\r\n")
    assert f"host: {HERE}:{app.port}\r\n" in head
    assert "x-a: b\r\n" in head


async def test_tcp_passes_when_the_connection_is_taken() -> None:
    async with application() as app:
        await look(probe(TcpProbe(port=app.port)), HERE)
    with pytest.raises(Unhealthy, match=f"port {app.port}"):
        await look(probe(TcpProbe(port=app.port)), HERE)


@pytest.mark.parametrize(("status", "good"), [(b"\x08\x01", True), (b"\x08\x02", False), (b"", False)])
async def test_grpc_passes_when_it_is_serving(status: bytes, good: bool) -> None:
    asked: list[bytes] = []

    async def check(request: bytes, _: object) -> bytes:
        asked.append(request)
        return status

    server, port = grpc.aio.server(), free_port()
    handler = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler})]
    )
    server.add_insecure_port(f"{HERE}:{port}")
    await server.start()
    try:
        looking = look(probe(GrpcProbe(port=port, service="s" * 200), timeout=5.0), HERE)
        if good:
            await looking
        else:
            with pytest.raises(Unhealthy, match="SERVING"):
                await looking
    finally:
        await server.stop(0)
    assert asked == [b"\x0a\xc8\x01" + b"s" * 200]  # field 1, a length of 200 as a varint


async def test_it_takes_so_many_failures_in_a_row_to_become_unready() -> None:
    clock = FakeClock()
    async with application() as app:
        found: list[Readiness] = []
        wanted = probe(HttpProbe(port=app.port), failures=3, successes=2, timeout=5.0)

        async def follow() -> None:
            async with aclosing(verdicts(wanted, HERE, clock)) as said:
                async for each in said:
                    found.append(each)  # noqa: PERF401  it never ends

        async def turn(answer: bytes) -> None:
            app.answer, before = answer, len(app.heard)

            async def waits_after_a_look() -> bool:
                return len(app.heard) > before and clock.sleeping == 1

            clock.advance(1.0)
            await eventually(waits_after_a_look, what="one more look")

        good, bad = b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 500 no\r\n\r\n"
        async with background(follow(), name="probe"):
            await eventually(lambda: _waiting(clock), what="the first look")
            assert [each.reason for each in found] == ["ProbePending"]  # one of two successes
            for answer, said in (
                (good, [False, True]),
                (bad, [False, True]),
                (bad, [False, True]),
                (good, [False, True]),  # not in a row
                (bad, [False, True]),
                (bad, [False, True]),
                (bad, [False, True, False]),
                (good, [False, True, False]),
                (good, [False, True, False, True]),
            ):
                await turn(answer)
                assert [each.ready for each in found] == said
        assert "500" in found[2].message


async def _waiting(clock: FakeClock) -> bool:
    return clock.sleeping == 1


class Reporter:
    """A control plane that can be away."""

    def __init__(self) -> None:
        self.heard: list[Readiness] = []
        self.away = False
        self.attempts = 0

    async def report(self, proxy: str, readiness: Readiness) -> None:
        assert proxy == "workload/shop/cart"
        self.attempts += 1
        if self.away:
            raise Unavailable("away")
        self.heard.append(readiness)


@pytest.fixture
def reporter() -> Reporter:
    return Reporter()


def reporting(reporter: Reporter) -> Reporting:
    return Reporting("workload/shop/cart", reporter, clock=SystemClock(), random=lambda: 0.0)


async def test_a_change_is_told_once_and_after_an_absence_only_the_newest(reporter: Reporter) -> None:
    made, bad = reporting(reporter), Readiness(ready=False, reason="ProbeFailed")
    async with background(made.run(), name="reporting"):
        made.tell(GOOD)
        await eventually(lambda: _heard(reporter, 1), what="the first word")
        reporter.away = True
        made.tell(bad)
        await eventually(lambda: _attempted(reporter, 3), what="attempts")
        made.tell(Readiness(ready=False, reason="ProbeFailed", message="newest"))
        reporter.away = False
        await eventually(lambda: _heard(reporter, 2), what="the newest")
    assert [each.message for each in reporter.heard] == ["", "newest"]


async def test_who_drains_says_nothing_else_any_more(reporter: Reporter) -> None:
    made, last = reporting(reporter), Readiness(ready=False, reason=DRAINING)
    async with background(made.run(), name="reporting"):
        assert await made.last(last, within=60)
        made.tell(GOOD)
        await asyncio.sleep(0)
    assert set(reporter.heard) == {last}
    reporter.away = True
    assert not await reporting(reporter).last(last, within=0.2)


async def _heard(reporter: Reporter, number: int) -> bool:
    return len(reporter.heard) >= number


async def _attempted(reporter: Reporter, number: int) -> bool:
    return reporter.attempts >= number
