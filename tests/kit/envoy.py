"""The real Envoy: validating a configuration, and running one for the time of a test."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sekisho.protos import envoy_binary
from tests.kit.evidence import witnessed
from tests.kit.http import Answer, read_answer, request_bytes
from tests.kit.wait import eventually

FLAGS = ("--disable-hot-restart", "--log-level", "warning")


class Envoy:
    """A running Envoy. Its admin interface is a Unix socket."""

    def __init__(self, process: asyncio.subprocess.Process, admin_socket: Path, log: Path) -> None:
        self.process = process
        self.admin_socket = admin_socket
        self.log = log

    async def admin(self, path: str, method: str = "GET") -> Answer:
        reader, writer = await asyncio.open_unix_connection(self.admin_socket)
        try:
            writer.write(request_bytes(method, path, [("host", "admin"), ("connection", "close")]))
            return await read_answer(reader)
        finally:
            writer.close()

    async def ready(self) -> bool:
        if self.process.returncode is not None:
            raise RuntimeError(f"Envoy ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        if not self.admin_socket.exists():
            return False
        try:
            return (await self.admin("/ready")).status == 200
        except OSError:
            return False


def validate(bootstrap: Any, folder: Path) -> str:
    """What `envoy --mode validate` objects to; empty when it accepts."""
    config = folder / "validate.pb"
    config.write_bytes(bootstrap.SerializeToString())
    command = [str(envoy_binary()), "-c", str(config), "--mode", "validate", *FLAGS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stderr + done.stdout


@asynccontextmanager
async def running_envoy(
    bootstrap: Any, folder: Path, *, concurrency: int = 1, wait_until_ready: bool = True
) -> AsyncIterator[Envoy]:
    """Starts Envoy with this Bootstrap and stops it at the end, whatever happened between.

    The admin socket is the one the Bootstrap names. `folder` takes the configuration and the log. It has a
    session of its own, as agents give theirs: Linux shares processors out by session, and what is compared
    should be alike in that (sched(7), autogroup).
    """
    config, log = folder / "bootstrap.pb", folder / "envoy.log"
    config.write_bytes(bootstrap.SerializeToString())
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            envoy_binary(), "-c", config, "--concurrency", str(concurrency), *FLAGS,
            stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    envoy = Envoy(process, Path(bootstrap.admin.address.pipe.path), log)
    with witnessed(folder):
        try:
            if wait_until_ready:
                await eventually(envoy.ready, what="Envoy is ready")
            yield envoy
        finally:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()
