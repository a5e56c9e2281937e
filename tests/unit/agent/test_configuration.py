"""The agent's own configuration: over a stream of its own, kept for when there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import msgspec
from tests.kit.delta import QueueStream, response
from tests.kit.wait import eventually

from sekisho.agent.configuration import Configuration
from sekisho.agent.link import Link, Stream, UpstreamBroken
from sekisho.agent.snapshot import Snapshot
from sekisho.agent.tracking import Request
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.ir.agent import HOSTNAME_TYPE, SIDECAR_TYPE, AgentConfig, HostnameRecord
from sekisho.model.names import Origin, ResourceId

ORIGIN = Origin(ResourceId("Workload", "shop", "cart"))
CONFIG = AgentConfig(account="shop/cart", address="10.0.0.1", application_address="127.0.0.1", origin=ORIGIN)
CART = HostnameRecord(name="cart.shop.svc.mesh.local", addresses=("241.0.0.1",), origin=ORIGIN)


class FakeLink:
    """A link to control planes a test plays, one stream after the other."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.up.set()
        self.connection = self
        self.streams: asyncio.Queue[QueueStream] = asyncio.Queue()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        stream = QueueStream()
        self.streams.put_nowait(stream)
        yield stream


def configuration(link: FakeLink, snapshot: Snapshot, given: AgentConfig | None = None) -> Configuration:
    return Configuration(
        "workload/shop/cart", "agent/workload/shop/cart/host", cast(Link, link), snapshot,
        clock=SystemClock(), random=lambda: 0.0, given=given,
    )  # fmt: skip


def body(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value)


async def asked(link: FakeLink) -> tuple[QueueStream, dict[str, dict[str, str]]]:
    """The next stream, and what it says it has, by type."""
    stream = await asyncio.wait_for(link.streams.get(), 60)
    requests = [Request.FromString(await stream.heard()) for _ in range(2)]
    assert {each.node.id for each in requests} == {"agent/workload/shop/cart/host"}
    assert all(list(each.resource_names_subscribe) == ["*"] for each in requests)
    return stream, {each.type_url: dict(each.initial_resource_versions) for each in requests}


async def test_it_is_followed_acknowledged_kept_and_brought_along_to_the_next_stream() -> None:
    link, snapshot = FakeLink(), Snapshot({})
    made = configuration(link, snapshot)
    async with background(made.run(), name="configuration"):
        stream, have = await asked(link)
        assert have == {HOSTNAME_TYPE: {}, SIDECAR_TYPE: {}}
        stream.say(response(SIDECAR_TYPE, "1", sidecar=body(CONFIG)))
        stream.say(response(HOSTNAME_TYPE, "2", **{CART.name: body(CART)}))
        for nonce in ("1", "2"):
            answer = Request.FromString(await stream.heard())
            assert (answer.response_nonce, answer.HasField("error_detail")) == (nonce, False)
        assert (made.sidecar, made.hostnames) == (CONFIG, (CART,))

        stream.say(UpstreamBroken("gone"))
        stream, have = await asked(link)
        assert set(have[HOSTNAME_TYPE]) == {CART.name}
        stream.say(response(HOSTNAME_TYPE, "1", CART.name))
        await stream.heard()
        assert made.hostnames == ()
    again = configuration(link, snapshot)
    assert (again.sidecar, again.hostnames) == (CONFIG, ())


async def test_what_cannot_be_read_is_refused_as_a_whole_and_changes_nothing() -> None:
    link, snapshot = FakeLink(), Snapshot({})
    made = configuration(link, snapshot)
    async with background(made.run(), name="configuration"):
        stream, _ = await asked(link)
        stream.say(response(HOSTNAME_TYPE, "1", **{CART.name: body(CART), "broken": b'{"name": 1}'}))
        answer = Request.FromString(await stream.heard())
    assert answer.error_detail.code == 3
    assert "name" in answer.error_detail.message
    assert (made.hostnames, dict(snapshot.resources)) == ((), {})


async def test_what_is_given_counts_until_the_control_plane_says_otherwise() -> None:
    link, given = FakeLink(), msgspec.structs.replace(CONFIG, capture="Redirect")
    made = configuration(link, Snapshot({}), given)
    assert made.sidecar == given
    async with background(made.run(), name="configuration"):
        stream, _ = await asked(link)
        stream.say(response(SIDECAR_TYPE, "1", sidecar=body(CONFIG)))

        async def replaced() -> bool:
            return made.sidecar == CONFIG

        await eventually(replaced, what="the control plane's word")


async def test_each_change_wakes_everybody_who_follows() -> None:
    link = FakeLink()
    made = configuration(link, Snapshot({}))
    changes = made.changes()
    await anext(changes)
    async with background(made.run(), name="configuration"):
        stream, _ = await asked(link)
        stream.say(response(SIDECAR_TYPE, "1", sidecar=body(CONFIG)))
        await asyncio.wait_for(anext(changes), 60)
    await changes.aclose()
    assert made.sidecar == CONFIG
