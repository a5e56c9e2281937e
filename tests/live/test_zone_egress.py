"""The one way out of a zone: members with permission get through the egress, and nobody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually
from tests.kit.zones import LiveZone, two_zones
from tests.unit.translate.mesh.mesh import mesh, permission
from tests.unit.translate.world import Document, document, gateway, gateway_class, passthrough

from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

BANK, LEDGER = (ResourceId("ExternalService", "shop", name) for name in ("bank", "ledger"))
EGRESS = ResourceId("Gateway", "shop", "egress")


@dataclass
class Zone:
    azure: LiveZone
    outside: Echo

    async def call(self, client: str, service: ResourceId, path: str = "/") -> Answer | None:
        """None for no answer."""
        port = self.azure.read(service).spec.match.port
        try:
            return await fetch(port, "bank", path, address=self.azure.place_of(client, service), within=5)
        except (OSError, EOFError):
            return None

    async def answers(self, client: str, service: ResourceId, status: int | None) -> None:
        async def as_expected() -> bool:
            found = await self.call(client, service)
            return (found.status if found else None) == status

        await eventually(as_expected, what=f"{client} gets {status} of {service}")


def outside(service: ResourceId, echo: Echo, protocol: str) -> Document:
    endpoints = [{"address": "127.0.0.1", "port": echo.port}]
    match = {"port": free_port(), "protocol": protocol}
    return document("ExternalService", service.name, spec={"match": match, "endpoints": endpoints})


def allowed(zone: LiveZone, service: ResourceId, account: str) -> Document:
    match = {"spiffeID": {"type": "Exact", "value": zone.identity(account)}}
    target = {"kind": "ExternalService", "name": service.name}
    spec = {"targetRef": target, "rules": [{"default": {"allow": [match]}}]}
    return document("TrafficPermission", f"to-{service.name}", spec=spec)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Zone]:
    """`web` may go out, `other` may not; `bank` speaks HTTP, `ledger` something that nobody reads."""
    async with two_zones(tmp_path_factory.mktemp("zone")) as (azure, _), serving_echo("bank") as echo:
        azure.apply(
            mesh(egress="Required"), permission("all", {"namespaces": ["nobody"]}),
            gateway_class("sekisho-zone-egress"),
        )  # fmt: skip
        for number, (service, protocol) in enumerate(((BANK, "http"), (LEDGER, "tcp")), 1):
            azure.give(outside(service, echo, protocol), {AssignedVip.of(service): f"242.0.128.{number}"})
            azure.apply(allowed(azure, service, "web"))
        azure.apply(
            gateway(
                passthrough("out", free_port()), name="egress", gatewayClassName="sekisho-zone-egress",
                addresses=[{"value": "127.0.69.1"}],
            )
        )  # fmt: skip
        await azure.run(EGRESS, azure.authority.svid(azure.identity("egress")))
        await azure.instance("web-1", "web")
        await azure.instance("other-1", "other")
        await azure.settled()
        yield Zone(azure, echo)


async def test_a_member_with_permission_goes_out(zone: Zone) -> None:
    found = await zone.call("web-1", BANK, "/hello")
    assert found is not None
    assert found.status == 200
    assert zone.outside.received[-1]["path"] == "/hello"


async def test_bytes_go_out_unread(zone: Zone) -> None:
    found = await zone.call("web-1", LEDGER)
    assert found is not None
    assert found.status == 200


async def test_a_member_without_permission_does_not(zone: Zone) -> None:
    before = len(zone.outside.received)
    found = await zone.call("other-1", BANK)
    assert found is not None
    assert found.status == 403
    assert await zone.call("other-1", LEDGER) is None
    assert len(zone.outside.received) == before


async def test_a_permission_that_is_withdrawn_closes(zone: Zone) -> None:
    zone.azure.remove(ResourceId("TrafficPermission", "shop", "to-bank"))
    await zone.answers("web-1", BANK, 403)
    zone.azure.apply(allowed(zone.azure, BANK, "web"))
    await zone.answers("web-1", BANK, 200)


async def test_without_an_egress_nobody_goes_out(zone: Zone) -> None:
    egress = zone.azure.proxies.pop(EGRESS)
    resource = zone.azure.read(EGRESS)
    zone.azure.remove(EGRESS)
    await zone.answers("web-1", BANK, 503)
    zone.azure.proxies[EGRESS] = egress
    zone.azure.put(resource)
    await zone.answers("web-1", BANK, 200)
