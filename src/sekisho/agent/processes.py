"""Processes held by a pidfd: their end is an event, and a number used again never hits a stranger."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

PROC = Path("/proc")


class Process:
    """A running process, our child or one that an agent before us left running."""

    def __init__(self, pid: int, descriptor: int, child: "subprocess.Popen[bytes] | None" = None) -> None:
        self.pid = pid
        self.adopted = child is None
        self._descriptor = descriptor
        self._child = child
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(descriptor, self._on_end)

    @classmethod
    def start(cls, command: Sequence[str], output: Path) -> "Process":
        """Starts a child in a session of its own, so that a terminal's Ctrl-C reaches only us.

        Its output goes to a file (0600) and not to a pipe: it outlives us. Raises OSError.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        log = os.open(output, flags, 0o600)
        try:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=output.parent,
                env={},  # ours may hold secrets, and everybody of this user can read a process's environment
                start_new_session=True,
            )
        finally:
            os.close(log)
        return cls(child.pid, os.pidfd_open(child.pid), child)

    @classmethod
    def find(cls, pid: int, command: Sequence[str]) -> "Process | None":
        """The running process of that number, provided that it runs exactly this command."""
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return None
        if command_of(pid) != tuple(command):  # asked after the pidfd was opened: from here on it is the same
            os.close(descriptor)
            return None
        return cls(pid, descriptor)

    @property
    def exit_code(self) -> int | None:
        """Of an ended child, negative for a signal; None while it runs and for a process that is not ours."""
        return self._child.poll() if self._child else None

    @property
    def is_running(self) -> bool:
        """Until its end was seen by the event loop."""
        return not self._ended.is_set()

    async def ended(self) -> None:
        """Returns when the process is gone."""
        await self._ended.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; nothing happens when the process is gone."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def release(self) -> None:
        """Lets go of the process without ending it."""
        if self.is_running:
            self._on_end()

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        if self._child:
            self._child.poll()  # takes the zombie away
        os.close(self._descriptor)
        self._ended.set()


def command_of(pid: int) -> tuple[str, ...]:
    """The command line of a process; empty when it is gone or not ours to see."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(raw.decode(errors="surrogateescape").split("\0")[:-1])


def program_of(pid: int) -> str:
    """The path of the file a process runs; a file replaced meanwhile is marked ` (deleted)`."""
    try:
        return os.readlink(PROC / str(pid) / "exe")  # noqa: PTH115  Path.readlink would lose the mark's space
    except OSError:
        return ""


def folder_of(pid: int) -> Path | None:
    """Where a process runs, by the name that folder has now; None when it is gone or not ours to see."""
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def running(*users: int) -> Iterator[int]:
    """The numbers of all processes of this user, and of these."""
    wanted = {os.getuid(), *users}
    for entry in os.scandir(PROC):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid in wanted:
                yield int(entry.name)
