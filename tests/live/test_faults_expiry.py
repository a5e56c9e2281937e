"""Identities that end while nobody is there to renew them: nothing is let in by them, and all comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from tests.kit.mesh import Mesh, Record, running_mesh
from tests.kit.objects import manifest
from tests.kit.remembered import remembered
from tests.kit.system import promised

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """Of identities that are good for a minute, the shortest there are."""
    async with running_mesh() as mesh:
        provider = {"type": "Bundled", "bundled": {"certificateParameters": {"expiry": "1m"}}}
        spec = {"selector": {"workload": {}}, "provider": provider}
        await mesh.system.apply(
            manifest("Namespace", "sekisho-system"),
            manifest("MeshIdentity", "brief", "sekisho-system", spec=spec),
        )
        await mesh.permit("server", "client")
        for account in ("client", "server"):
            await mesh.join(account)
        yield mesh


async def last_end(mesh: Mesh) -> datetime:
    """When the last identity that was issued ends."""
    text = await asyncio.to_thread(mesh.system.log("agent").read_text)
    lines = [line for line in text.splitlines() if "certificate issued" in line and '"traffic"' in line]
    return max(datetime.fromisoformat(json.loads(line)["expires"]) for line in lines)


async def test_what_has_ended_opens_no_connection_until_the_control_plane_is_back(
    mesh: Mesh, record_property: Record
) -> None:
    client, server = mesh.members["client-1"], mesh.members["server-1"]
    await mesh.answers(client, "server")
    await remembered(mesh.system)
    await mesh.system.kill("control plane")
    try:
        await mesh.answers(client, "server")
        end = await last_end(mesh)
        while datetime.now(UTC) <= end:
            await asyncio.sleep(0.5)
            end = await last_end(mesh)
        for member in (client, server):  # no connection is left, and none is made
            envoy = mesh.envoy(member)
            envoy.kill()
            await asyncio.to_thread(envoy.wait, 10)
        seen = len(server.echo.received)
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - begun < promised(5):  # by then they serve again, else
            found = await mesh.call(client, "server", within=2)
            assert found is None or found.status == 503
            await asyncio.sleep(0.2)
        assert len(server.echo.received) == seen
    finally:
        await mesh.system.start_control_plane()
    seconds = await mesh.answers(client, "server")
    assert seconds <= promised(10)
    record_property("seconds until the first answer", round(seconds, 1))
