"""What a sidecar needs: private memory with 20 used services, and with 100 more.

Used: each was called twice through the sidecar, over a connection of mutual TLS of its own. All are ports of
one workload, so that there are two Envoys and no more. One worker, as an agent on one core would start.
"""

import asyncio
from pathlib import Path

import uvloop
from tests.kit.http import fetch
from tests.kit.mesh import Member, Mesh, running_mesh
from tests.kit.mesh import service as plain_service
from tests.kit.wait import eventually

from bench.harness import Row, at_most, shown

NAME = "mesh-memory"
FEW, MORE = 20, 100
SETTLES = 3.0
"""Seconds until what a change needed for itself is given back."""


def main() -> list[Row]:
    return uvloop.run(_measure())


async def _measure() -> list[Row]:
    async with running_mesh() as mesh:
        caller, called = await mesh.join("caller"), await mesh.join("called")
        await mesh.permit("called", "caller")
        await mesh.answers(caller, "called")
        envoy = mesh.envoy(caller).pid
        empty = await settled(envoy)
        await _use(mesh, caller, called, range(1, FEW))  # `called` itself is one
        few = await settled(envoy)
        await _use(mesh, caller, called, range(FEW, FEW + MORE))
        many = await settled(envoy)
    return [
        at_most(NAME, f"sidecar with {FEW} used services, private memory", few / 1e6, 20, "MB"),
        at_most(NAME, "growth per used service", (many - few) / MORE / 1e3, 80, "KB"),
        shown(NAME, "sidecar with 1 used service, private memory", empty / 1e6, "MB"),
        shown(NAME, f"sidecar with {FEW + MORE} used services, private memory", many / 1e6, "MB"),
    ]


async def _use(mesh: Mesh, caller: Member, called: Member, numbers: range) -> None:
    """Makes Services that lead to one workload, and calls each until it has answered twice."""
    for number in numbers:
        port = called.port
        ports = [{"name": "main", "port": port, "targetPort": port, "appProtocol": "http"}]
        made = plain_service(f"used-{number}", port, selector={"app": called.account}, ports=ports)
        await mesh.system.apply(made)
    for number in numbers:
        name = f"used-{number}"
        place = await mesh.place(caller, name)

        async def answered(name: str = name, place: str = place) -> bool:
            try:
                answers = [await fetch(called.port, name, address=place) for _ in range(2)]
            except (OSError, EOFError, TimeoutError):
                return False
            return all(one.status == 200 for one in answers)

        await eventually(answered, what=f"{name} answers", within=60, every=0.02)


async def settled(pid: int) -> int:
    """Octets that are this process's alone."""
    await asyncio.sleep(SETTLES)
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()  # noqa: ASYNC240 - nobody waits
    fields = (line.split() for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    return sum(int(field[1]) for field in fields) * 1024
