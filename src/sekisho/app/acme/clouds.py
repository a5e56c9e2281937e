"""The processes of acme.corp: a global control plane and two zones, each as `sekisho up` runs it."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sekisho.agent.processes import command_of, running
from sekisho.app.acme.told import Stage
from sekisho.app.processes import start
from sekisho.app.settings import Address, Up
from sekisho.app.up import Run
from sekisho.app.voice import Voice
from sekisho.app.zones.place import Joins, Mode, Place
from sekisho.client import Client, kubeconfig
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ask
from sekisho.identity.files import private_directory, write_private
from sekisho.model.problems import Problem

GLOBAL = "global"
ZONES = ("azure", "gcp")
ANY_PORT = Address("127.0.0.1", 0)
BROKEN_GRACE = 0.5
"""Seconds a part gets that is broken on purpose."""


class _OfZone:
    """What one of several runs says, with its name before it. Implements Voice.

    While the story is told it keeps statuses to itself: things break in it, so troubles come and go.
    """

    def __init__(self, voice: Voice, name: str, is_told: asyncio.Event) -> None:
        self._voice, self._name, self._is_told = voice, name, is_told
        self.serves = False

    def done(self, what: str, detail: str = "") -> None:
        if not self.serves or self._is_told.is_set():
            self._voice.done(f"{self._name}: {what}", detail)

    def note(self, text: str) -> None:
        self._voice.note(f"{self._name}: {text}")

    def trouble(self, text: str, advice: str = "") -> None:
        self._voice.trouble(f"{self._name}: {text}", advice)

    def problems(self, problems: Sequence[Problem]) -> None:
        if self._is_told.is_set():
            self._voice.problems(problems)


@dataclass(slots=True)
class Cloud:
    """A folder that runs."""

    run: Run
    state: Path

    async def suspend(self, *parts: str) -> None:
        """Ends some of its processes, side by side, and holds them back."""
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(self.run.supervisor.suspend(part, BROKEN_GRACE), name=f"break {part}")

    async def resume(self, *parts: str) -> None:
        """Starts them again, one after another; without parts, all of them."""
        for part in parts or self.run.commands:
            await self.run.supervisor.resume(self.run.commands[part])

    async def lose_power(self) -> None:
        """Everything of it is gone at once: its control plane, its programs, its agent and the Envoys."""
        async with asyncio.TaskGroup() as group:
            for part in self.run.commands:
                group.create_task(self.run.supervisor.suspend(part, 0.0), name=f"break {part}")
        # Envoys outlive their agent, so that traffic does; these are to be gone as well.
        for pid in running():
            if any(word.startswith(f"{self.state.resolve()}/") for word in command_of(pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


class Clouds:
    """All of acme.corp."""

    def __init__(self, folder: Path, state: Path, stage: Stage, stop: asyncio.Event) -> None:
        """`folder`: of the example. `state` is emptied: the story begins anew each time. `stop` ends all."""
        self._folder, self.state, self._stage, self._stop = folder, state, stage, stop
        self._clouds: dict[str, Cloud] = {}
        self._clients: dict[str, Client] = {}
        self._is_told = asyncio.Event()

    def __getitem__(self, name: str) -> Cloud:
        return self._clouds[name]

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Returns once all serve. Raises what `Run.run` does, from the group."""
        await self._start(group, GLOBAL, Place(mode=Mode.GLOBAL))
        known = {zone: await self._introduce(zone) for zone in ZONES}
        async with asyncio.TaskGroup() as starting:
            for zone, joins in known.items():
                place = Place(zone=zone, joins=joins)
                starting.create_task(self._start(group, zone, place), name=f"start {zone}")

    def client(self, name: str) -> Client:
        """Of the API of a zone, or of the global control plane."""
        return self._clients[name]

    def go_on(self) -> None:
        """The story is over: edits of the files are followed from now on."""
        self._is_told.set()

    async def end(self) -> None:
        """Ends everything, side by side."""
        async with asyncio.TaskGroup() as group:
            for name, cloud in self._clouds.items():
                group.create_task(cloud.run.end(), name=f"end {name}")

    async def _start(self, group: asyncio.TaskGroup, name: str, place: Place) -> None:
        state = self.state / name
        settings = Up(
            folder=self._folder / name, state=state, api=ANY_PORT, xds=ANY_PORT,
            place=place,
        )  # fmt: skip
        private_directory(state)
        voice = _OfZone(self._stage, name, self._is_told)
        run = Run(settings, voice, start, self._stop)
        self._clouds[name] = Cloud(run, state)
        serving: asyncio.Future[Client] = asyncio.get_running_loop().create_future()

        async def then(client: Client) -> None:
            voice.serves = True
            serving.set_result(client)
            await self._is_told.wait()

        group.create_task(run.run(then), name=f"run {name}")
        self._clients[name] = await serving

    async def _introduce(self, zone: str) -> Joins:
        """Makes a zone known to the global control plane; how its own one joins."""
        client = self.client(GLOBAL)
        await client.create(
            {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Zone", "metadata": {"name": zone}}
        )
        wish = TokenSpec(action="create", role="zone", proxies=(f"zone/{zone}",))
        token = (await ask(client, "TokenReview", wish, TokenAnswer)).token
        known = kubeconfig.read(self[GLOBAL].state / "kubeconfig")
        folder = private_directory(self.state / "joining")
        write_private(folder / f"{zone}.token", token.encode())
        write_private(folder / "global.pem", known.authority.encode())
        return Joins(url=known.server, authority=folder / "global.pem", token_file=folder / f"{zone}.token")
