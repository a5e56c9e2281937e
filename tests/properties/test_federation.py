"""However zones and global are written, cut and restarted: in the end all is as the table says."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.federation import bodies, name, of_zone, put, timeout, zone, zone_service
from tests.kit.objects import manifest
from tests.kit.wait import eventually

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.federation import client
from sekisho.federation.client import ZoneLink
from sekisho.federation.feed import Ended
from sekisho.federation.link import LinkFailed
from sekisho.federation.messages import Answer, Batch, Upload
from sekisho.federation.server import Federation, NotAMember, NotReady, OutOfStep
from sekisho.federation.table import DOWN_KINDS, down, id_of, up
from sekisho.model.document import check
from sekisho.model.origin import ORIGIN_LABEL, origin_zone
from sekisho.store import Store, Write, open_memory

ZONES = ("azure", "gcp")
GLOBAL = "global"
KINDS = (*DOWN_KINDS, "Secret")
SERVICE = {"kind": "Service", "name": "catalog"}

Document = dict[str, Any]
State = dict[str, tuple[Any, Any]]
"""Id → labels and spec."""


class HastyClock(SystemClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.002))


class Cable:
    """In the place of `Link`: calls global in this process, in the bytes of the wire; breaks when told."""

    def __init__(self, world: "World", zone: str) -> None:
        self._world = world
        self._zone = zone

    async def close(self) -> None: ...

    @asynccontextmanager
    async def down(self, since: str, *, listing: bool) -> AsyncIterator[AsyncIterator[Batch]]:
        with self._told():
            async with self._world.federation.listening(self._zone, since, listing=listing) as feed:

                async def batches() -> AsyncIterator[Batch]:
                    while True:
                        batch = await feed.next()
                        self._world.perhaps_break()
                        yield msgspec.json.decode(msgspec.json.encode(batch), type=Batch)

                with contextlib.suppress(Ended):
                    yield batches()

    async def held(self) -> Answer:
        with self._told():
            return await self._world.federation.held(self._zone)

    async def up(self, upload: Upload) -> Answer:
        self._world.perhaps_break()
        with self._told():
            read = msgspec.json.decode(msgspec.json.encode(upload), type=Upload)
            answer = await self._world.federation.take(self._zone, read)
        self._world.perhaps_break()  # the answer is lost
        return answer

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (NotAMember, NotReady, OutOfStep) as error:
            raise LinkFailed(type(error).__name__) from error


class CabledLink(ZoneLink):
    def __init__(self, world: "World", zone: str) -> None:
        super().__init__(
            "", None, world.stores[zone], zone, HastyClock(),  # type: ignore[arg-type]
            name=name, random=random.random,
        )  # fmt: skip
        self._world = world

    def _connect(self) -> Any:
        return Cable(self._world, self._zone)


class World:
    """Stores that live on, and processes that come and go."""

    def __init__(self, stores: dict[str, Store], breaks: Iterator[bool]) -> None:
        self.stores = stores
        self._breaks = breaks
        self._running: dict[str, AsyncExitStack] = {}
        self.federation = Federation(stores[GLOBAL], HastyClock(), name)

    def perhaps_break(self) -> None:
        if next(self._breaks, False):
            raise LinkFailed("the cable broke")

    async def start(self, place: str) -> None:
        await self.end(place)
        if place == GLOBAL:
            self.federation = Federation(self.stores[GLOBAL], HastyClock(), name)
            service = self.federation.run()
        else:
            service = CabledLink(self, place).run()
        stack = self._running[place] = AsyncExitStack()
        await stack.enter_async_context(background(service, name=place))

    async def end(self, place: str) -> None:
        if place == GLOBAL:
            await self.federation.stop()
        if stack := self._running.pop(place, None):
            await stack.aclose()

    async def own(self, place: str) -> dict[str, Document]:
        """What was written there, by people or by its control plane."""
        found = await bodies(self.stores[place], *KINDS)
        return {id: document for id, document in found.items() if _is_own(document, place)}

    async def edit(self, place: str, document: Document, *, delete: bool) -> None:
        """As the API and the control plane let people write: never what is a copy."""
        store, id = self.stores[place], id_of(document)
        current = (await bodies(store, id.kind)).get(str(id))
        if current is not None and not _is_own(current, place):
            return
        if delete:
            await store.write([Write("delete", id)])
        else:
            await put(store, document)

    async def expected(self) -> dict[str, State]:
        """By the table alone."""
        own = {place: await self.own(place) for place in (*ZONES, GLOBAL)}
        there = dict(own[GLOBAL])
        for one in ZONES:
            for document in own[one].values():
                if sent := up(document, one):
                    there.setdefault(str(id_of(sent)), dict(sent))
        states = {GLOBAL: _state(there)}
        for one in ZONES:
            here = dict(own[one])
            for document in there.values():
                if sent := down(document, one, lambda _: True):
                    here.setdefault(str(id_of(sent)), dict(sent))
            states[one] = _state(here)
        return states

    async def states(self) -> dict[str, State]:
        return {place: _state(await bodies(store, *KINDS)) for place, store in self.stores.items()}


def _is_own(document: Document, place: str) -> bool:
    labels = document["metadata"].get("labels") or {}
    return labels.get(ORIGIN_LABEL) is None or origin_zone(labels) == place


def _state(documents: dict[str, Document]) -> State:
    return {
        id: (one["metadata"].get("labels") or {}, check(one["kind"], one).object.get("spec"))
        for id, one in documents.items()
    }


NAMES = st.sampled_from(["a", "b", "a.gcp", "b.azure"])
MAKERS: list[Callable[[str, str, int], Document]] = [
    lambda _, name, value: timeout(name, SERVICE, seconds=value),
    lambda _, name, value: timeout(name, {"kind": "Mesh"}, seconds=value),
    lambda _, name, value: manifest("Secret", name, stringData={"a": str(value)}),
    lambda place, name, value: (
        zone_service(name[0], place, value) if place != GLOBAL else timeout(name, seconds=value)
    ),
    lambda _, name, value: manifest("Mesh", name[0], spec={"inspection": ("Auto", "Always")[value % 2]}),
    lambda place, name, _: (
        {
            **(record := manifest("ZoneIngress", f"{name}.{place}", spec={"zone": place, "addresses": []})),
            "metadata": {**record["metadata"], "labels": of_zone(place)},
        }
        if place != GLOBAL
        else manifest("Mesh", name[0], spec={})
    ),
]
EDITS = st.tuples(
    st.just("edit"),
    st.sampled_from((*ZONES, GLOBAL)),
    st.sampled_from(MAKERS),
    NAMES,
    st.integers(1, 9),
    st.integers(0, 3).map(lambda one: one == 0),
)
EVENTS = st.tuples(st.sampled_from(["start", "end"]), st.sampled_from((*ZONES, GLOBAL)))
CHANGES = st.tuples(st.sampled_from(["enable", "disable", "remove"]), st.sampled_from(ZONES))
PAUSES = st.tuples(st.just("pause"), st.integers(1, 5))


@pytest.fixture(scope="module", autouse=True)
def hasty() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client, "REPORT_EVERY", 0.02)
        yield


@settings(max_examples=25)
@given(
    steps=st.lists(EDITS | EVENTS | CHANGES | PAUSES, min_size=4, max_size=30),
    breaks=st.lists(st.booleans(), max_size=30),
)
def test_in_the_end_all_is_as_the_table_says(steps: list[Any], breaks: list[bool]) -> None:
    asyncio.run(_run(steps, breaks))


async def _run(steps: list[Any], breaks: list[bool]) -> None:
    async with AsyncExitStack() as stack:
        stores = {place: await stack.enter_async_context(open_memory()) for place in (*ZONES, GLOBAL)}
        world = World(dict(stores), iter(breaks))
        for one in ZONES:
            await put(stores[GLOBAL], zone(one))
        for place in (*ZONES, GLOBAL):
            await world.start(place)
            stack.push_async_callback(world.end, place)
        for step in steps:
            await _step(world, step)
        for one in ZONES:
            await put(stores[GLOBAL], zone(one))
        for place in (*ZONES, GLOBAL):
            await world.start(place)
        own = {place: _state(await world.own(place)) for place in stores}

        async def is_as_it_should_be() -> bool:
            return await world.states() == await world.expected()

        await eventually(is_as_it_should_be, what="all is as the table says")
        after = {place: _state(await world.own(place)) for place in stores}
        assert after == own, "what is somebody's own stays"
        await _nothing_waits(world)


async def _step(world: World, step: Any) -> None:
    match step:
        case "edit", place, make, name, value, delete:
            await world.edit(place, make(place, name, value), delete=delete)
        case "start", place:
            await world.start(place)
        case "end", place:
            await world.end(place)
        case "enable" | "disable" as what, name:
            await put(world.stores[GLOBAL], zone(name, enabled=what == "enable"))
        case "remove", name:
            await world.stores[GLOBAL].write([Write("delete", id_of(zone(name)))])
        case "pause", number:
            await asyncio.sleep(number / 1000)


async def _nothing_waits(world: World) -> None:
    """No backup was restored here: so nothing ever waits for anybody."""
    for one in ZONES:
        status = (await bodies(world.stores[GLOBAL], "Zone"))[f"Zone//{one}"].get("status") or {}
        assert not status.get("kept")
        assert not (status.get("held") or {}).get("kept")
