"""Identities that change all the time, under load: nothing is lost, and what is old is not used any more."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.mesh import FAULT_SECONDS, Mesh, Record, goes_on, lasting, running_mesh
from tests.kit.objects import manifest

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """One client of a service that is inspected and of one that is not; identities change each second."""
    async with running_mesh(program="tests.kit.hasty_renewal") as mesh:
        certificates = {"certificateParameters": {"expiry": "1m"}}
        spec = {
            "selector": {"workload": {}},
            "provider": {"type": "Bundled", "bundled": certificates},
        }
        await mesh.system.apply(
            manifest("Namespace", "sekisho-system"),
            manifest("MeshIdentity", "brief", "sekisho-system", spec=spec),
        )
        await mesh.permit("inspected", "client", methods=["GET"])
        await mesh.permit("plain", "client")
        for account in ("client", "inspected", "plain"):
            await mesh.join(account)
        yield mesh


async def test_identities_that_change_every_second_cost_no_call(mesh: Mesh, record_property: Record) -> None:
    client = mesh.members["client-1"]
    for server in ("inspected", "plain"):
        await mesh.answers(client, server)
    async with mesh.load(client, "inspected") as inspected, mesh.load(client, "plain") as plain:
        before = await issued(mesh)
        await lasting(FAULT_SECONDS, inspected, plain)
        renewals = await issued(mesh) - before
        await goes_on(inspected, plain)
    assert inspected.failures == plain.failures == []
    assert renewals > 3 * FAULT_SECONDS / 2
    record_property("renewals", renewals)
    record_property("calls", inspected.answered + plain.answered)


async def issued(mesh: Mesh) -> int:
    """Identities issued so far, as the agent logged them."""
    text = await asyncio.to_thread(mesh.system.log("agent").read_text)
    return sum('"traffic"' in line and "certificate issued" in line for line in text.splitlines())
