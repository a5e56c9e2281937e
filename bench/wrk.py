"""wrk as a client: many requests from one thread, and how long they took."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from bench.harness import ROOT, Row

CONNECTIONS = 16
_SCRIPT = ROOT / "bench" / "wrk.lua"
_MARGIN = 10.0
"""Seconds beyond its time after which wrk is given up."""


@dataclass(frozen=True, slots=True)
class Shot:
    """What one run saw."""

    rate: float
    """Requests per second."""
    requests: int
    p50: float
    """Microseconds."""
    p99: float
    """Microseconds."""
    errors: int
    """Answers of 400 and above, broken connections, and time-outs of 2 s."""


async def shoot(
    url: str, seconds: float, *, hosts: Sequence[str] = (), pause: float = 0, core: int | None = None
) -> Shot:
    """Requests `url` over 16 kept connections for some seconds.

    `hosts`: Host headers, in turn. `pause`: mean seconds between an answer and the next request of the same
    connection. `core`: the processor it runs on; None for any.
    """
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    process = await asyncio.create_subprocess_exec(
        *pinned, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(_SCRIPT), url,
        "--", f"{pause * 1000:g}", *hosts,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds + _MARGIN):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = json.loads(output.decode().splitlines()[-1])
    rate = said["requests"] / said["seconds"]
    return Shot(rate, said["requests"], said["p50"], said["p99"], said["errors"])


def missing(bench: str) -> list[Row]:
    """Rows that say that wrk is not installed; none when it is."""
    if shutil.which("wrk"):
        return []
    return [Row(bench, "wrk is not installed (make packages): not measured", 0, "", "installed", ok=False)]
