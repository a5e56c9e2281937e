"""Near instances first: shares by where callers and instances are, and who helps when one is away."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.mesh import Mesh, running_mesh
from tests.kit.objects import manifest

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

CALLS = 200
TAGS = {"localZone": {"affinityTags": [{"key": "topology.kubernetes.io/zone"}]}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """A caller and an instance in each of two availability zones, and a policy that says so."""
    async with running_mesh() as mesh:
        await mesh.permit("server", "client")
        for place in ("a", "b"):
            await mesh.join("client", zone=place)
            await mesh.join("server", zone=place)
        item = {"targetRef": {"kind": "Mesh"}, "default": {"localityAwareness": TAGS}}
        await mesh.system.apply(manifest("LoadBalancing", "near", spec={"to": [item]}))
        await mesh.system.in_sync()
        yield mesh


async def shares(mesh: Mesh, client: str, calls: int) -> dict[str, float]:
    """The part of the calls that each instance got; all were answered."""
    servers = [one for one in mesh.members.values() if one.account == "server"]
    for server in servers:
        server.echo.received.clear()
    for _ in range(calls):
        answer = await mesh.call(mesh.members[client], "server")
        if answer is None or answer.status != 200:
            return {}
    return {server.name: len(server.echo.received) / calls for server in servers}


@pytest.mark.parametrize(
    ("client", "near", "far"), [("client-1", "server-1", "server-2"), ("client-2", "server-2", "server-1")]
)
async def test_nine_of_ten_calls_go_to_the_instance_nearby(
    mesh: Mesh, client: str, near: str, far: str
) -> None:
    async def nearby_first() -> bool:
        found = await shares(mesh, client, 30)
        return found.get(near, 0) > found.get(far, 1)

    await mesh.system.until(nearby_first, "the instance nearby is called more")
    found = await shares(mesh, client, CALLS)
    assert 0.82 <= found[near] <= 0.97
    assert found[far] == pytest.approx(1 - found[near])


async def test_the_other_one_takes_over_and_gives_back(mesh: Mesh) -> None:
    async def patch(*, ready: bool) -> None:
        await mesh.system.client.patch("Workload", "server-1", "shop", patch={"spec": {"ready": ready}})

    async def away() -> bool:
        return await shares(mesh, "client-1", 10) == {"server-1": 0, "server-2": 1}

    async def at_home() -> bool:
        return (await shares(mesh, "client-1", 10)).get("server-1", 0) > 0.5

    await patch(ready=False)
    await mesh.system.until(away, "the other one is called")
    await patch(ready=True)
    await mesh.system.until(at_home, "the one nearby is called again")
