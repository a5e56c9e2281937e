"""The programs of a folder's `sekisho.toml`."""

import asyncio
import sys
from pathlib import Path

from sekisho.app.needs import Service
from sekisho.app.processes import Command

ANSWERS_WITHIN = 10.0
"""Seconds a service gets to listen on its port."""
_LOOK_EVERY = 0.02


def command(service: Service, folder: Path, logs: Path) -> Command:
    """How the service is run."""
    program, *arguments = service.command
    if program in ("python", "python3"):
        program = sys.executable
    return Command(
        name=f"service {service.name}",
        arguments=(program, *arguments),
        log=logs / f"service-{service.name}.log",
        folder=folder.resolve(),
    )


async def answers(service: Service) -> bool:
    """Whether the service takes connections in time."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            while True:
                if await _connects(service.port):
                    return True
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        return False


async def _connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
