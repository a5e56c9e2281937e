"""Bounds on what a request, a user and all together may take; bombs."""

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator

import httpx2
import pytest

from sekisho.api import Limits, User
from sekisho.api.errors import ApiError
from sekisho.api.limits import Gate, Rates

from .harness import ROUTES, Api, Factory, route

DEEP_OBJECT = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
ALIASES = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 9)) for letter in range(98, 108)
)
BOMBS = [
    pytest.param(b"x" * (10 << 20), "application/json", 413, id="10 MiB"),
    pytest.param(b"x: y\n" * (1 << 17), "application/yaml", 413, id="131,072 lines of YAML"),
    pytest.param(DEEP_OBJECT, "application/json", 400, id="10,000 objects deep"),
    pytest.param(b"[" * 10_000 + b"]" * 10_000, "application/json", 400, id="10,000 lists deep"),
    pytest.param(b"[" * 1_000_000, "application/json", 400, id="a million brackets"),
    pytest.param(b"[" * 10_000, "application/yaml", 400, id="10,000 lists deep in YAML"),
    pytest.param(ALIASES, "application/yaml", 400, id="alias bomb"),
    pytest.param(b"a: &x [*x]", "application/yaml", 400, id="alias of itself"),
    pytest.param(
        b"a: &x " + b"y" * 100_000 + b"\nb: [" + b"*x," * 90 + b"]", "application/yaml", 413, id="long alias"
    ),
    pytest.param(b"!!python/object/apply:os.system ['true']", "application/yaml", 400, id="tag"),
    pytest.param(b"a: 1\n---\nb: 2\n", "application/yaml", 400, id="two documents"),
    pytest.param(b'{"kind":"HTTPRoute","kind":"Gateway"}', "application/json", 400, id="duplicate key"),
    pytest.param(b"a: 1\na: 2\n", "application/yaml", 400, id="duplicate key in YAML"),
    pytest.param(b'{"a":NaN}', "application/json", 400, id="NaN"),
    pytest.param(b'{"a":' + b"9" * 100_000 + b"}", "application/json", 400, id="a number of 100,000 digits"),
    pytest.param(b'{"a":"\\ud800"}', "application/json", 400, id="half a character"),
    pytest.param(b'"\xff"', "application/json", 400, id="not UTF-8"),
    pytest.param(b"a: \xff", "application/yaml", 400, id="not UTF-8 in YAML"),
    pytest.param(b"", "application/json", 400, id="nothing"),
    pytest.param(b"[]", "application/json", 400, id="a list"),
    pytest.param(b"k8s\x00\xff\xff\xff", "application/vnd.kubernetes.protobuf", 400, id="broken protobuf"),
    pytest.param(b"<a/>", "application/xml", 415, id="XML"),
]


@pytest.mark.parametrize(("body", "content_type", "code"), BOMBS)
async def test_a_bomb_is_refused_fast_and_without_memory(
    api: Api, body: bytes, content_type: str, code: int
) -> None:
    await api.call("POST", ROUTES, b"x: y", content_type="application/yaml")  # modules are loaded
    tracemalloc.start()
    began = time.process_time()
    try:
        await api.refused(code, "POST", ROUTES, body, content_type=content_type)
        spent = time.process_time() - began
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert spent < 0.3, "100 ms without tracemalloc, which makes everything three times slower"
    assert peak < len(body) + (16 << 20)


async def test_a_compressed_body_is_refused_unread(api: Api) -> None:
    body = gzip.compress(json.dumps(route()).encode())
    await api.refused(415, "POST", ROUTES, body, content_encoding="gzip")


async def test_a_declared_size_over_the_limit_is_refused_unread(api: Api) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        raise AssertionError("the body was read")

    async def send(message: object) -> None:
        sent.append(message)

    headers = [(b"content-length", b"99999999"), (b"authorization", b"Bearer admin-token")]
    scope = {"type": "http", "method": "POST", "path": ROUTES, "query_string": b"", "headers": headers}
    await api.app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 413  # type: ignore[index]


