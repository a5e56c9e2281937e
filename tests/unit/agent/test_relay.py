"""One Envoy's streams: passed on while there is a control plane, else served from the last known good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from tests.kit.delta import QueueStream, Response, request, response

from sekisho.agent.link import Connection, Link, Stream, UpstreamBroken
from sekisho.agent.relay import FIRST_ANSWER, Mode, Relay
from sekisho.agent.snapshot import Snapshot
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.xds.types import CLUSTER, Blob, Name

A = Name(CLUSTER, "a")
HELD = {A: Blob("v1", b"v1")}


class OneStream:
    """A connection whose stream the test plays."""

    def __init__(self) -> None:
        self.stream = QueueStream()
        self.open_streams = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        self.open_streams += 1
        try:
            yield self.stream
        finally:
            self.open_streams -= 1


class FakeLink:
    def __init__(self) -> None:
        self.up, self.tried = asyncio.Event(), asyncio.Event()
        self.connection: OneStream | None = None
        self.broken: list[str] = []
        self.answers = 0

    def connect(self) -> OneStream:
        self.connection = OneStream()
        self.up.set()
        self.tried.set()
        return self.connection

    def answered(self) -> None:
        self.answers += 1

    def broke(self, connection: Connection, error: UpstreamBroken) -> None:
        assert connection is cast(Connection, self.connection)
        self.broken.append(str(error))


@pytest.fixture
def link() -> FakeLink:
    return FakeLink()


def relay(link: FakeLink, snapshot: Snapshot | None = None) -> Relay:
    return Relay("p", cast(Link, link), snapshot or Snapshot({}), clock=SystemClock())


@asynccontextmanager
async def serving(relay: Relay) -> AsyncIterator[tuple[QueueStream, "asyncio.Task[None]"]]:
    envoy = QueueStream()
    async with background(relay.serve(envoy), name="relay") as task:
        yield envoy, task


async def ended(task: "asyncio.Task[None]") -> None:
    await asyncio.wait_for(asyncio.shield(task), 60)


async def test_messages_pass_as_they_are_in_both_directions_and_what_is_acknowledged_is_kept(
    link: FakeLink,
) -> None:
    upstream, snapshot = link.connect().stream, Snapshot({})
    through = relay(link, snapshot)
    messages = [request(CLUSTER), request(CLUSTER, nonce="1")]
    async with serving(through) as (envoy, task):
        envoy.say(messages[0])
        assert await upstream.heard() == messages[0]
        assert through.mode is Mode.RELAY
        upstream.say(response(CLUSTER, "1", a=b"v1"))
        assert await envoy.heard() == response(CLUSTER, "1", a=b"v1")
        envoy.say(messages[1])
        assert await upstream.heard() == messages[1]
        assert snapshot.resources == HELD
        envoy.say(None)
        await ended(task)
    assert through.mode is Mode.DISCONNECTED
    assert link.connection
    assert link.connection.open_streams == 0
    assert (link.broken, link.answers) == ([], 1)


@pytest.mark.parametrize(
    ("end", "fault"),
    [(UpstreamBroken("unavailable: gone"), "unavailable: gone"), (None, "it ended the stream")],
)
async def test_when_the_control_plane_goes_the_stream_of_envoy_ends(
    link: FakeLink, end: Exception | None, fault: str
) -> None:
    upstream = link.connect().stream
    async with serving(relay(link)) as (envoy, task):
        envoy.say(request(CLUSTER))
        await upstream.heard()
        upstream.say(end)
        await ended(task)
    assert link.broken == [fault]


async def test_without_a_control_plane_envoy_is_served_the_last_known_good_until_there_is_one(
    link: FakeLink,
) -> None:
    link.tried.set()
    local = relay(link, Snapshot(HELD))
    async with serving(local) as (envoy, task):
        envoy.say(request(CLUSTER))
        [resource] = Response.FromString(await envoy.heard()).resources
        assert (resource.name, resource.version) == ("a", "v1")
        assert local.mode is Mode.LOCAL
        link.connect()
        await ended(task)


async def test_with_neither_envoy_waits_for_the_control_plane(link: FakeLink) -> None:
    link.tried.set()
    waiting = relay(link)
    async with serving(waiting) as (envoy, _):
        envoy.say(request(CLUSTER))
        while waiting.mode is not Mode.WAITING:
            await asyncio.sleep(0)
        upstream = link.connect().stream
        assert await upstream.heard() == request(CLUSTER)
        assert waiting.mode is Mode.RELAY


async def test_an_empty_envoy_does_not_wait_long_for_a_control_plane_that_says_nothing(
    link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sekisho.agent.relay.FIRST_ANSWER", FIRST_ANSWER / 100)
    link.connect()
    async with serving(relay(link, Snapshot(HELD))) as (envoy, task):
        envoy.say(request(CLUSTER))
        await ended(task)
    assert link.broken == ["it did not answer within 0.02 s"]


async def test_an_envoy_that_comes_again_waits_for_the_end_of_its_last_stream(link: FakeLink) -> None:
    connection = link.connect()
    through = relay(link)
    async with serving(through) as (first, task):
        first.say(request(CLUSTER))
        await connection.stream.heard()
        async with serving(through) as (second, _):
            second.say(request(CLUSTER))
            await asyncio.sleep(0)
            assert connection.open_streams == 1
            first.say(None)
            await ended(task)
            await connection.stream.heard()
            assert connection.open_streams == 1
