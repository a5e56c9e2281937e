"""One Envoy process: started or adopted, watched, started again when it dies, drained when it is to end.

An agent that is killed leaves its Envoys serving. The next agent looks in the process table: of those that
run in our folder, whatever it was called when they started, one that runs the very command we would run (the
name of its bootstrap file holds the digest of the content) is adopted as it is; one with another bootstrap is
drained and replaced. So no port is ever fought over, and no file that says who runs can be wrong.
"""

import asyncio
import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import structlog

from sekisho.agent.admin import Admin, AdminUnavailable
from sekisho.agent.processes import Process, command_of, folder_of, program_of, running
from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import background
from sekisho.identity.files import private_directory, write_private

log = structlog.get_logger()

LONGEST_SOCKET_PATH = 107
"""Bytes in the path of a unix socket (unix(7): 108 with the closing zero)."""
STABLE = 60.0
"""Seconds. An Envoy that ran this long before it died is started again at once, as after its first death."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 15.0
"""Seconds between starts, doubling, from the second death in short time on."""
FIRST_LOOK, LONGEST_LOOK = 0.02, 0.25
"""Seconds between looks at `/ready` until Envoy serves, growing by a tenth: it may wait long for a control
plane. Nobody looks after that; that it ended is told by the kernel."""
TERMINATION = 5.0
"""Seconds from SIGTERM to SIGKILL; Envoy ends in some milliseconds."""
LARGEST_LOG = 10 * 1024 * 1024
"""Bytes; a larger log of Envoy is put aside (one generation) when Envoy is started."""
LOG_FORMAT = '{"time":"%Y-%m-%dT%T.%e%z","level":"%l","logger":"envoy.%n","event":"%j"}'


class State(StrEnum):
    """What an Envoy is doing."""

    STARTING = "starting"
    """It runs but does not serve yet: it waits for its first configuration."""
    READY = "ready"
    WAITING = "waiting"
    """It died, and a pause passes before the next start."""
    DRAINING = "draining"
    STOPPED = "stopped"


class ProxyUser(NamedTuple):
    """A user of its own for Envoy, so that the kernel can tell its connections from the application's."""

    id: int
    """User and group."""
    transparent: bool = False
    """May take and make connections under foreign addresses (TPROXY): CAP_NET_ADMIN."""

    def prefix(self) -> tuple[str, ...]:
        """Arguments before a command to run it so."""
        setpriv = shutil.which("setpriv", path="/usr/bin:/bin") or "setpriv"
        become = ("--reuid", str(self.id), "--regid", str(self.id), "--clear-groups", "--no-new-privs")
        kept = ("--inh-caps=+net_admin", "--ambient-caps=+net_admin") if self.transparent else ()
        return (setpriv, *become, *kept, "--")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyOptions:
    """How every Envoy of this host is run."""

    binary: Path
    concurrency: int | None = None
    """Worker threads; None for one per processor."""
    drain: float = 5.0
    """Seconds in which clients are asked to leave before listeners close. Cut short when none is left."""
    deadline: float = 30.0
    """Seconds from the beginning of the drain after which Envoy ends whatever it still serves."""
    log_level: str = "warning"
    user: ProxyUser | None = None
    """Whom it runs as; None for the agent's own user. Another one needs root."""


