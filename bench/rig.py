"""The whole system as real processes for the time of a benchmark: control plane, agent, Envoy, a backend."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tests.kit.http import Answer, fetch, read_answer, request_bytes
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from bench import manifests
from bench.harness import ROOT
from sekisho.app.processes import Command, Process, own, start
from sekisho.client import Client
from sekisho.client.reviews import PLURALS

STARTS_WITHIN = 30.0
"""Seconds a process gets to say that it is ready."""
ENDS_WITHIN = 5.0
"""Seconds a process gets to end before it is killed."""
SETTLES_WITHIN = 60.0
"""Seconds that what was written gets to be served."""
WRITERS = 16
"""API requests in flight where a benchmark writes as fast as the API takes it."""
HOSTS = tuple(f"127.0.0.{number}" for number in range(1, 5))
"""Addresses of the backend: as many instances of one program as there are."""


class Rig:
    """A Gateway that serves, and everything behind it. Made by `running_rig`."""

    def __init__(self, folder: Path, *, workers: int = 0) -> None:
        """`workers`: threads of Envoy; 0 for one per processor."""
        self._workers = workers
        self.port = free_port()
        """Of the Gateway's listener."""
        self.backends = (free_port(), free_port())
        """Ports on which the backend answers, on each of HOSTS; the body is `host:port`."""
        self.client: Client
        """Of the API, over TLS, as admin."""
        self._folder = folder
        self._api, self._xds = free_port(), free_port()
        self._running: dict[str, Process] = {}

    # Processes

    async def start(self) -> None:
        """Returns once the Gateway answers."""
        await self._launch(self._backend())
        await self.start_control_plane()
        self.client = Client.from_kubeconfig(self._folder / "kubeconfig")
        await self._launch(self._agent())
        await self.client.create(manifests.namespace(manifests.NAMESPACE))
        await self.client.create(manifests.gateway(self.port))
        await eventually(self._listens, what="the Gateway answers", within=STARTS_WITHIN)

    async def end(self) -> None:
        """Ends every process, the agent first because it drains its Envoy."""
        for name in ("agent", "control plane", "backend"):
            if process := self._running.pop(name, None):
                await process.stop(ENDS_WITHIN)
        if hasattr(self, "client"):
            await self.client.close()

    async def start_control_plane(self) -> None:
        """Returns once it serves. After `kill_control_plane`, it has the state and the ports it had."""
        await self._launch(self._control_plane())

    async def kill_control_plane(self) -> None:
        """SIGKILL; returns when it is gone."""
        self.control_plane.kill()
        await self._running.pop("control plane").ended()

    @property
    def control_plane(self) -> psutil.Process:
        """The process of the control plane alone."""
        return _child(psutil.Process(), "control-plane")

    @property
    def envoy(self) -> psutil.Process:
        """The process of Envoy alone."""
        return _child(_child(psutil.Process(), "agent"), "--config-path")

    async def _launch(self, command: Command) -> None:
        process = self._running[command.name] = await start(command)
        async with asyncio.timeout(STARTS_WITHIN):
            await process.ready()

    def _backend(self) -> Command:
        addresses = (f"{host}:{port}" for host in HOSTS for port in self.backends)
        arguments = (sys.executable, "-m", "bench.responder", *addresses)
        return Command(
            name="backend", arguments=arguments, log=self._log("backend"), folder=ROOT, announces=True
        )

    def _control_plane(self) -> Command:
        arguments = own(
            "control-plane", "--state", str(self._folder), "--log-level", "warning", "--drain", "1",
            "--api", f"127.0.0.1:{self._api}", "--xds", f"127.0.0.1:{self._xds}",
        )  # fmt: skip
        return Command(
            name="control plane", arguments=arguments, log=self._log("control-plane"), announces=True
        )

    def _agent(self) -> Command:
        state = self._folder / "agent"
        arguments = own(
            "agent", "--state", str(state), "--kubeconfig", str(state / "kubeconfig"),
            "--xds", f"127.0.0.1:{self._xds}", "--log-level", "warning", "--drain", "1",
            "--concurrency", str(self._workers),
        )  # fmt: skip
        return Command(name="agent", arguments=arguments, log=self._log("agent"), announces=True)

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    async def _listens(self) -> bool:
        try:
            return (await fetch(self.port, "nobody.example.com")).status == 404
        except OSError:
            return False

    # What the system says of itself

    async def metrics(self) -> dict[str, float]:
        """The control plane's own figures by their full names, labels included."""
        text = await self.client.transport.text("/metrics")
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    async def proxies(self) -> list[dict[str, Any]]:
        """The proxies of `sekisho status`."""
        status = await self.client.review(PLURALS["SystemStatus"], "SystemStatus", {})
        return list(status["proxies"])

    async def in_sync(self) -> bool:
        """Whether there is a proxy, and all have acknowledged everything."""
        proxies = await self.proxies()
        return bool(proxies) and all(proxy["synced"] for proxy in proxies)

    async def until(self, host: str, path: str, status: int = 200) -> None:
        """Returns once the Gateway answers with `status`, and the proxies are in sync."""

        async def answers() -> bool:
            return (await fetch(self.port, host, path)).status == status

        await eventually(answers, what=f"{host}{path} answers {status}", within=SETTLES_WITHIN)
        await eventually(self.in_sync, what="proxies in sync", within=SETTLES_WITHIN, every=0.05)


@asynccontextmanager
async def running_rig(*, workers: int = 0) -> AsyncIterator[Rig]:
    """A rig in a folder of its own; nothing of it is left afterwards. See Rig for `workers`."""
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as folder:
        rig = Rig(Path(folder), workers=workers)
        try:
            await rig.start()
            yield rig
        finally:
            await rig.end()


class Connection:
    """A keep-alive connection to the Gateway, opened with the first request and again after a failure."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, host: str, path: str) -> Answer:
        """Raises OSError, TimeoutError or EOFError when no whole answer came."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request_bytes("GET", path, [("host", host)]))
        try:
            async with asyncio.timeout(10):
                answer = await read_answer(reader)
        except (OSError, EOFError, TimeoutError):
            self.close()
            raise
        if answer.header("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Closes it; the next request opens it again."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used over a time."""

    cores: float
    """Processors kept busy, on average."""
    resident: float
    """Bytes of memory at the end (RSS)."""


async def used(process: psutil.Process, seconds: float) -> Usage:
    """Watches a process for a while."""
    before, began = processor_seconds(process), time.monotonic()
    await asyncio.sleep(seconds)
    elapsed = time.monotonic() - began
    return Usage((processor_seconds(process) - before) / elapsed, process.memory_info().rss)


async def each(calls: Iterable[Callable[[], Awaitable[object]]], at_once: int = WRITERS) -> None:
    """Makes all calls in this order, several at a time."""
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            await call()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


def processor_seconds(process: psutil.Process) -> float:
    """What a process has used so far, by itself and in the kernel."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _child(parent: psutil.Process, word: str) -> psutil.Process:
    return next(child for child in parent.children() if word in child.cmdline())
