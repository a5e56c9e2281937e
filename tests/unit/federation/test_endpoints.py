"""The endpoints at global: whoever calls, and whatever is sent."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from structlog.testing import capture_logs
from tests.kit.federation import bodies, name, put, zone, zone_service
from tests.kit.wait import eventually

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.federation import wire
from sekisho.federation.endpoints import LARGEST_BODY, Endpoints
from sekisho.federation.messages import Answer, Batch, Upload
from sekisho.federation.server import Federation
from sekisho.store import Store, open_memory


async def caller(request: Request) -> str:
    """Named by a header here; in life by the certificate."""
    return str(request.headers.get("x-zone", ""))


class Server:
    def __init__(self, store: Store) -> None:
        self.store = store
        clock = SystemClock()
        self.federation = Federation(store, clock, name)
        self._transport = httpx2.ASGITransport(app=Endpoints(self.federation, caller, clock))

    async def call(self, method: str, path: str, zone: str = "gcp", body: bytes = b"") -> httpx2.Response:
        async with httpx2.AsyncClient(transport=self._transport, base_url="https://global.test") as client:
            return await client.request(method, path, content=body, headers={"x-zone": zone} if zone else {})

    async def held(self) -> Answer:
        answer = await self.call("GET", wire.UP_PATH)
        return msgspec.json.decode(answer.content, type=Answer)

    async def up(self, upload: Upload) -> httpx2.Response:
        return await self.call("POST", wire.UP_PATH, body=wire.compressed(upload))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with open_memory() as store:
        await put(store, zone("gcp"))
        await put(store, zone("off", enabled=False))
        made = Server(store)
        async with background(made.federation.run(), name="federation"):

            async def is_ready() -> bool:
                return (await made.call("GET", wire.UP_PATH)).status_code == 200

            await eventually(is_ready, what="the federation is ready")
            yield made


def batch(*documents: Any, **more: Any) -> Batch:
    return Batch(puts=tuple(msgspec.Raw(msgspec.json.encode(one)) for one in documents), **more)


@pytest.mark.parametrize("zone", ["", "off", "unheard-of"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", wire.DOWN_PATH), ("GET", wire.UP_PATH), ("POST", wire.UP_PATH)]
)
async def test_only_zones_that_are_enabled_come_in(server: Server, zone: str, method: str, path: str) -> None:
    body = wire.compressed(Upload()) if method == "POST" else b""
    answer = await server.call(method, path, zone, body)
    assert answer.status_code == 403
    assert answer.json()["reason"] == "Forbidden"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"{wire.PATH}/secrets", 404),
        ("DELETE", wire.UP_PATH, 405),
        ("POST", wire.DOWN_PATH, 405),
    ],
)
async def test_there_is_nothing_else(server: Server, method: str, path: str, code: int) -> None:
    assert (await server.call(method, path)).status_code == code


async def test_uploads_follow_each_other_in_one_session(server: Server) -> None:
    first = await server.held()
    assert (first.token, first.listing) == ("", False)
    upload = Upload(batch=batch(zone_service("a", "gcp"), token="e.1"), session=first.session)
    assert msgspec.json.decode((await server.up(upload)).content, type=Answer).token == "e.1"
    assert (await server.up(upload)).status_code == 409, "it was taken already"
    second = await server.held()
    assert second.token == "e.1"
    after = Upload(batch=batch(token="e.2"), session=first.session, after="e.1")
    assert (await server.up(after)).status_code == 409, "another session has begun"
    assert (await server.up(msgspec.structs.replace(after, session=second.session))).status_code == 200


async def test_what_is_refused_is_told_by_name(server: Server) -> None:
    session = (await server.held()).session
    upload = Upload(batch=batch(zone_service("a", "aws"), token="e.1"), session=session)
    (refused,) = msgspec.json.decode((await server.up(upload)).content, type=Answer).refused
    assert str(refused.id) == "ZoneService/shop/a.aws"
    assert "gcp" in refused.why


async def test_a_zone_that_sends_on_and_on_what_is_refused_does_not_fill_the_log(server: Server) -> None:
    session, after = (await server.held()).session, ""
    with capture_logs() as logs:
        for token in ("e.1", "e.2", "e.3"):
            sent = batch(zone_service("a", "aws"), token=token)
            answer = await server.up(Upload(batch=sent, session=session, after=after))
            assert len(msgspec.json.decode(answer.content, type=Answer).refused) == 1
            after = token
    assert [line["resource"] for line in logs if line["event"] == "refused of a zone"] == [
        "ZoneService/shop/a.aws"
    ]


async def test_a_zone_that_is_held_back_is_told_so_each_time_and_the_log_once(server: Server) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(server.federation.uploading("gcp"))
        with capture_logs() as logs:
            answers = [await server.call("POST", wire.UP_PATH) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {429}
    assert all("retry-after" in answer.headers for answer in answers)
    assert [line["zone"] for line in logs if line["event"] == "a zone is held back"] == ["gcp"]


async def test_a_zone_reports_how_it_is(server: Server) -> None:
    session = (await server.held()).session
    report = {
        "version": "0.1.0",
        "startedAt": "2026-01-01T00:00:00Z",
        "proxies": {"connected": 3},
        "newer": 1,
    }
    body = zlib.compress(msgspec.json.encode({"session": session, "report": report}), wbits=31)
    assert (await server.call("POST", wire.UP_PATH, body=body)).status_code == 200
    status = (await bodies(server.store, "Zone"))["Zone//gcp"]["status"]
    assert status["controlPlane"] == {"version": "0.1.0", "startedAt": "2026-01-01T00:00:00Z"}
    assert status["proxies"] == {"connected": 3}


HOSTILE = [
    b"",
    b"{}",
    zlib.compress(b"{}", wbits=31)[:-4],
    zlib.compress(b"[" * 200_000, wbits=31),
    zlib.compress(b'{"batch":{"puts":[' + b"[" * 200_000 + b"]}}", wbits=31),
    zlib.compress(b'{"batch":{"gone":[["a","b"]]}}', wbits=31),
    zlib.compress(b'{"report":{"version":"%s"}}' % (b"x" * 5000), wbits=31),
    zlib.compress(bytes(2 * wire.LARGEST_MESSAGE), wbits=31),
    bytes(LARGEST_BODY + 1),
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_what_is_malformed_is_refused(server: Server, body: bytes) -> None:
    before = await server.store.revision()
    assert (await server.call("POST", wire.UP_PATH, body=body)).status_code == 400
    assert await server.store.revision() == before


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**40) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
FIELDS = st.sampled_from(["apiVersion", "kind", "metadata", "spec", "name", "namespace", "labels", "status"])


def _changed(base: dict[str, Any], path: list[str], value: Any) -> Any:
    changed: Any = msgspec.json.decode(msgspec.json.encode(base))
    at = changed
    for field in path[:-1]:
        inner = at.get(field)
        at[field] = at = inner if isinstance(inner, dict) else {}
    at[path[-1]] = value
    return changed


DOCUMENTS = st.builds(
    _changed,
    st.sampled_from([zone_service("a", "gcp"), zone("gcp"), {}]),
    st.lists(FIELDS, min_size=1, max_size=3),
    VALUES,
)


@settings(max_examples=60)
@given(
    documents=st.lists(DOCUMENTS | VALUES, max_size=4),
    gone=st.lists(st.tuples(*[st.text(max_size=5)] * 3), max_size=2),
    noise=st.binary(max_size=20),
)
def test_whatever_a_zone_sends_others_are_not_touched(
    documents: list[Any], gone: list[tuple[str, str, str]], noise: bytes
) -> None:
    async def run() -> None:
        async with open_memory() as store:
            for one in (zone("gcp"), zone("aws"), zone_service("a", "aws")):
                await put(store, one)
            server = Server(store)
            async with background(server.federation.run(), name="federation"):
                await asyncio.sleep(0.001)
                session = (await server.held()).session
                sent = {"session": session, "batch": {"puts": documents, "gone": gone, "listing": "end"}}
                answers = [
                    await server.call("POST", wire.UP_PATH, body=noise),
                    await server.call(
                        "POST", wire.UP_PATH, body=zlib.compress(msgspec.json.encode(sent), wbits=31)
                    ),
                ]
                assert {answer.status_code for answer in answers} <= {200, 400, 409}
                for id, document in (await bodies(store, "ZoneService", "Zone", "Mesh", "Secret")).items():
                    labels = document["metadata"].get("labels") or {}
                    assert id.startswith("Zone//") or labels["sekisho.dev/zone"] == "gcp", id

    asyncio.run(run())
