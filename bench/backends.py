"""A backend that is several times as fast as a proxy: in C where there is a compiler, else in Python."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kit.ports import free_port

from bench.harness import ROOT
from bench.placement import REST
from sekisho.app.processes import Command, start

_SOURCE, _BINARY = ROOT / "bench/backend/backend.c", ROOT / "bench/build/backend"
_ENDS_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Backend:
    """It listens on 127.0.0.1."""

    port: int
    language: str


@asynccontextmanager
async def running_backend(folder: Path, core: int = REST) -> AsyncIterator[Backend]:
    """Runs on the processor `core`; logs into `folder`."""
    port = free_port()
    if shutil.which("gcc"):
        language, program = "C", [str(_compiled()), str(port)]
    else:
        language, program = "Python", [sys.executable, "-m", "bench.responder", f"127.0.0.1:{port}"]
    arguments = ("taskset", "-c", str(core), *program)
    command = Command(
        name="backend", arguments=arguments, log=folder / "backend.log", folder=ROOT, announces=True
    )
    process = await start(command)
    try:
        await process.ready()
        yield Backend(port, language)
    finally:
        await process.stop(_ENDS_WITHIN)


def _compiled() -> Path:
    """The binary, made anew when its source is newer; in bench/build, which git ignores."""
    if not _BINARY.exists() or _BINARY.stat().st_mtime < _SOURCE.stat().st_mtime:
        _BINARY.parent.mkdir(exist_ok=True)
        subprocess.run(["gcc", "-O2", "-o", _BINARY, _SOURCE], check=True)
    return _BINARY
