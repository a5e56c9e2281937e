"""Other zones through the zone egress alone: with permission, and unopened from end to end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.kit.echo import Echo
from tests.kit.http import Answer, fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually
from tests.kit.zones import CALLED_PORT, LiveZone, two_zones
from tests.unit.translate.mesh.mesh import mesh, permission
from tests.unit.translate.world import (
    Document,
    backend,
    document,
    gateway,
    gateway_class,
    http,
    http_route,
    passthrough,
    rule,
)

from sekisho.model.names import ResourceId

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

EGRESS = ResourceId("Gateway", "shop", "egress")
BOTH = "*.both"
"""A MultiZoneService over both Services of gcp, which are behind one ingress."""


@dataclass
class Clouds:
    azure: LiveZone
    gcp: LiveZone
    catalog: Echo
    pricing: Echo
    port: int
    """Of azure's gateway."""

    async def status(self, client: str, service: str) -> int | None:
        """None for no answer."""
        try:
            return (await self.azure.call(client, service, within=5)).status
        except (OSError, EOFError):
            return None

    async def answers(self, client: str, service: str, status: int) -> None:
        async def as_expected() -> bool:
            return await self.status(client, service) == status

        await eventually(as_expected, what=f"{client} gets {status} of {service}", within=60)

    async def behind_both(self) -> set[str]:
        """Who answers at the MultiZoneService."""
        found = [await self.azure.call("web-1", BOTH, within=5) for _ in range(30)]
        return {str(answer.json()["pod"]) for answer in found if answer.status == 200}


def allowed(service: str, *identities: str) -> Document:
    allow = [{"spiffeID": {"type": "Exact", "value": one}} for one in identities]
    target = {"kind": "ZoneService", "name": f"{service}.gcp"}
    spec = {"targetRef": target, "rules": [{"default": {"allow": allow}}]}
    return document("TrafficPermission", f"to-{service}", spec=spec)


def both() -> Document:
    selector = {"zoneService": {"matchLabels": {"sekisho.dev/zone": "gcp", "team": "sales"}}}
    port = {"port": CALLED_PORT, "protocol": "http"}
    return document("MultiZoneService", "both", spec={"selector": selector, "ports": [port]})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clouds]:
    """`web` and the gateway of azure may go to catalog, and web to pricing; `other` may go nowhere. In gcp
    everybody is let in."""
    port = free_port()
    async with two_zones(tmp_path_factory.mktemp("zones")) as (azure, gcp):
        await gcp.ingress()
        catalog = await gcp.instance("catalog-1", "catalog", labels={"team": "sales"})
        pricing = await gcp.instance("pricing-1", "pricing", labels={"team": "sales"})
        web, edge = azure.identity("web"), azure.identity("edge")
        to_catalog = backend("catalog.gcp", CALLED_PORT, group="sekisho.dev", kind="ZoneService")
        azure.apply(
            gateway_class("sekisho-zone-egress"), mesh(zoneEgress="Required"),
            permission("all", {"namespaces": ["nobody"]}),
            allowed("catalog", web, edge), allowed("pricing", web), both(),
            http_route("catalog", rule(to_catalog), parents=[{"name": "edge"}]),
            gateway(
                passthrough("out", free_port()), name="egress", gatewayClassName="sekisho-zone-egress",
                addresses=[{"value": "127.0.69.3"}],
            ),
        )  # fmt: skip
        await azure.run(EGRESS, azure.authority.svid(azure.identity("egress")))
        await azure.gateway(http("http", port))
        await azure.instance("web-1", "web")
        await azure.instance("other-1", "other")
        await azure.settled()
        yield Clouds(azure, gcp, catalog, pricing, port)


async def test_a_member_with_permission_calls_a_service_of_another_zone_as_itself(clouds: Clouds) -> None:
    await clouds.answers("web-1", "catalog.gcp", 200)
    (shown,) = clouds.catalog.received[-1]["headers"]["X-Forwarded-Client-Cert"]
    assert clouds.azure.identity("web") in shown
    assert clouds.azure.identity("egress") not in shown


async def test_a_member_without_permission_gets_no_further_than_the_egress(clouds: Clouds) -> None:
    before = len(clouds.catalog.callers)
    assert await clouds.status("other-1", "catalog.gcp") == 503
    assert len(clouds.catalog.callers) == before


async def test_a_gateway_goes_the_same_way(clouds: Clouds) -> None:
    found: Answer = await fetch(clouds.port, "www.example.com", "/edge")
    assert found.status == 200
    (shown,) = clouds.catalog.received[-1]["headers"]["X-Forwarded-Client-Cert"]
    assert clouds.azure.identity("edge") in shown


async def test_a_service_of_all_zones_is_reached_there_too(clouds: Clouds) -> None:
    async def as_expected() -> bool:
        return await clouds.behind_both() == {"catalog-1", "pricing-1"}

    await eventually(as_expected, what="both services answer", within=60)


async def test_without_an_egress_nobody_leaves_the_zone(clouds: Clouds) -> None:
    egress, resource = clouds.azure.proxies.pop(EGRESS), clouds.azure.read(EGRESS)
    clouds.azure.remove(EGRESS)
    await clouds.answers("web-1", "catalog.gcp", 503)
    await clouds.answers("web-1", BOTH, 503)
    clouds.azure.proxies[EGRESS] = egress
    clouds.azure.put(resource)
    await clouds.answers("web-1", "catalog.gcp", 200)


async def test_where_it_is_no_longer_wanted_everybody_goes_there_directly(clouds: Clouds) -> None:
    """Two services behind one ingress, of one name: still both are called."""
    clouds.azure.apply(mesh())
    clouds.azure.proxies.pop(EGRESS)
    clouds.azure.remove(EGRESS)
    await clouds.answers("other-1", "catalog.gcp", 200)

    async def as_expected() -> bool:
        return await clouds.behind_both() == {"catalog-1", "pricing-1"}

    await eventually(as_expected, what="both services answer", within=60)
