"""What every ADS transport promises, spoken to by the stock grpcio client with real bytes."""

import asyncio
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.kit.ads_client import AdsStream, CallFailed, mutual_tls
from tests.kit.grpcio_server import GrpcioServer
from tests.kit.pki import Leaf, TestAuthority
from tests.kit.wait import eventually
from tests.kit.xds import Response, changes, request, said

from sekisho.xds.admission import Refusal
from sekisho.xds.observer import Observer
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import server_context
from sekisho.xds.types import CLUSTER, Blob, Name
from sekisho.xds.view import View

PROXY = "spiffe://demo.default.mesh.local/proxy"


@pytest.fixture(scope="module")
def authority() -> TestAuthority:
    return TestAuthority()


class Diary(Observer):
    """What the observer was told."""

    def __init__(self) -> None:
        self.connections: list[str] = []
        self.seqs: dict[tuple[str, View], int] = {}
        self.gone: list[str] = []
        self.refused: list[str] = []

    def connected(self, proxy: str, node: Any, reached: list[int]) -> None:
        self.connections.append(f"{proxy} of {node.cluster}")

    def synced(self, proxy: str, view: View, seq: int) -> None:
        self.seqs[proxy, view] = seq

    def rejected(self, proxy: str, name: Name, version: str, message: str) -> None:
        self.refused.append(f"{proxy} {name.name}@{version}: {message}")

    def disconnected(self, proxy: str, reason: str) -> None:
        self.gone.append(proxy)


class World:
    """A server of one view, and the way to it."""

    def __init__(self, server: Any, view: View, diary: Diary) -> None:
        self.server = server
        self.view = view
        self.on_demand = View("on demand", by_name=True)
        self.diary = diary
        self.seen: list[tuple[str | None, str]] = []
        self.address = ""
        self.path = Path()

    def connect(self, authority: TestAuthority, leaf: Leaf | None) -> AdsStream:
        if not self.address:
            return AdsStream.unix(self.path)
        credentials = mutual_tls(
            authority.certificate, *(leaf.key, leaf.certificate) if leaf else (None, None)
        )
        return AdsStream.tls(self.address, credentials, "localhost")


@asynccontextmanager
async def serving(kind: str, folder: Path, authority: TestAuthority, **options: Any) -> AsyncIterator[World]:
    view, diary = View("v"), Diary()

    def authorize(peer: str | None, node: str) -> Sequence[View] | Refusal:
        world.seen.append((peer, node))
        return Refusal("not yours") if node.startswith("stranger") else [view, world.on_demand]

    make = AdsServer if kind.startswith("own") else GrpcioServer
    world = World(make(authorize, diary, **options), view, diary)
    leaf = authority.leaf(dns=["localhost"])
    if kind.endswith("unix"):
        world.path = folder / "ads.sock"
        await world.server.listen_unix(world.path)
    elif kind == "own-tls":
        context = server_context(*leaf.write(folder, "server"), authority.certificate.decode())
        world.address = f"localhost:{await world.server.listen_tls('localhost', 0, lambda: context)}"
    else:
        port = await world.server.listen_tls(
            "localhost", 0, leaf.key, leaf.certificate, authority.certificate
        )
        world.address = f"localhost:{port}"
    if kind.startswith("grpcio"):
        await world.server.start()
    try:
        yield world
    finally:
        await world.server.drain(1)


@pytest.fixture(params=["own-tls", "own-unix", "grpcio-tls", "grpcio-unix"])
async def world(request: Any, tmp_path: Path, authority: TestAuthority) -> AsyncIterator[World]:
    async with asyncio.timeout(60), serving(request.param, tmp_path, authority) as world:
        yield world


@pytest.fixture
def leaf(authority: TestAuthority) -> Leaf:
    return authority.leaf(uris=[PROXY])


class Talk:
    """A stream with words for asking and answering."""

    def __init__(self, stream: AdsStream) -> None:
        self.stream = stream
        self._responses = aiter(stream)

    async def ask(self, short: str, *names: str, **fields: Any) -> None:
        await self.stream.send(request(short, *names, **fields).SerializeToString())

    async def hear(self) -> Any:
        return Response.FromString(await anext(self._responses))

    async def hear_and_ack(self) -> str:
        response = await self.hear()
        await self.stream.send(request(response.type_url, nonce=response.nonce).SerializeToString())
        return said(response)


