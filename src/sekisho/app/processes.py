"""Processes we start: each in a group of its own, logging to a file, ended together with what it started."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from sekisho.app import tether
from sekisho.app.settings import ENVIRONMENT
from sekisho.identity.files import private_directory

READY = "ready"
"""First word of the line by which our own processes say on stdout that they are ready."""
HURRIED = 3.0
"""Seconds a process gets to end when there is no time for it to end in order."""
_TAIL = 4000
"""Bytes of a log that are looked at for the reason of an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run."""

    name: str
    """As users know it: `control plane`, `service cart`."""
    arguments: tuple[str, ...]
    log: Path
    """Gets its stdout and stderr, appended."""
    folder: Path | None = None
    """Working directory; None for ours."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables it has beside ours."""
    announces: bool = False
    """It prints a line that starts with `ready` on stdout once it is."""


_ERROR = "error: "
"""How the commands begin to say why they end."""


class Ended(Exception):
    """A process ended that should have gone on."""

    def __init__(self, name: str, code: int, log: Path, last_words: str) -> None:
        super().__init__(f"{name} ended with code {code}{f': {last_words}' if last_words else ''}")
        self.name = name
        self.code = code
        self.log = log


class Process(Protocol):
    """A running command."""

    @property
    def name(self) -> str: ...

    async def ready(self) -> str:
        """The rest of the line that it announced itself with; "" at once when it announces nothing.

        Raises Ended.
        """
        ...

    async def ended(self) -> Ended:
        """Returns once it is gone, with how."""
        ...

    async def stop(self, grace: float) -> None:
        """SIGTERM; after `grace` seconds, SIGKILL to it and all it started. Returns when it is gone."""
        ...


class Starter(Protocol):
    """Starts processes. Tests have one that starts none."""

    async def __call__(self, command: Command) -> Process:
        """Raises Ended when it cannot even be started."""
        ...


async def start(command: Command) -> Process:
    """Runs it, tied to this process: it is asked to stop should we be killed."""
    private_directory(command.log.parent)
    wrapped = (sys.executable, "-IS", tether.__file__, str(os.getpid()), *command.arguments)
    log = command.log.open("ab", buffering=0)
    try:
        process = await asyncio.create_subprocess_exec(
            *wrapped,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if command.announces else log,
            stderr=log,
            cwd=command.folder,
            env={**ENVIRONMENT, **command.environment},
            start_new_session=True,  # Ctrl-C reaches us only, and we end the others in order
        )
    except BaseException:
        log.close()
        raise
    return _Running(command, process, log)


class _Running:
    """Implements Process."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self._command = command
        self._process = process
        self._log = log
        self._begin = command.log.stat().st_size

    @property
    def name(self) -> str:
        return self._command.name

    async def ready(self) -> str:
        output = self._process.stdout
        if output is None:
            return ""
        while line := await output.readline():
            first, _, rest = line.decode(errors="replace").strip().partition(" ")
            if first == READY:
                return rest
            self._log.write(line)
        raise await self.ended()

    async def ended(self) -> Ended:
        if self._process.stdout is not None:
            while chunk := await self._process.stdout.read(_TAIL):  # nobody else reads it: keep it flowing
                if not self._log.closed:
                    self._log.write(chunk)
        code = await self._process.wait()
        return Ended(self.name, code, self._command.log, _last_words(self._command.log, self._begin))

    async def stop(self, grace: float) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(grace):
                await self._process.wait()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            await self._hurry()
            raise
        finally:
            # Also after a good end: what it started and left behind shares its group.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._log.close()

    async def _hurry(self) -> None:
        """Passes a second Ctrl-C on: an agent ends its Envoys then; they would outlive its killing."""
        with suppress(ProcessLookupError, TimeoutError):
            self._process.send_signal(signal.SIGINT)
            async with asyncio.timeout(HURRIED):
                await self._process.wait()


def own(*arguments: str) -> tuple[str, ...]:
    """The arguments that run a command of ours, with this Python."""
    return (sys.executable, "-m", "sekisho.cli", *arguments)


def ready_line(**facts: object) -> str:
    """What `Process.ready` waits for: `ready api=127.0.0.1:7443`."""
    return " ".join([READY, *(f"{key}={value}" for key, value in facts.items())])


def ready_facts(line: str) -> Mapping[str, str]:
    """The facts of a ready line."""
    return dict(fact.split("=", 1) for fact in line.split() if "=" in fact)


def _last_words(log: Path, begin: int) -> str:
    """Of the lines after `begin`: the last error of a command of ours, without the advice that follows; else
    the last that is no JSON (JSON is for machines); else the last."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(begin, log.stat().st_size - _TAIL))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        plain = [line for line in lines if not line.startswith("{")]
        errors = [line.removeprefix(_ERROR) for line in plain if line.startswith(_ERROR)]
        return (errors or plain or lines or [""])[-1]
    return ""
