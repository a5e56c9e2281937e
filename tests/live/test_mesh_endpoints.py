"""Instances that come and go under load: nothing is lost, and who has left gets no more calls."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.load import Load
from tests.kit.mesh import FAULT_SECONDS, Member, Mesh, Record, goes_on, running_mesh
from tests.kit.system import promised

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

SERVERS = ("inspected", "plain")
FLAPS_PER_SECOND = 10
DRAIN = 4.0
"""Seconds the agents of servers give their clients."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """Two instances of each server, every sidecar with an agent of its own."""
    async with running_mesh(agent=False) as mesh:
        await mesh.permit("inspected", "client", methods=["GET"])
        await mesh.permit("plain", "client")
        joined = [await mesh.join(account) for account in ("client", *SERVERS, *SERVERS)]
        async with asyncio.TaskGroup() as group:
            for member in joined:
                group.create_task(mesh.system.start_sidecar(member.id, drain=DRAIN))
        for server in SERVERS:
            await mesh.answers(joined[0], server)
            await both_serve(mesh, server)
        yield mesh


async def both_serve(mesh: Mesh, server: str) -> None:
    """Returns when calls get to both instances."""
    before = [len(each.echo.received) for each in instances(mesh, server)]

    async def served() -> bool:
        await mesh.call(mesh.members["client-1"], server)
        now = [len(each.echo.received) for each in instances(mesh, server)]
        return all(count > then for count, then in zip(now, before, strict=True))

    await mesh.system.until(served, f"both instances of {server} serve")


def instances(mesh: Mesh, server: str) -> list[Member]:
    return [member for member in mesh.members.values() if member.account == server]


async def set_ready(mesh: Mesh, member: Member, *, ready: bool) -> None:
    await mesh.system.client.patch("Workload", member.name, "shop", patch={"spec": {"ready": ready}})


@pytest.mark.parametrize("server", SERVERS)
async def test_an_endpoint_that_flaps_ten_times_a_second_costs_no_call(
    mesh: Mesh, server: str, record_property: Record
) -> None:
    steady, flapping = instances(mesh, server)
    async with mesh.load(mesh.members["client-1"], server) as load:
        flaps = await flap(mesh, flapping, load)
        await set_ready(mesh, flapping, ready=False)
        await asyncio.sleep(promised(1))
        assert [await served_by(mesh, server) for _ in range(20)] == [steady.name] * 20
        await set_ready(mesh, flapping, ready=True)
        await both_serve(mesh, server)
    assert load.failures == []
    assert flaps > FLAPS_PER_SECOND * FAULT_SECONDS / 4
    record_property("flaps", flaps)
    record_property("calls", load.answered)


async def served_by(mesh: Mesh, server: str) -> str:
    """The instance that answers on a new connection."""
    answer = await mesh.call(mesh.members["client-1"], server)
    return answer.json()["pod"] if answer else ""


async def flap(mesh: Mesh, member: Member, load: Load) -> int:
    """Takes it out and puts it back in; returns how often that was."""
    loop = asyncio.get_running_loop()
    count, began = 0, loop.time()
    while loop.time() - began < FAULT_SECONDS and not load.failures:
        await set_ready(mesh, member, ready=count % 2 == 1)
        count += 1
        await asyncio.sleep(max(0, began + count / FLAPS_PER_SECOND - loop.time()))
    return count


@pytest.mark.parametrize("server", SERVERS)
async def test_a_workload_that_ends_by_sigterm_leaves_first_and_loses_no_call(
    mesh: Mesh, server: str, record_property: Record
) -> None:
    """Where bytes are passed on unread, only the program can ask for the end of a connection that is kept."""
    leaving = instances(mesh, server)[1]
    async with mesh.load(mesh.members["client-1"], server) as load:
        slow = [
            asyncio.create_task(mesh.call(mesh.members["client-1"], server, "/?delay=1s")) for _ in range(6)
        ]
        began = asyncio.get_running_loop().time()
        leaving.echo.is_ending = server == "plain"
        await mesh.system.stop(leaving.id)
        leaving.echo.is_ending = False
        took = asyncio.get_running_loop().time() - began
        before = len(leaving.echo.received)
        await goes_on(load)
        answers = await asyncio.gather(*slow)
    assert load.failures == []
    assert [answer.status if answer else None for answer in answers] == [200] * 6
    assert len(leaving.echo.received) == before
    assert await condition(mesh, leaving) == "Draining"
    assert took < DRAIN * 2 + promised(2)
    record_property("calls", load.answered)
    record_property("seconds to end", round(took, 1))
    await mesh.system.start_sidecar(leaving.id, drain=DRAIN)
    await both_serve(mesh, server)


async def condition(mesh: Mesh, member: Member) -> str:
    """The reason of its condition Ready."""
    status = (await mesh.system.client.get("Workload", member.name, "shop")).get("status", {})
    return next((one["reason"] for one in status.get("conditions", ()) if one["type"] == "Ready"), "")