async def test_a_stock_client_gets_everything_and_then_what_changes(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    world.view.commit(changes(cds="a@1 b@1"))
    async with world.connect(authority, leaf) as stream:
        talk = Talk(stream)
        await talk.ask("cds", node="n1")
        assert await talk.hear_and_ack() == "cds +a@1 +b@1"
        for version in range(2, 12):
            world.view.commit(changes(cds=f"a@{version}"))
            assert await talk.hear_and_ack() == f"cds +a@{version}"

        async def synced() -> bool:
            return world.diary.seqs.get(("n1", world.view)) == world.view.seq

        try:
            await eventually(synced, what="synced")
        except TimeoutError as error:
            error.add_note(f"{vars(world.diary)} of {world.view.seq}, {len(world.view.members)} there")
            raise
    assert world.seen == [(PROXY if world.address else None, "n1")]
    assert world.diary.connections == ["n1 of "]

    async def gone() -> bool:
        return world.diary.gone == ["n1"] and not world.view.members

    await eventually(gone, what="the session ends with its stream")


async def test_what_is_on_demand_goes_to_those_who_ask_for_it_by_name_and_what_is_not_there_is_told_at_once(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    world.view.commit(changes(cds="a@1"))
    world.on_demand.commit(changes(cds="x@1 y@1"))
    async with world.connect(authority, leaf) as stream:
        talk = Talk(stream)
        await talk.ask("cds", node="n1")
        assert await talk.hear_and_ack() == "cds +a@1"
        await talk.ask("cds", "x")
        assert await talk.hear_and_ack() == "cds +x@1"
        await talk.ask("cds", "nobody")
        assert await talk.hear_and_ack() == "cds -nobody"
        world.on_demand.commit(changes(cds="x@2 y@2"))
        assert await talk.hear_and_ack() == "cds +x@2"
    async with world.connect(authority, leaf) as stream:
        talk = Talk(stream)
        await talk.ask("cds", "*", "x", node="n1", held={"a": "1", "x": "2"})
        world.on_demand.commit(changes(cds="x@3"))
        assert await talk.hear_and_ack() == "cds +x@3"


async def test_a_large_state_passes_a_client_with_the_default_flow_control_window(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    body = bytes(range(256)) * 4
    world.view.commit({Name(CLUSTER, f"c{index:04}"): Blob("1", body) for index in range(2_500)})
    async with world.connect(authority, leaf) as stream:
        talk = Talk(stream)
        await talk.ask("cds", node="n1")
        response = await talk.hear()
        assert len(response.resources) == 2_500
        assert all(each.resource.value == body for each in response.resources)


async def test_proxies_do_not_see_each_others_state(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    world.view.commit(changes(cds="a@1", eds="x@1 y@1"))
    async with world.connect(authority, leaf) as one, world.connect(authority, leaf) as two:
        first, second = Talk(one), Talk(two)
        await first.ask("eds", "x", node="n1")
        await second.ask("eds", "y", node="n2")
        assert await first.hear_and_ack() == "eds +x@1"
        assert await second.hear_and_ack() == "eds +y@1"
        world.view.commit(changes(eds="x@2 y@2"))
        assert await first.hear_and_ack() == "eds +x@2"
        assert await second.hear_and_ack() == "eds +y@2"


async def test_a_refusal_by_the_proxy_reaches_the_observer_and_holds_nothing_up(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    async with world.connect(authority, leaf) as stream:
        talk = Talk(stream)
        await talk.ask("cds", node="n1")
        await talk.hear_and_ack()
        world.view.commit(changes(cds="bad@1"))
        response = await talk.hear()
        await talk.ask("cds", nonce=response.nonce, error="it is bad")
        world.view.commit(changes(cds="good@1"))
        assert await talk.hear_and_ack() == "cds +good@1"
        assert world.diary.refused == ["n1 bad@1: it is bad"]


async def test_a_proxy_that_may_not_have_anything_is_told_so(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    async with world.connect(authority, leaf) as stream:
        talk = Talk(stream)
        await talk.ask("cds", node="stranger")
        with pytest.raises(CallFailed, match="not yours") as failed:
            await talk.hear()
        assert failed.value.code == grpc.StatusCode.PERMISSION_DENIED
    assert world.diary.connections == []


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (request("cds").SerializeToString(), grpc.StatusCode.INVALID_ARGUMENT),
        (b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (request("cds", node="n" * 70_000).SerializeToString(), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (request("eds", *("n" * 1_000 + str(i) for i in range(4_500)), node="n").SerializeToString(),
         grpc.StatusCode.RESOURCE_EXHAUSTED),
        (request("eds", "n" * 1_100, node="n").SerializeToString(), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=["no node", "not a message", "node too large", "message too large", "name too long"],
)  # fmt: skip
async def test_a_request_beyond_the_limits_ends_the_call(
    world: World, authority: TestAuthority, leaf: Leaf, raw: bytes, code: grpc.StatusCode
) -> None:
    async with world.connect(authority, leaf) as stream:
        await stream.send(raw)
        with pytest.raises(CallFailed) as failed:
            await anext(aiter(stream))
        assert failed.value.code == code


@pytest.mark.parametrize(
    "method",
    [
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
        "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
async def test_every_other_method_is_unimplemented(
    world: World, authority: TestAuthority, leaf: Leaf, method: str
) -> None:
    async with world.connect(authority, leaf) as stream:
        channel: Any = stream._channel
        call = channel.stream_stream(method)()
        assert await call.code() == grpc.StatusCode.UNIMPLEMENTED
    assert world.seen == []


async def test_disconnecting_a_proxy_ends_its_call_and_no_other(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    async with world.connect(authority, leaf) as one, world.connect(authority, leaf) as two:
        first, second = Talk(one), Talk(two)
        await first.ask("cds", node="n1")
        await second.ask("cds", node="n2")
        await first.hear_and_ack()
        await second.hear_and_ack()
        asked: list[tuple[str | None, str]] = []

        def whom(peer: str | None, node: str) -> bool:
            asked.append((peer, node))
            return node == "n1"

        assert world.server.disconnect(whom, "revoked") == 1
        assert sorted(asked) == sorted(world.seen)
        with pytest.raises(CallFailed, match="revoked") as failed:
            await first.hear()
        assert failed.value.code == grpc.StatusCode.PERMISSION_DENIED
        world.view.commit(changes(cds="a@1"))
        assert await second.hear_and_ack() == "cds +a@1"


async def test_draining_sends_the_proxies_away(world: World, authority: TestAuthority, leaf: Leaf) -> None:
    async with world.connect(authority, leaf) as stream:
        talk = Talk(stream)
        await talk.ask("cds", node="n1")
        await talk.hear_and_ack()
        async with asyncio.TaskGroup() as group:
            group.create_task(world.server.drain(5))
            with pytest.raises(CallFailed) as failed:
                await talk.hear()
        assert failed.value.code == grpc.StatusCode.UNAVAILABLE

    async def gone() -> bool:
        return not world.view.members

    await eventually(gone, what="the session ends")


async def test_many_proxies_get_a_commit_while_another_one_does_not_read(
    world: World, authority: TestAuthority, leaf: Leaf
) -> None:
    world.view.commit({Name(CLUSTER, f"c{index}"): Blob("1", b"x" * 1_000) for index in range(2_000)})
    async with world.connect(authority, leaf) as lazy:
        await lazy.send(request("cds", node="lazy").SerializeToString())
        streams = [world.connect(authority, leaf) for _ in range(20)]
        try:
            talks = [Talk(stream) for stream in streams]
            for index, talk in enumerate(talks):
                await talk.ask("eds", "e", node=f"n{index}")
            for talk in talks:
                assert await talk.hear_and_ack() == "eds -e"
            world.view.commit(changes(eds="e@1"))
            for talk in talks:
                assert await talk.hear_and_ack() == "eds +e@1"
        finally:
            for stream in streams:
                await stream.close()


async def ask_and_hear(stream: AdsStream) -> bytes:
    await stream.send(request("cds", node="n1").SerializeToString())
    return await anext(aiter(stream))


@pytest.mark.parametrize("kind", ["own-tls", "grpcio-tls"])
@pytest.mark.parametrize("who", ["nobody", "signed by another", "without identity", "with two identities"])
async def test_a_client_without_a_proper_certificate_gets_nothing(
    kind: str, who: str, tmp_path: Path, authority: TestAuthority
) -> None:
    leaves = {
        "nobody": None,
        "signed by another": TestAuthority("other").leaf(uris=[PROXY]),
        "without identity": authority.leaf(dns=["localhost"]),
        "with two identities": authority.leaf(uris=[PROXY, PROXY + "2"]),
    }
    async with asyncio.timeout(60), serving(kind, tmp_path, authority) as world:
        world.view.commit(changes(cds="a@1"))
        async with world.connect(authority, leaves[who]) as stream:
            with pytest.raises(CallFailed):
                await asyncio.wait_for(ask_and_hear(stream), 20)
        assert world.seen == []
        assert not world.view.members


async def test_the_unix_socket_is_ours_alone_and_replaces_a_stale_one(
    tmp_path: Path, authority: TestAuthority
) -> None:
    for _ in range(2):
        async with serving("own-unix", tmp_path, authority) as world:
            assert stat.S_IMODE(world.path.stat().st_mode) == 0o600
    world.path.unlink(missing_ok=True)
    world.path.write_text("a file of somebody")
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's business
        async with serving("own-unix", tmp_path, authority):
            pass
    assert world.path.read_text() == "a file of somebody"
