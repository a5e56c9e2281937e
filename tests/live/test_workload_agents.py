"""Workloads with agents of their own, in network namespaces: joined, captured, named, called, drained."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import psutil
import pytest
from tests.kit.captured import PORT, CapturedMesh, captured_mesh, serve
from tests.kit.netns import needs_namespaces
from tests.kit.system import PATIENCE
from tests.kit.wait import eventually

from sekisho.app.agent import run_directory

pytestmark = [pytest.mark.live, needs_namespaces]


@pytest.fixture(params=["redirect", "tproxy"])
async def mesh(request: pytest.FixtureRequest) -> AsyncIterator[CapturedMesh]:
    async with captured_mesh(request.param) as (mesh, stack):
        for name in ("one", "two"):
            await serve(mesh.hosts[name], name, stack)
        yield mesh


async def test_a_workload_knows_nothing_of_the_mesh_and_is_in_it(mesh: CapturedMesh) -> None:
    await mesh.join("client")
    server = await mesh.join("one")
    address = await mesh.virtual_address()
    expected = mesh.hosts["client"].address if mesh.capture == "tproxy" else "127.0.0.6"

    async def answered() -> bool:
        return await mesh.ask("client", address) == f"one for {expected}"

    await eventually(answered, what="an answer through both sidecars")

    found = mesh.hosts["client"].run("getent", "ahosts", "server.shop.svc.mesh.local", user=1000)
    addresses = {line.split()[0] for line in found.splitlines()}
    assert address in addresses
    [ipv6] = addresses - {address}
    assert await mesh.ask("client", ipv6) == f"one for {expected}"

    for host, direct in (("control", mesh.hosts["one"].address), ("client", mesh.hosts["one"].address)):
        assert await mesh.ask(host, direct, PORT) in {"ConnectionResetError", "nothing"}

    envoy = next(each for each in psutil.Process(server.pid).children() if "--config-path" in each.cmdline())
    assert set(envoy.uids()) == {1337}
    server.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(server.wait(), PATIENCE) == 0
    assert "sekisho" not in mesh.hosts["one"].run("nft", "list", "ruleset")
    assert not psutil.pid_exists(envoy.pid)
    assert not run_directory(mesh.folder / "one", shared=True).exists()


async def test_a_workload_that_ends_under_load_loses_nothing(mesh: CapturedMesh) -> None:
    """Its endpoint goes first, then its proxy drains: what has begun is finished, nothing new comes."""
    if mesh.capture == "tproxy":
        pytest.skip("the order is the same whatever captures")
    await mesh.join("client")
    one, _ = await mesh.join("one"), await mesh.join("two")
    address = await mesh.virtual_address()
    heard: list[str] = []
    over = asyncio.Event()

    async def both() -> bool:
        return (
            len({(await mesh.ask("client", address)).partition(" ")[0] for _ in range(6)} - {"nothing"}) == 2
        )

    await eventually(both, what="answers of both servers")

    async def load(wait: str) -> None:
        while not over.is_set():
            heard.append(await mesh.ask("client", address, wait=wait))

    async with asyncio.TaskGroup() as group:
        for wait in ("", "", "slow", "slow"):
            group.create_task(load(wait))
        await eventually(lambda: _more_than(heard, 50), what="load")
        before = len(heard)
        one.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(one.wait(), PATIENCE) == 0
        ended = len(heard)
        await eventually(lambda: _more_than(heard, ended + 50), what="load after the end")
        over.set()
    assert ended > before
    assert [answer for answer in heard if not answer.startswith(("one for", "two for"))] == []
    assert {answer.partition(" ")[0] for answer in heard[ended + 10 :]} == {"two"}


async def _more_than(heard: list[str], number: int) -> bool:
    return len(heard) > number


async def test_a_killed_agent_leaves_its_workload_captured_and_the_next_one_takes_over(
    mesh: CapturedMesh,
) -> None:
    if mesh.capture == "tproxy":
        pytest.skip("the process is the same whatever captures")
    await mesh.join("client")
    server = await mesh.join("one")
    address = await mesh.virtual_address()

    async def answered() -> bool:
        return (await mesh.ask("client", address)).startswith("one")

    await eventually(answered, what="an answer")
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    assert await mesh.ask("client", address) == "one for 127.0.0.6"
    assert await mesh.ask("control", mesh.hosts["one"].address, PORT) in {"ConnectionResetError", "nothing"}
    assert run_directory(mesh.folder / "one", shared=True).exists(), "by it the next one finds its Envoy"
    again = await mesh.start_agent("one")
    assert await mesh.ask("client", address) == "one for 127.0.0.6"
    assert "envoy adopted" in (mesh.folder / "one.log").read_text()
    again.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(again.wait(), PATIENCE) == 0
    assert "241." not in mesh.hosts["one"].run("ip", "route")
