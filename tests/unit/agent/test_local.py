"""Answers from the last known good: everything to an empty Envoy, nothing to one that holds it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.kit.clock import FakeClock
from tests.kit.delta import QueueStream, Response, request

from sekisho.agent.local import Local
from sekisho.agent.snapshot import Snapshot
from sekisho.aio.clock import Clock, SystemClock
from sekisho.aio.tasks import background
from sekisho.protos import unpack
from sekisho.xds.types import CLUSTER, ENDPOINTS, LISTENER, Blob, Name

A, E, L = Name(CLUSTER, "a"), Name(ENDPOINTS, "a"), Name(LISTENER, "l")
HELD = {A: Blob("v1", b"cluster"), E: Blob("v1", b"endpoints"), L: Blob("v1", b"listener")}


@asynccontextmanager
async def local(first: bytes, clock: Clock | None = None) -> AsyncIterator[QueueStream]:
    stream = QueueStream()
    served = Local("p", Snapshot(HELD), clock=clock or SystemClock())
    async with background(served.serve(stream, first), name="local"):
        yield stream


async def test_an_empty_envoy_gets_everything_in_order() -> None:
    async with local(request(CLUSTER)) as envoy:
        for type_url, names in ((CLUSTER, ()), (ENDPOINTS, ("a",)), (LISTENER, ())):
            if type_url != CLUSTER:
                envoy.say(request(type_url, subscribe=names))
            answer = Response.FromString(await envoy.heard())
            assert answer.type_url == type_url
            [resource] = answer.resources
            blob = HELD[Name(type_url, resource.name)]
            assert (resource.version, resource.resource.value) == blob
            envoy.say(request(type_url, nonce=answer.nonce))


async def nothing_heard(envoy: QueueStream, *said: bytes) -> None:
    """Says these and then asks for something new; its answer must be the first that comes."""
    probe = f"type.googleapis.com/x.Probe{len(said)}"
    envoy.say(*said)
    envoy.say(request(probe, subscribe=["probe"]))
    assert Response.FromString(await envoy.heard()).type_url == probe


async def test_an_envoy_that_holds_everything_is_sent_nothing() -> None:
    async with local(request(CLUSTER, have={"a": "v1"})) as envoy:
        await nothing_heard(
            envoy,
            request(ENDPOINTS, subscribe=["a"], have={"a": "v1"}),
            request(LISTENER, have={"l": "v1"}),
        )


async def test_a_cluster_that_only_the_control_plane_has_leads_nowhere_until_then() -> None:
    async with local(request(CLUSTER, subscribe=["*"], have={"a": "v1"})) as envoy:
        for name in ("first", "second"):
            envoy.say(request(CLUSTER, subscribe=[name]))
            answer = Response.FromString(await envoy.heard())
            assert not answer.removed_resources
            (found,) = answer.resources
            assert found.name == name
            cluster = unpack(found.resource)
            assert cluster.type == cluster.STATIC
            assert not cluster.load_assignment.endpoints
            envoy.say(request(CLUSTER, nonce=answer.nonce))


async def test_what_is_there_is_not_replaced_when_it_is_asked_for_by_name() -> None:
    async with local(request(CLUSTER, subscribe=["*", "newer"], have={"a": "v1", "newer": "v1"})) as envoy:
        await nothing_heard(envoy)
        envoy.say(request(CLUSTER, subscribe=["a"]))
        answer = Response.FromString(await envoy.heard())
        assert [(one.name, one.version) for one in answer.resources] == [("a", "v1")]


async def test_an_envoy_is_never_set_back_nor_stripped_of_what_the_last_known_good_lacks() -> None:
    clock = FakeClock()
    async with local(request(CLUSTER, have={"a": "v2", "newer": "v1"}), clock) as envoy:
        await nothing_heard(
            envoy,
            request(ENDPOINTS, subscribe=["a", "newer"], have={"a": "v2", "newer": "v1"}),
            request(LISTENER, have={"l": "v1", "newer": "v1"}),
        )
        clock.advance(60)  # removals come late
        await nothing_heard(envoy)
