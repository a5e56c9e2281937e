"""The whole system as real processes: control plane, agent and Envoy, to be fed, starved and killed."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from sekisho.app.processes import Command, Process, own, start
from sekisho.client import Client
from sekisho.client.kubeconfig import Access, read
from sekisho.client.reviews import PLURALS
from tests.kit.evidence import process_folder
from tests.kit.http import Answer, fetch
from tests.kit.netns import Namespace
from tests.kit.objects import manifest
from tests.kit.ports import free_port
from tests.kit.wait import eventually

Manifest = dict[str, Any]

PATIENCE = 60.0
"""Seconds for what must come true but was promised for no certain time."""
ROOT = Path(__file__).parents[2]
_SLOW = os.environ.get("SEKISHO_SLOW")
_SLOWEST = 20.0


def promised(seconds: float) -> float:
    """A promise of the specification, stretched for a machine that has other things to do.

    By `SEKISHO_SLOW`; where it is not set, three times, or twice as often as there are programs for every
    processor now.
    """
    return seconds * (float(_SLOW) if _SLOW else min(_SLOWEST, max(3.0, 2 * _programs_per_processor())))


def _programs_per_processor() -> float:
    return os.getloadavg()[0] / (os.cpu_count() or 1)


class System:
    """A control plane and an agent in a folder of their own. Made by `running_system`."""

    def __init__(
        self, folder: Path, program: str = "sekisho.cli", environment: Mapping[str, str] | None = None
    ) -> None:
        """`program` is the module that is run for `sekisho`; `environment` is added to that of the tests."""
        self.folder = folder
        self.program = program
        self.environment = dict(environment or {})
        self.api, self.xds = free_port(), free_port()
        self.client: Client
        """Of the API, over TLS, as admin."""
        self._running: dict[str, Process] = {}

    # Processes

    async def start_control_plane(self, *more: str) -> float:
        """Returns once it serves, with the seconds that took; every time with the state and ports it had.

        `more`: arguments, such as those of a zone.
        """
        arguments = own(
            "control-plane", "--state", str(self.folder), "--drain", "1",
            "--api", f"127.0.0.1:{self.api}", "--xds", f"127.0.0.1:{self.xds}", *more,
        )  # fmt: skip
        took = await self._launch("control plane", arguments)
        if not hasattr(self, "client"):
            self.client = Client.from_kubeconfig(self.folder / "kubeconfig")
        return took

    async def start_agent(self, drain: float = 1) -> None:
        """Returns once it runs, which is before its Envoys do."""
        state = self.folder / "agent"
        arguments = own(
            "agent", "--state", str(state), "--kubeconfig", str(state / "kubeconfig"),
            "--xds", f"127.0.0.1:{self.xds}", "--drain", f"{drain:g}", "--concurrency", "1",
        )  # fmt: skip
        await self._launch("agent", arguments)

    async def start_sidecar(
        self, workload: str, *more: str, drain: float = 1, inside: Namespace | None = None
    ) -> float:
        """An agent of this Workload (namespace/name) alone; returns once its proxy serves, with the seconds.

        To `kill`, `stop` and `process` it is known by the workload. `more`: arguments. `inside`: where it is.
        """
        state = self.folder / workload.replace("/", ".")
        kubeconfig = self.folder / "agent" / "kubeconfig"
        arguments = own(
            "agent", "--workload", workload, "--state", str(state), "--kubeconfig", str(kubeconfig),
            "--xds", f"127.0.0.1:{self.xds}", "--drain", f"{drain:g}", "--concurrency", "1", *more,
        )  # fmt: skip
        return await self._launch(workload, inside.command(*arguments) if inside else arguments)

    async def _launch(self, name: str, arguments: tuple[str, ...]) -> float:
        began = time.monotonic()
        arguments = tuple(self.program if one == "sekisho.cli" else one for one in arguments)
        command = Command(
            name=name, arguments=arguments, log=self.log(name), folder=ROOT, announces=True,
            environment=self.environment,
        )  # fmt: skip
        process = self._running[name] = await start(command)
        await process.ready()
        return time.monotonic() - began

    async def kill(self, name: str) -> None:
        """SIGKILL to the process alone, not to what it started; returns when it is gone."""
        self.process(name).kill()
        async with asyncio.timeout(PATIENCE):
            await self._running.pop(name).ended()

    async def stop(self, name: str, grace: float = PATIENCE) -> None:
        """SIGTERM; returns when it is gone."""
        await self._running.pop(name).stop(grace)

    async def end(self) -> None:
        """Ends whatever is left, agents first because they drain their Envoys."""
        for name in sorted(self._running, key="control plane".__eq__):
            await self.stop(name)
        for orphan in self.envoys():
            orphan.kill()
        if hasattr(self, "client"):
            await self.client.close()

    def process(self, name: str) -> psutil.Process:
        """`control plane`, `agent`, or the agent of a workload, alone.

        It is known by its state: other systems name our folder, too, such as zones that of global.
        """
        inside = {"control plane": "", "agent": "agent"}.get(name, name.replace("/", "."))
        state = ("--state", str(self.folder / inside))
        children = psutil.Process().children()
        return next(child for child in children if state in pairwise(child.cmdline()))

    def envoys(self) -> list[psutil.Process]:
        """The Envoys of this system, whoever started them."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or ()
            if "--config-path" in words and any(word.startswith(str(self.folder)) for word in words):
                found.append(process)
        return found

    def log(self, name: str) -> Path:
        """The log of a process: JSON lines."""
        return self.folder / "logs" / f"{name.replace(' ', '-').replace('/', '.')}.log"

    # The API

    @property
    def access(self) -> Access:
        """Where the API is, whom to trust, and the admin's token."""
        return read(self.folder / "kubeconfig")

    async def apply(self, *manifests: Manifest) -> None:
        """In this order; raises what the client raises."""
        for one in manifests:
            await self.client.apply(one, manager="test", force=True)

    async def review(self) -> dict[str, Any]:
        """What `sekisho status` shows."""
        return await self.client.review(PLURALS["SystemStatus"], "SystemStatus", {})

    async def metrics(self) -> dict[str, float]:
        """The control plane's own figures by their full names, labels included."""
        text = await self.client.transport.text("/metrics")
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    async def condition(self, kind: str, name: str, type_: str, part: str = "") -> Manifest:
        """A condition of a resource in `shop`, of its listener `part`, or of a route's first parent.

        Empty when there is none.
        """
        status = (await self.client.get(kind, name, "shop")).get("status", {})
        owners = status.get("parents", [status]) if kind == "HTTPRoute" else [status]
        if part:
            owners = [one for one in status.get("listeners", ()) if one["name"] == part]
        conditions = (one for owner in owners for one in owner.get("conditions", ()))
        return next((one for one in conditions if one["type"] == type_), {})

    # Waiting

    async def until(
        self, holds: Callable[[], Awaitable[object]], what: str, within: float = PATIENCE
    ) -> float:
        """Waits for it; returns the seconds it took. TimeoutError after `within` seconds."""
        began = time.monotonic()
        await eventually(holds, what=what, within=within, every=0.01)
        return time.monotonic() - began

    async def answers(
        self, port: int, host: str, path: str = "/", status: int = 200, within: float = PATIENCE, **more: Any
    ) -> float:
        """Waits until the gateway answers so; returns the seconds that took. `more`: as `fetch` has it."""

        async def as_expected() -> bool:
            found = await attempt(port, host, path, **more)
            return found is not None and found.status == status

        return await self.until(as_expected, f"{host}:{port}{path} answers {status}", within)

    async def in_sync(self, at_least: int = 1) -> None:
        """Returns once so many proxies are connected, and all have acknowledged everything."""

        async def synced() -> bool:
            proxies = (await self.review())["proxies"]
            return len(proxies) >= at_least and all(proxy["synced"] for proxy in proxies)

        await self.until(synced, "proxies in sync")


