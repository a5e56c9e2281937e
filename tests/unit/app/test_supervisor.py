"""The supervisor, with processes that do what the test says."""

import asyncio
from pathlib import Path

import pytest
from tests.kit.voice import Troubles

from sekisho.aio.tasks import background
from sekisho.app.processes import Command, Ended, Process
from sekisho.app.supervisor import Supervisor

COMMAND = Command(name="part", arguments=("part",), log=Path("part.log"))


class Fake:
    """A process that lives until it is told to end."""

    name = "part"

    def __init__(self, *, starts: bool = True) -> None:
        self.over = asyncio.Event()
        self.stopped_with: float | None = None
        self._starts = starts

    async def ready(self) -> str:
        if not self._starts:
            raise Ended("part", 1, Path("part.log"), "no")
        return "api=here"

    async def ended(self) -> Ended:
        await self.over.wait()
        return Ended("part", 9, Path("part.log"), "")

    async def stop(self, grace: float) -> None:
        self.stopped_with = grace
        self.over.set()


class Starter:
    """Hands out processes and remembers them."""

    def __init__(self, *, starts: bool = True) -> None:
        self.started: list[Fake] = []
        self._starts = starts
        self.another = asyncio.Event()

    async def __call__(self, _: Command) -> Process:
        self.started.append(Fake(starts=self._starts))
        self.another.set()
        return self.started[-1]


async def test_what_ends_is_told_and_started_again() -> None:
    voice, starter = Troubles(), Starter()
    supervisor = Supervisor(starter, voice, lambda: 0.0)
    assert await supervisor.launch(COMMAND) == "api=here"
    async with asyncio.timeout(60), background(supervisor.keep(COMMAND), name="keep"):
        starter.another.clear()
        starter.started[0].over.set()
        await starter.another.wait()
        assert voice.troubles == ["part ended with code 9"]
        starter.another.clear()
        starter.started[1].over.set()
        await starter.another.wait()
        assert voice.troubles == ["part ended with code 9"], "the same once more is no news"
        await supervisor.stop(["part"], 2.0)
    assert [process.stopped_with for process in starter.started] == [None, None, 2.0]


async def test_a_part_that_does_not_become_ready_is_raised_and_still_stopped() -> None:
    starter = Starter(starts=False)
    supervisor = Supervisor(starter, Troubles())
    with pytest.raises(Ended):
        await supervisor.launch(COMMAND)
    assert supervisor.is_running
    await supervisor.stop(["part", "never started"], 1.0)
    assert starter.started[0].stopped_with == 1.0
    assert not supervisor.is_running


async def test_what_is_suspended_is_started_when_it_is_resumed_and_not_before() -> None:
    voice, starter = Troubles(), Starter()
    supervisor = Supervisor(starter, voice, lambda: 0.0)
    await supervisor.launch(COMMAND)
    async with asyncio.timeout(60), background(supervisor.keep(COMMAND), name="keep"):
        await supervisor.suspend("part", 1.0)
        await asyncio.sleep(0)
        assert len(starter.started) == 1
        assert await supervisor.resume(COMMAND) == "api=here"
        assert len(starter.started) == 2
        starter.another.clear()
        starter.started[1].over.set()
        await starter.another.wait()
    assert voice.troubles == ["part ended with code 9"], "only what nobody asked for is told"
