"""A zone that tells too much, or too fast, is held back, and everybody is told."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.clock import FakeClock
from tests.kit.federation import bodies, name, put, zone, zone_service
from tests.kit.wait import eventually

from sekisho.aio.tasks import background
from sekisho.federation.messages import MOST_CHANGES, Answer, Batch, Upload
from sekisho.federation.quota import Holdings, Pace, Quota, TooFast
from sekisho.federation.server import Federation, NotReady, OutOfStep
from sekisho.model.names import ResourceId
from sekisho.store import Store, open_memory

FEW = Quota(resources=3, octets=10_000, changes=10.0, burst=300.0)


class World:
    """A global control plane that hears one zone."""

    def __init__(self, store: Store, clock: FakeClock, federation: Federation) -> None:
        self.store, self.clock, self.federation = store, clock, federation
        self.answer = Answer()

    async def begin(self) -> None:
        self.answer = await self.federation.held("gcp")

    async def tell(self, *services: str, gone: tuple[str, ...] = (), text: str = "") -> Answer:
        """Refused ones are in the answer."""
        documents = [zone_service(one, "gcp") for one in services]
        for one in documents:
            one["metadata"]["annotations"] = {"text": text}
        puts = tuple(msgspec.Raw(msgspec.json.encode(one)) for one in documents)
        ids = tuple(ResourceId("ZoneService", "shop", f"{one}.gcp") for one in gone)
        held = self.answer.token or "e.0"
        token = f"e.{int(held.rpartition('.')[2]) + 1}"
        upload = Upload(
            batch=Batch(puts=puts, gone=ids, token=token),
            session=self.answer.session, after=self.answer.token,
        )  # fmt: skip
        session = self.answer.session
        answer = await self.federation.take("gcp", upload)
        self.answer = msgspec.structs.replace(answer, session=session)
        return answer

    async def services(self) -> set[str]:
        return {id.rpartition("/")[2] for id in await bodies(self.store, "ZoneService")}

    async def limited(self) -> tuple[str, str]:
        """The condition of the Zone: whether it is, and why."""
        conditions = (await bodies(self.store, "Zone"))["Zone//gcp"]["status"]["conditions"]
        found = next(one for one in conditions if one["type"] == "Limited")
        return found["status"], found["message"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = FakeClock()
    async with open_memory() as store:
        await put(store, zone("gcp"))
        await put(store, zone("azure"))
        federation = Federation(store, clock, name, FEW)
        made = World(store, clock, federation)
        async with background(federation.run(), name="federation"):

            async def is_ready() -> bool:
                try:
                    await made.begin()
                except NotReady:
                    return False
                return True

            await eventually(is_ready, what="the federation is ready")
            yield made


async def test_more_resources_than_a_zone_may_have_are_refused_by_name_and_told(world: World) -> None:
    answer = await world.tell("a", "b", "c", "d")
    assert [str(one.id) for one in answer.refused] == ["ZoneService/shop/d.gcp"]
    assert answer.refused[0].why == "the zone has 3 resources here, and may have 3"
    assert await world.services() == {"a.gcp", "b.gcp", "c.gcp"}
    assert await world.limited() == ("True", f"not all is taken: {answer.refused[0].why}")


async def test_what_a_zone_has_may_change_when_it_may_have_no_more(world: World) -> None:
    await world.tell("a", "b", "c", "d")
    assert (await world.tell("a", "b", "c", text="other")).refused == ()


async def test_octets_count_as_well(world: World) -> None:
    assert (await world.tell("a", text="x" * 6_000)).refused == ()
    (refused,) = (await world.tell("b", text="x" * 6_000)).refused
    assert "octets" in refused.why
    (refused,) = (await world.tell("a", text="x" * 9_900)).refused
    assert str(refused.id) == "ZoneService/shop/a.gcp"
    with pytest.raises(OutOfStep):  # it is asked for everything once more, for there is room
        await world.tell("a", "b")
    assert await world.services() == {"a.gcp", "b.gcp"}


async def test_many_small_changes_make_no_room(world: World) -> None:
    for number in range(20):
        assert (await world.tell("a", "b", text=f"{number}")).refused == ()
    (refused,) = (await world.tell("c", text="x" * 9_900)).refused
    assert "octets" in refused.why


async def test_other_zones_are_not_counted(world: World) -> None:
    for number in range(5):
        await put(world.store, zone_service(f"s-{number}", "azure"))
    assert (await world.tell("a", "b", "c")).refused == ()


async def test_when_there_is_room_again_everything_is_asked_for_once_more(world: World) -> None:
    await world.tell("a", "b", "c", "d")
    assert not (await world.federation.held("gcp")).listing
    await world.begin()
    with pytest.raises(OutOfStep):
        await world.tell(gone=("a",))
    assert (await world.federation.held("gcp")).listing


async def test_who_tells_too_fast_has_to_wait(world: World) -> None:
    async def tell_much() -> None:
        for _ in range(400):
            async with world.federation.uploading("gcp"):
                pass

    with pytest.raises(TooFast) as held_back:
        await tell_much()
    assert 0 < held_back.value.seconds < 1
    world.clock.advance(1.0)
    async with world.federation.uploading("gcp"):
        pass


async def test_few_requests_are_read_at_the_same_time(world: World) -> None:
    async with (
        world.federation.uploading("gcp"), world.federation.uploading("gcp"),
        world.federation.uploading("gcp"), world.federation.uploading("gcp"),
    ):  # fmt: skip
        with pytest.raises(TooFast):
            await world.federation.uploading("gcp").__aenter__()
    async with world.federation.uploading("gcp"):
        pass


async def test_streams_are_dear(world: World) -> None:
    async def listen_anew() -> None:
        for _ in range(5):
            async with world.federation.listening("gcp", ""):
                pass

    with pytest.raises(TooFast):
        await listen_anew()


def test_a_batch_has_no_more_changes_than_agreed_on() -> None:
    text = msgspec.json.encode({"gone": [["ZoneService", "shop", "a.gcp"]] * (MOST_CHANGES + 1)})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Batch)


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 20))))
def test_in_the_long_run_no_more_than_the_rate_passes(steps: list[tuple[int, float]]) -> None:
    pace, now, passed = Pace(FEW, 0.0), 0.0, 0.0
    for changes, seconds in steps:
        now += seconds
        try:
            pace.begin(1.0, now)
        except TooFast:
            continue
        pace.count(changes)
        passed += 1 + changes
    assert passed <= FEW.burst + now * FEW.changes + 401


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4000), st.booleans())))
def test_holdings_are_the_sum_of_what_is_stored(steps: list[tuple[str, int, bool]]) -> None:
    stored: dict[str, int] = {}
    holdings = Holdings(FEW, 0, 0)
    for what, size, is_written in steps:
        if holdings.reserve(size, stored.get(what)):
            continue
        if is_written:
            holdings.stored(size, size + 100)
            stored[what] = size + 100
        else:
            holdings.given_back(size, stored.get(what))
    assert (holdings.resources, holdings.octets) == (len(stored), sum(stored.values()))
