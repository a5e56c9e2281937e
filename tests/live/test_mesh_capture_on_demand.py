"""Captured workloads that fetch ways at first use: to the addresses of services, and of instances."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.netns import needs_namespaces
from tests.kit.objects import manifest
from tests.kit.own_namespaces import PORT, Captured, ask, captured_workloads

pytestmark = [
    pytest.mark.live,
    needs_namespaces,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

CLIENT = "URI=spiffe://default.default.mesh.local/ns/shop/sa/client"
FETCHING = {"reachable": "Listed", "onDemand": True}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["Redirect", "TransparentProxy"])
async def mesh(request: pytest.FixtureRequest) -> AsyncIterator[Captured]:
    async with captured_workloads(request.param) as mesh:
        ports = [{"name": "http", "port": PORT, "appProtocol": "http"}]
        headless = {"selector": {"app": "four"}, "ports": ports, "clusterIP": "None"}
        await mesh.system.apply(
            manifest("Mesh", "default", spec=FETCHING), manifest("Service", "each-four", spec=headless)
        )
        await mesh.system.in_sync()
        yield mesh


async def answers_as(mesh: Captured, address: str, account: str) -> None:
    """A call is answered once the way is known, and by members of the mesh alone."""

    async def answered() -> bool:
        answer = await ask(mesh.client, address)
        if answer is None or answer.status != 200:
            return False
        told = answer.json()
        return told["pod"] == account and CLIENT in told["headers"]["X-Forwarded-Client-Cert"][0]

    await mesh.system.until(answered, f"{account} answers at {address}")


@pytest.mark.parametrize("account", ["four", "six"])
async def test_a_service_is_called_at_its_address(mesh: Captured, account: str) -> None:
    for address in await mesh.virtual(account):
        await answers_as(mesh, address, account)


async def test_an_instance_of_a_headless_service_is_called_at_its_own(mesh: Captured) -> None:
    await answers_as(mesh, mesh.four.address, "four")


async def test_who_may_not_be_called_is_not_fetched(mesh: Captured) -> None:
    before = len(mesh.program(mesh.client).received)
    for address in await mesh.virtual("client"):
        answer = await ask(mesh.four, address)
        assert answer is None or answer.status in {403, 503}
    assert len(mesh.program(mesh.client).received) == before
