"""From a sidecar of one zone through the ingress of another to a sidecar there, and nowhere else."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from tests.kit.echo import Echo
from tests.kit.http import fetch
from tests.kit.load import under_load
from tests.kit.system import promised
from tests.kit.wait import eventually
from tests.kit.zones import CALLED_PORT, LiveZone, two_zones
from tests.unit.translate.mesh.mesh import application, member
from tests.unit.translate.world import document

from sekisho.model.names import ResourceId

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Clouds:
    azure: LiveZone
    gcp: LiveZone
    catalog: Echo
    folder: Path

    @property
    def door(self) -> tuple[str, int]:
        """Where gcp lets others in."""
        (place,) = self.gcp.records[ResourceId("ZoneIngress", "shop", "ingress.gcp")]["spec"]["addresses"]
        return place["address"], place["port"]

    def as_member(self, zone: LiveZone, account: str, alpn: str = "sekisho") -> ssl.SSLContext:
        """Somebody with an identity of a zone, who believes anybody."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(*zone.authority.svid(zone.identity(account)).write(self.folder, "client"))
        context.set_alpn_protocols([alpn])
        return context

    async def knocks(self, name: str, context: ssl.SSLContext) -> bool:
        """Whether somebody answers at the ingress to this server name."""
        address, port = self.door
        try:
            answer = await fetch(port, name, address=address, tls=context, within=5)
        except (OSError, EOFError):
            return False
        return answer.status == 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clouds]:
    """`web` in azure; `catalog` in gcp, behind an ingress."""
    folder = tmp_path_factory.mktemp("zones")
    async with two_zones(folder) as (azure, gcp):
        await gcp.ingress()
        catalog = await gcp.instance("catalog-1", "catalog")
        await azure.instance("web-1", "web")
        await gcp.settled()
        yield Clouds(azure, gcp, catalog, folder)


def name(service: str, zone: str = "gcp") -> str:
    return f"{CALLED_PORT}.{service}.shop.{zone}.default.sekisho"


async def test_a_service_of_another_zone_answers_and_knows_who_asks(clouds: Clouds) -> None:
    answer = await clouds.azure.call("web-1", "catalog.gcp", "/hello")
    assert answer.status == 200
    assert clouds.catalog.received[-1]["path"] == "/hello"


async def test_requests_go_as_http2_with_the_callers_identity(clouds: Clouds) -> None:
    assert (await clouds.azure.call("web-1", "catalog.gcp", "/read")).status == 200
    headers = dict(clouds.catalog.received[-1]["headers"])
    certificate = headers["X-Forwarded-Client-Cert"][0]
    assert f"URI={clouds.azure.identity('web')}" in certificate


async def test_members_of_other_zones_are_let_in_by_name(clouds: Clouds) -> None:
    assert await clouds.knocks(name("catalog"), clouds.as_member(clouds.azure, "web"))


@pytest.mark.parametrize(
    "asked",
    [
        "80.catalog.shop.gcp.default.sekisho",
        "sekisho-xds",
        "catalog",
        f"{CALLED_PORT}.catalog.shop.azure.default.sekisho",
    ],
    ids=[
        "another port",
        "no name of a cluster of ours",
        "no server name",
        "another zone",
    ],  # a port is free by chance
)
async def test_a_name_nobody_has_is_reset(clouds: Clouds, asked: str) -> None:
    assert not await clouds.knocks(asked, clouds.as_member(clouds.azure, "web"))


async def test_a_service_that_is_not_shown_is_not_let_in_to(clouds: Clouds) -> None:
    await clouds.gcp.instance("private-1", "private", labels={"sekisho.dev/export": "false"})
    await clouds.gcp.settled()
    assert not await clouds.knocks(name("private"), clouds.as_member(clouds.azure, "web"))
    assert ResourceId("ZoneService", "shop", "private.gcp") not in clouds.gcp.records


async def test_who_is_no_member_is_sent_away_before_anybody_is_asked(clouds: Clouds) -> None:
    outsider = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outsider.check_hostname, outsider.verify_mode = False, ssl.CERT_NONE
    assert not await clouds.knocks(name("catalog"), outsider)


async def test_plain_text_is_not_let_in(clouds: Clouds) -> None:
    address, port = clouds.door
    with pytest.raises((OSError, EOFError)):
        await fetch(port, "catalog", address=address)


async def test_services_come_and_go_under_load_and_nobody_else_notices(clouds: Clouds) -> None:
    address = clouds.azure.place("web-1", "catalog.gcp")
    async with under_load(CALLED_PORT, "catalog", address=address, clients=3, pause=0.002) as load:
        for round_ in range(10):
            named = f"other-{round_}"
            other = member(f"{named}-1", named, f"127.0.79.{round_ + 1}")
            clouds.gcp.apply(application(named, f"241.0.9.{round_}", port={"port": CALLED_PORT}), other)
            await clouds.gcp.settled()
            await clouds.azure.settled()
            clouds.gcp.remove(
                ResourceId("Service", "shop", named), ResourceId("Workload", "shop", f"{named}-1")
            )
            await clouds.gcp.settled()
            await clouds.azure.settled()
    assert load.answered > 100
    assert load.failures == []


async def test_a_zone_that_is_disabled_is_closed_and_opened_again(clouds: Clouds) -> None:
    async def status() -> int | None:
        try:
            return (await clouds.azure.call("web-1", "catalog.gcp")).status
        except (OSError, EOFError):
            return None

    clouds.azure.apply(document("Zone", "gcp", spec={"enabled": False}))

    async def closed() -> bool:
        return await status() != 200

    async def open_() -> bool:
        return await status() == 200

    await eventually(closed, what="gcp is closed")
    clouds.azure.apply(document("Zone", "gcp"))
    await eventually(open_, what="gcp is open")


async def test_without_instances_callers_are_told_and_do_not_wait(clouds: Clouds) -> None:
    workload = clouds.gcp.read(ResourceId("Workload", "shop", "catalog-1"))
    clouds.gcp.put(replace(workload, spec=replace(workload.spec, ready=False)))
    try:
        await clouds.azure.settled()
        async with asyncio.timeout(promised(2)):
            assert (await clouds.azure.call("web-1", "catalog.gcp")).status == 503
    finally:
        clouds.gcp.put(workload)
        await clouds.azure.settled()