class Envoy:
    """Keeps one Envoy running for as long as `run` runs."""

    def __init__(
        self,
        directory: Path,
        bootstrap: bytes,
        options: EnvoyOptions,
        *,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """`directory` is this Envoy's alone; `bootstrap` is JSON, and its admin `admin.sock` in there."""
        self._directory = run_directory(directory, options.user)
        self._bootstrap = bootstrap
        self._options = options
        self._clock = clock
        self._backoff = Backoff(random, first=FIRST_PAUSE, limit=LONGEST_PAUSE)
        self._admin = Admin(socket_path(directory, "admin.sock"))
        self._process: Process | None = None
        self._ready = asyncio.Event()
        self._log = log.bind(envoy=directory.name)
        self.state = State.STOPPED
        self.restarts = 0
        """How often it died and was started again."""

    @property
    def admin(self) -> Admin:
        """Its admin interface; it answers while there is a process."""
        return self._admin

    @property
    def pid(self) -> int | None:
        """The process number, when there is a process."""
        return self._process.pid if self._process and self._process.is_running else None

    async def ready(self) -> None:
        """Returns when Envoy serves."""
        await self._ready.wait()

    async def run(self) -> None:
        """Supervises until cancelled, then drains and ends Envoy. Cancelled again, it ends Envoy at once."""
        try:
            await self._replace_outdated()
            self._process = self._adopted() or self._start()
            if self._process.adopted:
                with suppress(AdminUnavailable):
                    await self._admin.welcome()  # whoever sent its clients elsewhere is gone
            await self._supervise()
        finally:
            await self._stop()

    async def _supervise(self) -> None:
        deaths = 0
        while self._process:
            since = self._clock.monotonic()
            async with background(self._watch_readiness(), name=f"{self._directory.name}: readiness"):
                await self._process.ended()
            self._ready.clear()
            deaths = 1 if self._clock.monotonic() - since > STABLE else deaths + 1
            await self._pause(self._process, deaths)
            self._process = await self._start_again()
            self.restarts += 1

    async def _pause(self, dead: Process, deaths: int) -> None:
        if deaths == 1:
            self._backoff.reset()
        seconds = 0.0 if deaths == 1 else self._backoff.next()
        self._log.error(
            "envoy ended", pid=dead.pid, exit_code=dead.exit_code, pause_seconds=round(seconds, 2)
        )
        self.state = State.WAITING
        await self._clock.sleep(seconds)

    async def _start_again(self) -> Process:
        while True:
            try:
                return self._start()
            except OSError as error:  # the disk is full, or no more processes are allowed: it may pass
                self._log.error("envoy cannot be started", reason=str(error))
                await self._clock.sleep(self._backoff.next())

    async def _watch_readiness(self) -> None:
        pause = FIRST_LOOK
        while not await self._is_ready():
            await self._clock.sleep(pause)
            pause = min(pause * 1.1, LONGEST_LOOK)
        self._log.info("envoy serves", pid=self.pid)
        self.state = State.READY
        self._ready.set()

    async def _is_ready(self) -> bool:
        try:
            return await self._admin.is_ready()
        except AdminUnavailable:
            return False

    # Starting and finding

    def _command(self) -> tuple[str, ...]:
        options = self._options
        workers = () if options.concurrency is None else ("--concurrency", str(options.concurrency))
        return (
            str(options.binary), "--config-path", str(self._bootstrap_file()), "--disable-hot-restart",
            # Clients are asked to leave with the next answer. By and by, nobody is within the first second of
            # a drain, and who was not asked when it ends loses the call under way.
            "--drain-time-s", str(max(1, round(options.drain))), "--drain-strategy", "immediate",
            "--log-level", options.log_level, "--log-format", LOG_FORMAT, *workers,
        )  # fmt: skip

    def _bootstrap_file(self) -> Path:
        digest = hashlib.sha256(self._bootstrap).hexdigest()[:16]
        return self._directory / f"bootstrap-{digest}.json"

    def _start(self) -> Process:
        if not self._bootstrap_file().exists():
            for old in self._directory.glob("bootstrap-*.json"):
                old.unlink()
            write_private(self._bootstrap_file(), self._bootstrap)
            if self._options.user:  # it holds no secret
                os.chown(self._bootstrap_file(), -1, self._options.user.id)
                self._bootstrap_file().chmod(0o640)
        output = self._directory / "envoy.log"
        if output.exists() and output.stat().st_size > LARGEST_LOG:
            output.replace(output.with_suffix(".log.1"))
        self.state = State.STARTING
        user = self._options.user
        process = Process.start((*(user.prefix() if user else ()), *self._command()), output)
        self._log.info("envoy started", pid=process.pid)
        return process

    def _adopted(self) -> Process | None:
        for pid in self._ours():
            if process := Process.find(pid, self._command()):
                self._log.info("envoy adopted", pid=pid)
                self.state = State.STARTING  # until its readiness is seen
                return process
        return None

    async def end_leftovers(self) -> None:
        """Drains and ends what an earlier agent left running in this directory; not while `run` runs."""
        for pid in self._ours():
            if left := Process.find(pid, command_of(pid)):
                await self._end(left)

    async def _replace_outdated(self) -> None:
        for pid in self._ours():
            current = program_of(pid) == str(self._options.binary.resolve())
            if (command_of(pid) != self._command() or not current) and (
                old := Process.find(pid, command_of(pid))
            ):
                self._log.info("envoy of another bootstrap is replaced", pid=pid)
                await self._end(old)

    def _ours(self) -> list[int]:
        here, user = self._directory.resolve(), self._options.user
        pids = running(user.id) if user else running()
        return [pid for pid in pids if folder_of(pid) == here and "--config-path" in command_of(pid)]

    # Ending

    async def _stop(self) -> None:
        process, self._process = self._process, None
        self._ready.clear()
        try:
            if process and process.is_running:
                self.state = State.DRAINING
                await self._end(process)
        finally:
            self._admin.socket.unlink(missing_ok=True)  # Envoy leaves it
        self.state = State.STOPPED

    async def _end(self, process: Process) -> None:
        try:
            await self._drain_within_deadline(process)
            await self._terminate(process)
        except asyncio.CancelledError:
            process.send(signal.SIGKILL)
            raise

    async def _drain_within_deadline(self, process: Process) -> None:
        try:
            async with asyncio.timeout(self._options.deadline):
                await self._drain(process)
        except TimeoutError:
            self._log.warning("envoy still served at the end of its drain", pid=process.pid)
        except AdminUnavailable as error:
            self._log.warning("envoy could not be drained", pid=process.pid, reason=str(error))

    async def _drain(self, process: Process) -> None:
        await self._admin.begin_drain()
        closing = self._clock.monotonic() + self._options.drain
        while (
            process.is_running
            and self._clock.monotonic() < closing
            and (await self._admin.traffic()).connections
        ):
            await self._clock.sleep(0.05)
        await self._admin.close_listeners()
        while process.is_running and (await self._admin.traffic()).requests:
            await self._clock.sleep(0.05)

    async def _terminate(self, process: Process) -> None:
        process.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(TERMINATION):
                await process.ended()
        except TimeoutError:
            process.send(signal.SIGKILL)
            await process.ended()
        self._log.info("envoy ended as asked", pid=process.pid)


def run_directory(path: Path, user: ProxyUser | None) -> Path:
    """Makes a directory of ours alone, or of ours and a proxy's user, who makes its sockets in it."""
    if user is None:
        return private_directory(path)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(path, -1, user.id)
    path.chmod(0o770)
    return path


def socket_path(directory: Path, name: str) -> Path:
    """The path of a unix socket. Raises ValueError when the system cannot bind one that long."""
    path = directory / name
    if len(bytes(path)) > LONGEST_SOCKET_PATH:
        raise ValueError(
            f"{path} is longer than the {LONGEST_SOCKET_PATH} bytes of a socket path; shorten its directory"
        )
    return path
