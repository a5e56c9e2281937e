"""The way to the control plane: dialled, lost, dialled again; refusals slow it down, outages do not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from tests.kit.clock import FakeClock
from tests.kit.wait import eventually

from sekisho.agent.keys import Keys
from sekisho.agent.link import LONGEST_REDIAL, Connection, Link, UpstreamBroken, UpstreamRefused
from sekisho.aio.tasks import background
from sekisho.identity.keys import Credentials


class NoKeys:
    """Has credentials at once; renewed on demand."""

    issued = object()

    def __init__(self) -> None:
        self.renewed: Callable[[], None] = lambda: None

    async def credentials(self) -> Credentials:
        return cast(Credentials, None)

    def on_renewal(self, listener: Callable[[], None]) -> None:
        self.renewed = listener


class Plane:
    """Counts dials; refuses them while `down`."""

    def __init__(self) -> None:
        self.dials = self.closed = 0
        self.down = False

    async def dial(self, _: Credentials) -> Connection:
        self.dials += 1
        if self.down:
            raise UpstreamBroken("no connection")
        return cast(Connection, PlaneConnection(self))


class PlaneConnection:
    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    async def close(self) -> None:
        self._plane.closed += 1


class World:
    def __init__(self) -> None:
        self.clock, self.keys, self.plane = FakeClock(), NoKeys(), Plane()
        self.link = Link("p", self.plane.dial, cast(Keys, self.keys), clock=self.clock, random=lambda: 1.0)

    async def pause(self) -> float:
        """Waits until the link sleeps, lets it sleep on; returns for how long it did, in steps of 10 ms."""

        async def sleeping() -> bool:
            return self.clock.sleeping == 1

        await eventually(sleeping, what="it sleeps")
        begin = self.clock.monotonic()
        while self.clock.sleeping:
            self.clock.advance(0.01)
        return self.clock.monotonic() - begin

    async def up(self) -> Connection:
        await asyncio.wait_for(self.link.up.wait(), 60)
        assert self.link.connection
        return self.link.connection


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with running(world):
        yield world


@asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    async with background(world.link.run(), name="link"):
        yield


async def test_a_control_plane_that_is_away_is_dialled_with_growing_pauses_of_at_most_a_second() -> None:
    world = World()
    world.plane.down = True
    async with running(world):
        pauses = [await world.pause() for _ in range(8)]
        assert pauses[0] < 0.1
        assert pauses[-1] == pytest.approx(LONGEST_REDIAL, abs=0.02)
        assert world.link.fault == "no connection"
        assert world.link.tried.is_set()
        world.plane.down = False
        await world.up()


async def test_a_useful_connection_that_breaks_is_dialled_again_at_once(world: World) -> None:
    for dials in range(1, 4):
        connection = await world.up()
        assert world.plane.dials == dials
        world.link.answered()
        world.link.broke(connection, UpstreamBroken("gone"))

        async def replaced(before: Connection = connection) -> bool:
            return world.link.connection not in {None, before}

        await eventually(replaced, what="another connection")
        assert world.plane.closed == dials
        assert world.clock.sleeping == 0


async def test_refusals_are_asked_again_ever_more_seldom(world: World) -> None:
    pauses = []
    for _ in range(9):
        world.link.broke(await world.up(), UpstreamRefused("permission denied"))
        pauses.append(await world.pause())
    assert pauses[0] == pytest.approx(0.1, abs=0.02)
    assert pauses[-1] == pytest.approx(10, abs=0.1)
    assert world.link.fault == "permission denied"


async def test_a_control_plane_that_restarts_again_and_again_is_tried_every_second(world: World) -> None:
    for _ in range(9):
        world.link.broke(await world.up(), UpstreamBroken("draining"))
        assert await world.pause() <= LONGEST_REDIAL + 0.02


async def test_the_failure_of_an_earlier_connection_does_not_touch_the_present_one(world: World) -> None:
    old = await world.up()
    world.link.answered()
    world.link.broke(old, UpstreamBroken("gone"))

    async def replaced() -> bool:
        return world.link.connection not in {None, old}

    await eventually(replaced, what="another connection")
    present = world.link.connection
    world.link.broke(old, UpstreamBroken("late"))
    await asyncio.sleep(0)
    assert world.link.connection is present


async def test_a_renewed_certificate_makes_a_new_connection(world: World) -> None:
    old = await world.up()
    world.keys.renewed()

    async def replaced() -> bool:
        return world.link.connection not in {None, old}

    await eventually(replaced, what="another connection")
