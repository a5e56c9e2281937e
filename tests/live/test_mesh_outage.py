"""Without a control plane the mesh goes on: under load, and through the death of each of its proxies."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.mesh import FAULT_SECONDS, Member, Mesh, Record, goes_on, lasting, running_mesh
from tests.kit.remembered import remembered
from tests.kit.system import promised

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

SERVERS = ("inspected", "plain")
TURNS = 1 if FAULT_SECONDS < 60 else 3
"""How often each Envoy is killed; thrice is the promise."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    async with running_mesh() as mesh:
        await mesh.permit("inspected", "client", methods=["GET"])
        await mesh.permit("plain", "client")
        for account in ("client", *SERVERS):
            await mesh.join(account)
        for server in SERVERS:
            await mesh.answers(mesh.members["client-1"], server)
        await mesh.system.in_sync()
        yield mesh


async def test_the_mesh_outlives_its_control_plane_and_its_envoys_serve_again_from_what_they_last_knew(
    mesh: Mesh, record_property: Record
) -> None:
    client = mesh.members["client-1"]
    await remembered(mesh.system)
    await mesh.system.kill("control plane")
    began = asyncio.get_running_loop().time()
    seconds = []
    try:
        async with mesh.load(client, "inspected") as inspected, mesh.load(client, "plain") as plain:
            await lasting(FAULT_SECONDS / 2, inspected, plain)
        assert inspected.failures == plain.failures == []
        for _ in range(TURNS):
            seconds += [await killed(mesh, member) for member in tuple(mesh.members.values())]
        async with mesh.load(client, "inspected") as again, mesh.load(client, "plain") as plainly:
            await lasting(FAULT_SECONDS / 2, again, plainly)
        assert again.failures == plainly.failures == []
        down = asyncio.get_running_loop().time() - began
    finally:
        await mesh.system.start_control_plane()
    async with mesh.load(client, "inspected") as after:
        await mesh.system.in_sync()
        await goes_on(after)
    assert after.failures == []
    assert max(seconds) < promised(5)
    record_property("seconds without control plane", round(down))
    record_property("calls", sum(load.answered for load in (inspected, plain, again, plainly)))
    record_property("seconds until a killed Envoy serves", [round(each, 2) for each in seconds])


async def killed(mesh: Mesh, member: Member) -> float:
    """Kills its Envoy; returns the seconds until calls through it are answered again."""
    envoy = mesh.envoy(member)
    envoy.kill()
    began = asyncio.get_running_loop().time()
    await asyncio.to_thread(envoy.wait, 10)
    servers = SERVERS if member.account == "client" else (member.account,)
    for server in servers:
        await mesh.answers(mesh.members["client-1"], server)
    return asyncio.get_running_loop().time() - began


async def test_what_was_changed_meanwhile_arrives_when_it_is_back(mesh: Mesh) -> None:
    client = mesh.members["client-1"]
    await mesh.system.kill("control plane")
    await mesh.system.start_control_plane()
    await mesh.permit("inspected", "nobody", methods=["GET"])

    async def refused() -> bool:
        answer = await mesh.call(client, "inspected")
        return answer is None or answer.status != 200

    await mesh.system.until(refused, "the change is there")
    await mesh.permit("inspected", "client", methods=["GET"])
    await mesh.answers(client, "inspected")
    await mesh.system.in_sync(len(mesh.members))
    # Nothing has to be told twice: who comes back says what it has.
    before = await sent(mesh)
    async with mesh.load(client, "plain") as load:
        await mesh.system.kill("agent")
        await goes_on(load)
        await mesh.system.start_agent()
        await mesh.system.in_sync(len(mesh.members))
    assert load.failures == []
    assert await sent(mesh) == before


async def sent(mesh: Mesh) -> float:
    """Resources sent to proxies so far."""
    figures = await mesh.system.metrics()
    return sum(count for name, count in figures.items() if name.startswith("sekisho_sent_resources_total"))
