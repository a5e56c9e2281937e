"""The programs of a folder's `sekisho.toml`."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from sekisho.app.folder.sekisho_toml import Service
from sekisho.app.processes import Command

ANSWERS_WITHIN = 10.0
"""Seconds a service gets to listen on its port."""
_LOOK_EVERY = 0.02


def command(
    service: Service, folder: Path, logs: Path, environment: Mapping[str, str] | None = None
) -> Command:
    """How the service is run; `environment` are variables it has beside ours."""
    program, *arguments = service.command
    if program in ("python", "python3"):
        program = sys.executable
    return Command(
        name=f"service {service.name}",
        arguments=(program, *arguments),
        log=logs / f"service-{service.name}.log",
        folder=folder.resolve(),
        environment=environment or {},
    )


async def answers(service: Service) -> bool:
    """Whether the service takes connections in time."""
    return await all_connect([("127.0.0.1", service.port)], ANSWERS_WITHIN)


async def all_connect(places: Iterable[tuple[str, int]], within: float) -> bool:
    """Whether connections are taken at all of these places within so many seconds."""
    try:
        async with asyncio.timeout(within):
            for place in places:
                await _connection(*place)
    except TimeoutError:
        return False
    return True


async def _connection(host: str, port: int) -> None:
    while True:
        if await _connects(host, port):
            return
        await asyncio.sleep(_LOOK_EVERY)


async def _connects(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
