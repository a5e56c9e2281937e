"""Time limits, retries, and upgrades."""

import asyncio
import time
from uuid import uuid4

import pytest
from tests.kit.gateway import ORIGIN, Gateway, forward, route, share
from tests.kit.http import read_answer, request_bytes
from tests.kit.live_gateway import gateway as gateway  # noqa: PLC0414 - a fixture
from tests.kit.wait import eventually

from sekisho import envoy, ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({"request_timeout_ms": 100}, 504),
        ({"backend_timeout_ms": 100}, 504),
        ({"request_timeout_ms": 5000, "backend_timeout_ms": 100}, 504),
        ({"request_timeout_ms": 5000}, 200),
        ({"request_timeout_ms": 0}, 200),
        ({"request_timeout_ms": 0, "backend_timeout_ms": 0}, 200),
        ({"backend_timeout_ms": 5000}, 200),
        ({}, 200),
    ],
)
async def test_time_limits(gateway: Gateway, limits: dict[str, int], status: int) -> None:
    await gateway.serve(route(forward(**limits)), host="limit.test")
    assert (await gateway.get("/?delay=0.4s", host="limit.test")).status == status


async def test_the_limit_of_the_request_bounds_all_its_tries(gateway: Gateway) -> None:
    action = forward(
        request_timeout_ms=300, backend_timeout_ms=100, retry=ir.Retry(attempts=600, backoff_ms=1)
    )
    await gateway.serve(route(action), host="bound.test")
    started = time.monotonic()
    assert (await gateway.get("/?delay=2s", host="bound.test")).status == 504
    assert 0.25 < time.monotonic() - started < 30, "so many tries take a minute"


@pytest.mark.parametrize(
    ("retry", "query", "status"),
    [
        (ir.Retry(attempts=2, codes=(503,)), "succeedAfter=2&responseCode=503", 200),
        (ir.Retry(attempts=1, codes=(503,)), "succeedAfter=2&responseCode=503", 503),
        (ir.Retry(attempts=2, codes=(500,)), "succeedAfter=1&responseCode=503", 503),
        (ir.Retry(attempts=2), "succeedAfter=1&responseCode=503", 503),
        (ir.Retry(attempts=2), "succeedAfter=2", 200),
        (ir.Retry(attempts=1, codes=(503,)), "succeedAfter=1", 200),
        (None, "succeedAfter=1&responseCode=503", 503),
        (None, "succeedAfter=1", 503),
    ],
)
async def test_retries(gateway: Gateway, retry: ir.Retry | None, query: str, status: int) -> None:
    await gateway.serve(route(forward(retry=retry)), host="retry.test")
    assert (await gateway.get(f"/retry?uuid={uuid4()}&{query}", host="retry.test")).status == status


WITHOUT_BUDGET = ir.Limits(retry_budget=ir.RetryBudget(percent=0, interval_ms=1_000, least=0))
"""Nothing is ever tried again."""


@pytest.mark.parametrize(("host", "method"), [("exact.test", "GET"), ("exact.test", "HEAD"), ("*", "GET")])
async def test_who_is_not_tried_again_for_want_of_a_budget_gets_503_and_nothing_of_the_answer(
    gateway: Gateway, host: str, method: str
) -> None:
    await serve_without_budget(gateway, host)
    asked = host.replace("*", "any.test")
    answer = await gateway.get("/status/500", host=asked, method=method)
    assert (answer.status, answer.body, answer.header("content-length")) == (503, b"", "0")
    assert answer.header("content-type") is None
    answer = await gateway.get("/status/404", host=asked, method=method)
    assert (answer.status, answer.header("content-type")) == (404, "application/json")
    assert answer.header("x-sekisho-flags") is None


async def test_a_call_that_is_not_tried_again_for_want_of_a_budget_is_told_unavailable(
    gateway: Gateway,
) -> None:
    await serve_without_budget(gateway, "calls.test")
    said = [("X-Echo-Set-Header", "grpc-status:13")]
    answer = await gateway.get("/status/500", host="calls.test", headers=said)
    assert answer.header("grpc-status") == "14"


async def serve_without_budget(gateway: Gateway, host: str) -> None:
    name = "bounded"
    server = ir.Host("127.0.0.1", gateway.echoes["one"].port)
    gateway.ads.put(
        envoy.resource(
            envoy.cluster(ir.Cluster(name=name, hosts=(server,), limits=WITHOUT_BUDGET, origin=ORIGIN))
        )
    )
    await gateway.ads.settled()
    bounded = share(name, has_retry_budget=True)
    action = ir.Forward(shares=(bounded,), retry=ir.Retry(attempts=1, codes=(500,)))
    await gateway.serve(route(action), host=host)


async def test_a_try_that_took_too_long_is_tried_again(gateway: Gateway) -> None:
    action = forward(backend_timeout_ms=100, retry=ir.Retry(attempts=2, backoff_ms=1))
    await gateway.serve(route(action), host="slow.test")
    before = len(gateway.echoes["one"].received)
    assert (await gateway.get("/?delay=1s", host="slow.test")).status == 504

    async def tries() -> bool:  # the last may be read after the answer
        return len(gateway.echoes["one"].received) == before + 3

    await eventually(tries, what="three tries")


async def test_the_first_retry_waits_at_least_the_back_off(gateway: Gateway) -> None:
    """Envoy draws the pause from 0 to the base, so the sum over many tries is what can be seen."""
    action = forward(retry=ir.Retry(attempts=8, codes=(503,), backoff_ms=40))
    await gateway.serve(route(action), host="pause.test")
    started = time.monotonic()
    await gateway.get(f"/retry?uuid={uuid4()}&succeedAfter=99&responseCode=503", host="pause.test")
    assert time.monotonic() - started > 0.1


async def _upgrade(gateway: Gateway, host: str) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    headers = [
        ("host", host),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    writer.write(request_bytes("GET", "/ws", headers))
    return (await read_answer(reader)).status, reader, writer


async def test_a_websocket_is_let_through_and_outlives_the_limit_of_requests(gateway: Gateway) -> None:
    await gateway.serve(route(forward(request_timeout_ms=2000)), host="ws.test")
    status, reader, writer = await _upgrade(gateway, "ws.test")
    assert status == 101
    for _ in range(5):
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        await asyncio.sleep(0.5)  # together longer than the limit, which is the point
    writer.close()


async def test_a_websocket_is_refused_where_it_is_not_wanted(gateway: Gateway) -> None:
    await gateway.serve(route(forward(websocket=False)), host="no-ws.test")
    status, _, writer = await _upgrade(gateway, "no-ws.test")
    assert status == 403
    writer.close()
