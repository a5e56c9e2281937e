"""A global control plane and its zones as real processes, joined as an operator joins them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sekisho.app.processes import Ended
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ask
from tests.kit.evidence import process_folder
from tests.kit.objects import manifest
from tests.kit.relay import Relay, relay
from tests.kit.system import System, log_lines

CONTROL_PLANE = "control plane"


@dataclass
class Federated:
    """All of them, each in a folder of its own."""

    folder: Path
    hub: System
    """The global control plane."""
    zones: dict[str, System]
    lines: dict[str, Relay] = field(default_factory=dict)
    """Between a zone and global, where something is: to be cut, or slow."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """What is run for `sekisho` in a zone, where that is something else."""

    async def start_hub(self) -> None:
        """Returns once it serves."""
        await self.hub.start_control_plane("--mode", "global")

    async def add(self, name: str) -> System:
        """A zone with a token of its own; returns once its control plane serves, which asks for no link."""
        zone = self.zones[name] = System(self._made(name), self.programs.get(name, "sekisho.cli"))
        await self.hub.apply(manifest("Zone", name, ""))
        await self.token(name)
        await self.start(name)
        return zone

    async def start(self, name: str, zone: str = "") -> None:
        """A zone's control plane, as it was before; `zone`: as another one. Raises Ended."""
        arguments = (
            "--zone", zone or name, "--global", f"https://127.0.0.1:{self._door(name)}",
            "--global-ca", str(self.folder / "hub" / "authority" / "root.crt"),
            "--zone-token-file", str(self.token_file(name)),
        )  # fmt: skip
        await self.zones[name].start_control_plane(*arguments)

    async def token(self, name: str) -> str:
        """A new token for a zone, in its file."""
        spec = TokenSpec(action="create", role="zone", proxies=(f"zone/{name}",))
        made = await ask(self.hub.client, "TokenReview", spec, TokenAnswer)
        self.token_file(name).write_text(made.token)
        return made.token

    def _door(self, name: str) -> int:
        return self.lines[name].port if name in self.lines else self.hub.api

    def token_file(self, name: str) -> Path:
        return self.folder / f"{name}.token"

    async def seen(self, name: str) -> Mapping[str, Any]:
        """The zone as global shows it; empty when it does not."""
        zones = (await self.hub.review()).get("zones", ())
        return next((zone for zone in zones if zone["name"] == name), {})

    async def until_connected(self, *names: str, connected: bool = True) -> float:
        """Returns when global sees them so, and they see it so themselves, with the seconds that took."""

        async def agreed() -> bool:
            return all([await self.is_connected(name) is connected for name in names])

        return await self.hub.until(agreed, f"{', '.join(names)} connected: {connected}")

    async def is_connected(self, name: str) -> bool | None:
        """None when the two do not agree."""
        here, there = await self.seen(name), (await self.zones[name].review())["link"]
        return there["connected"] if here.get("connected", False) is there["connected"] else None

    def told(self, name: str, event: str) -> list[dict[str, Any]]:
        """Lines of a zone's log, or of global's (`hub`), about an event."""
        system = self.hub if name == "hub" else self.zones[name]
        return [line for line in log_lines(system.log(CONTROL_PLANE)) if event in line["event"]]

    async def fails_to_start(self, name: str, zone: str) -> str:
        """The log of a zone's control plane that does not start as another zone."""
        try:
            await self.start(name, zone)
        except Ended as ended:
            return ended.log.read_text()
        raise AssertionError(f"{name} started as {zone}")

    async def end(self) -> None:
        async with asyncio.TaskGroup() as group:
            for system in (*self.zones.values(), self.hub):
                group.create_task(system.end())

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        return folder


@asynccontextmanager
async def running_federation(
    *zones: str, relayed: bool = False, programs: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Federated]:
    """With these zones, joined; nothing of it is left afterwards. `relayed`: there is a line to each."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(process_folder())
        (folder / "hub").mkdir(mode=0o700)
        federated = Federated(folder, System(folder / "hub"), {}, programs=programs)
        for name in zones if relayed else ():
            federated.lines[name] = await stack.enter_async_context(relay(federated.hub.api))
        stack.push_async_callback(federated.end)
        await federated.start_hub()
        async with asyncio.TaskGroup() as group:
            for name in zones:
                group.create_task(federated.add(name))
        await federated.until_connected(*zones)
        yield federated
