"""A workload that sees another part of the mesh: its proxy begins anew, is sent the rest, loses no call."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.load import Load
from tests.kit.mesh import Member, Mesh, goes_on, permission, running_mesh, spiffe_id, workload
from tests.kit.objects import manifest
from tests.kit.sidecar import TRUST_DOMAIN
from tests.kit.system import log_lines

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

FAR = "far"
"""Account and namespace of the client: what it writes about its calls is a consumer's."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    async with running_mesh() as mesh:
        for account in ("server", "other"):
            await mesh.join(account)
        await permit(mesh, "server")
        await mesh.system.apply(manifest("Namespace", FAR))
        await mesh.system.apply(of_client(client(mesh)))
        await mesh.answers(client(mesh), "server")
        await mesh.system.in_sync()
        yield mesh


def client(mesh: Mesh) -> Member:
    server = mesh.members["server-1"]
    return Member("far-1", FAR, "127.0.41.1", server.port, "127.150.0.0/16", server.echo)


def of_client(member: Member) -> dict[str, object]:
    made = workload(member)
    return {**made, "metadata": {**made["metadata"], "namespace": FAR}}


async def permit(mesh: Mesh, server: str, matched: str = "Exact", caller: str = spiffe_id(FAR, FAR)) -> None:
    allow = [{"spiffeID": {"type": matched, "value": caller}}]
    await mesh.system.apply(permission(server, {"allow": allow}))


@contextlib.asynccontextmanager
async def moving(mesh: Mesh, least: int) -> AsyncIterator[Load]:
    """Under load its streams end `least` times because there is another view, and no call fails of it."""
    await mesh.system.in_sync()
    moves = moved(mesh)
    async with mesh.load(client(mesh), "server") as load:
        yield load
        await goes_on(load)
    assert load.failures == []
    assert moved(mesh) >= moves + least


def moved(mesh: Mesh) -> int:
    """How often a proxy was told that there is another view for it."""
    lines = log_lines(mesh.system.log("control plane"))
    return sum("there is another view" in str(line) for line in lines)


async def clusters_sent(mesh: Mesh) -> float:
    """By the control plane to all proxies, from its start."""
    metrics = await mesh.system.metrics()
    return sum(
        value
        for name, value in metrics.items()
        if "sent_resources_total" in name and 'type="Cluster"' in name
    )


async def test_a_first_route_of_its_own(mesh: Mesh) -> None:
    parents = [{"group": "", "kind": "Service", "name": "server", "namespace": "shop"}]
    backend = {"name": "server", "namespace": "shop", "port": mesh.members["server-1"].port}
    matched = [{"path": {"type": "PathPrefix", "value": "/"}}]
    changed = {"set": [{"name": "x-consumer", "value": "yes"}]}
    filters = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": changed}]
    rules = [{"matches": matched, "filters": filters, "backendRefs": [backend]}]
    route = manifest("HTTPRoute", "own", FAR, spec={"parentRefs": parents, "rules": rules})

    async def is_routed() -> bool:
        answer = await mesh.call(client(mesh), "server")
        return answer is not None and "x-consumer" in {name.lower() for name in dict(answer.headers)}

    async def is_straight() -> bool:
        return not await is_routed()

    before = await clusters_sent(mesh)
    async with moving(mesh, 2) as load:
        load.asks_again = True
        await mesh.system.apply(route)
        await mesh.system.until(is_routed, "requests go by the consumer's route")
        await goes_on(load)
        await mesh.system.client.delete("HTTPRoute", "own", FAR)
        await mesh.system.until(is_straight, "requests go straight again")
    assert await clusters_sent(mesh) <= before + 2, "no more than the way that is another with HTTP, and back"


async def test_a_permission_by_which_nobody_was_let_in_before(mesh: Mesh) -> None:
    assert await mesh.call(client(mesh), "other") is None
    async with moving(mesh, 1):
        await permit(mesh, "other", "Prefix", f"spiffe://{TRUST_DOMAIN}/ns/{FAR}/")
        await mesh.answers(client(mesh), "other")
        await mesh.system.client.delete("TrafficPermission", "other", "shop")
        await mesh.answers(client(mesh), "other", None)