async def test_a_body_that_does_not_arrive_is_given_up(make_api: Factory) -> None:
    api = make_api(Limits(body_seconds=0.01))
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer admin-token")]
    scope = {"type": "http", "method": "POST", "path": ROUTES, "query_string": b"", "headers": headers}
    await api.app(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 408  # type: ignore[index]


async def test_a_user_over_its_rate_waits_and_an_admin_never(make_api: Factory) -> None:
    api = make_api(Limits(rates={"reader": 2.0}, burst_seconds=1.0))
    await api.ok("GET", ROUTES, user="reader")
    await api.ok("GET", ROUTES, user="reader")
    answer = await api.call("GET", ROUTES, user="reader")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["details"]["retryAfterSeconds"] == 1
    api.clock.advance(0.5)
    await api.ok("GET", ROUTES, user="reader")
    for _ in range(10):
        await api.ok("GET", ROUTES)


def test_one_user_does_not_use_up_another_ones_rate() -> None:
    rates = Rates(Limits(rates={"reader": 1.0}, burst_seconds=1.0), lambda: 0.0)
    first, second = (User(name, frozenset({"reader"})) for name in ("first", "second"))
    rates.take(first)
    with pytest.raises(ApiError):
        rates.take(first)
    rates.take(second)


def test_a_gate_refuses_beyond_its_bound_and_opens_again() -> None:
    gate = Gate(1)
    with gate:
        with pytest.raises(ApiError) as refused, gate:
            pass
        assert refused.value.code == 429
    with gate:
        assert gate.inside == 1


async def test_too_many_watches_are_refused(make_api: Factory) -> None:
    api = make_api(Limits(watches=0))
    async with api.watch(f"{ROUTES}?watch=1") as stream:
        event = await stream.next()
        assert stream.status == 429
        assert event is not None
        assert event["reason"] == "TooManyRequests"


async def test_one_user_cannot_take_every_watch(make_api: Factory) -> None:
    api = make_api(Limits(user_watches=1))
    await api.app.start()
    url = f"{ROUTES}?watch=1&allowWatchBookmarks=true&sendInitialEvents=true"
    async with api.watch(url, user="reader") as first:
        assert (await first.next() or {})["type"] == "BOOKMARK"
        async with api.watch(url, user="reader") as second:
            assert (await second.next() or {})["code"] == 429
        async with api.watch(url) as third, api.watch(url) as fourth:
            for admins in (third, fourth):
                assert (await admins.next() or {})["type"] == "BOOKMARK"
    async with api.watch(url, user="reader") as again:
        assert (await again.next() or {})["type"] == "BOOKMARK"


async def test_one_user_cannot_take_every_place(make_api: Factory) -> None:
    """A reader's bodies may come slowly; an admin is let in beside them."""
    api = make_api(Limits(user_at_once=2))
    await api.app.start()
    sent = asyncio.Event()
    inside = asyncio.Semaphore(0)

    async def slow() -> AsyncIterator[bytes]:
        inside.release()
        await sent.wait()
        yield b"{}"

    where = "/apis/sekisho.dev/v1alpha1/certificaterequests"
    headers = {"authorization": "Bearer agent-token", "content-type": "application/json"}
    transport = httpx2.ASGITransport(app=api.app)
    async with (
        httpx2.AsyncClient(transport=transport, base_url="https://api.test") as client,
        asyncio.timeout(60),
        asyncio.TaskGroup() as group,
    ):
        calls = [group.create_task(client.post(where, content=slow(), headers=headers)) for _ in range(2)]
        for _ in calls:
            await inside.acquire()
        await api.refused(429, "POST", where, {}, user="agent")
        await api.ok("GET", ROUTES)
        sent.set()
    assert [call.result().status_code for call in calls] == [201, 201]
    await api.ok("POST", where, {}, user="agent")