async def attempt(port: int, host: str, path: str = "/", **more: Any) -> Answer | None:
    """An answer on a connection of its own, None when there is no whole one. `more`: as `fetch` has it."""
    try:
        return await fetch(port, host, path, **more)
    except (OSError, EOFError, TimeoutError):
        return None


def gateway(*listeners: Manifest, name: str = "web") -> Manifest:
    """A Gateway on the loopback."""
    spec = {
        "gatewayClassName": "sekisho",
        "addresses": [{"type": "IPAddress", "value": "127.0.0.1"}],
        "listeners": list(listeners),
    }
    return manifest("Gateway", name, spec=spec)


def log_lines(path: Path) -> list[dict[str, Any]]:
    """A log as its objects. ValueError when a line is not one JSON object."""
    objects = [json.loads(line) for line in path.read_text().splitlines()]
    if not all(isinstance(one, dict) for one in objects):
        raise ValueError(f"{path}: a line that is no object")
    return objects


@asynccontextmanager
async def running_system(
    *more: str,
    agent: bool = True,
    program: str = "sekisho.cli",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[System]:
    """With the Namespace `shop`; nothing of it is left afterwards. Sockets want the path to be short.

    `more`: arguments of the control plane.
    """
    with process_folder() as folder:
        system = System(folder, program, environment)
        try:
            await system.start_control_plane(*more)
            if agent:
                await system.start_agent()
            await system.apply(manifest("Namespace", "shop"))
            yield system
        finally:
            await system.end()
