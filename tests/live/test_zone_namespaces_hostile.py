"""A host that is nobody's, with what it stole from a zone: tokens, certificates, and a way to every port."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import msgspec
import pytest
import pytest_asyncio
from tests.kit.federated import CONTROL_PLANE
from tests.kit.federation import zone_service
from tests.kit.lines import door
from tests.kit.namespace_calls import connect
from tests.kit.netns import needs_namespaces
from tests.kit.objects import manifest
from tests.kit.pki import Leaf, TestAuthority
from tests.kit.system import log_lines
from tests.kit.zone_namespaces import OUTSIDE, HostedClouds, HostedSystem, hosted_clouds

from sekisho.app.identities.serving import SERVER_NAME
from sekisho.federation.link import Link
from sekisho.federation.messages import Batch, Upload
from sekisho.model.names import ResourceId

pytestmark = [
    pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600), needs_namespaces,
]  # fmt: skip

CALLER = "spiffe://default.azure.mesh.local/ns/shop/sa/web"
"""Who may call catalog."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds() -> AsyncIterator[HostedClouds]:
    """`web` of azure calls catalog of gcp; global has a Secret."""
    async with hosted_clouds() as clouds:
        await clouds.fill(instances=1, ingresses=("first",))
        await clouds.hub.apply(manifest("Secret", "key", stringData={"password": "hunter2"}))
        yield clouds


# At an ingress


async def knocks(clouds: HostedClouds, tmp_path: Path, server_name: str, leaf: Leaf | None) -> bytes:
    """What a call from outside gets at the ingress of gcp, after TLS with this name and certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["sekisho"])
    if leaf is not None:
        context.load_cert_chain(*leaf.write(tmp_path, "stolen"))
    gateway = await clouds.gcp.system.client.get("Gateway", "first", "shop")
    port = gateway["spec"]["listeners"][0]["port"]
    async with asyncio.timeout(20):
        reader, writer = await connect(clouds.host(OUTSIDE), clouds.host("gcp").address, port)
        try:
            await writer.start_tls(context, server_hostname=server_name)
            writer.write(b"GET / HTTP/1.1\r\nhost: catalog\r\n\r\n")
            return await reader.read()
        except (ssl.SSLError, ConnectionError):
            return b""
        finally:
            writer.close()


async def refused_certificates(clouds: HostedClouds) -> int:
    """By the sidecar of catalog: those of another authority, and those that were not shown."""
    text = await clouds.gcp.admin(clouds.gcp.members["catalog-1"], "/stats?filter=ssl.fail_verify")
    return sum(int(line.rpartition(": ")[2]) for line in text.splitlines() if ": " in line)


async def written_down(clouds: HostedClouds, server_name: str, why: str) -> None:
    """Returns when the log of gcp's agent tells of a call from outside for that name and reason."""
    path = clouds.gcp.system.log("agent")

    async def told() -> bool:
        lines = [line for line in log_lines(path) if line["event"] == "a connection was refused"]
        return any(line["server_name"] == server_name and why in line["why"] for line in lines)

    await clouds.gcp.system.until(told, f"a call for {server_name!r} is written down: {why}")


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("nothing", "shows no certificate"),
        ("of another authority", "no authority that is believed"),
        ("of another zone's name", "no authority that is believed"),
    ],
)
async def test_who_shows_no_certificate_of_its_own_zone_gets_to_nobody_and_is_written_down(
    clouds: HostedClouds, tmp_path: Path, shown: str, why: str
) -> None:
    """The ingress opens nothing: it is the sidecar behind that refuses, counts and tells."""
    authority = TestAuthority("gcp" if "name" in shown else "elsewhere")
    leaf = None if shown == "nothing" else authority.svid(CALLER)
    before = await refused_certificates(clouds)
    server_name = f"{clouds.gcp.port_of('catalog')}.catalog.shop.gcp.default.sekisho"

    async def is_refused() -> bool:
        """The first call may come before its ingress, and be reset there."""
        assert await knocks(clouds, tmp_path, server_name, leaf) == b""
        return await refused_certificates(clouds) > before

    await clouds.gcp.system.until(is_refused, "the sidecar of catalog refuses it")
    await written_down(clouds, server_name, why)
    await clouds.azure.answers(clouds.azure.members["web-1"], "catalog.gcp")


async def test_a_server_name_that_nobody_shows_is_reset_and_written_down(
    clouds: HostedClouds, tmp_path: Path
) -> None:
    before = await refused_certificates(clouds)
    leaf = TestAuthority().svid(CALLER)
    server_name = "8080.web.shop.gcp.default.sekisho"
    assert await knocks(clouds, tmp_path, server_name, leaf) == b""
    assert await refused_certificates(clouds) == before, "nobody saw the certificate"
    await written_down(clouds, server_name, "nobody here has the server name")


# At global


async def test_a_token_that_was_used_lets_no_other_host_in_and_is_written_down(clouds: HostedClouds) -> None:
    federated = clouds.federated
    thief = HostedSystem(federated.folder / "thief", clouds.host(OUTSIDE), federated.stack)
    try:
        await thief.start_control_plane(*federated.joining("azure", "azure"))

        async def told() -> bool:
            lines = log_lines(federated.hub.log(CONTROL_PLANE))
            return any("sent again after its only use" in json.dumps(line) for line in lines)

        await clouds.hub.until(told, "the replay is in global's log")
        link = (await thief.review())["link"]
        assert not link["connected"]
        assert link["fault"]
    finally:
        await thief.end()
    await federated.until_connected("azure", "gcp")


@asynccontextmanager
async def as_gcp(clouds: HostedClouds) -> AsyncIterator[tuple[Link, httpx2.AsyncClient]]:
    """A link, and a client of the API, of somebody outside with gcp's certificate."""
    federated = clouds.federated
    stored = json.loads((federated.zones["gcp"].folder / "zone.json").read_text())
    context = ssl.create_default_context(cafile=federated.folder / "hub" / "authority" / "root.crt")
    for name in ("chain", "key"):
        (federated.folder / f"stolen.{name}").write_text(stored[name])
    context.load_cert_chain(federated.folder / "stolen.chain", federated.folder / "stolen.key")
    async with door(clouds.host(OUTSIDE), clouds.hub.api, clouds.host("hub").address) as port:
        url = f"https://127.0.0.1:{port}"
        link = Link(url, context, SERVER_NAME)
        try:
            async with httpx2.AsyncClient(base_url=url, verify=context, trust_env=False) as client:
                yield link, client
        finally:
            await link.close()


async def test_by_the_certificate_of_one_zone_nothing_of_another_is_written(clouds: HostedClouds) -> None:
    puts = [zone_service("stolen", "azure"), manifest("Secret", "mine.gcp")]
    gone = (ResourceId("ZoneService", "shop", "web.azure"), ResourceId("Secret", "shop", "key"))
    batch = Batch(puts=tuple(msgspec.Raw(msgspec.json.encode(one)) for one in puts), gone=gone, token="e.1")
    async with as_gcp(clouds) as (link, _):
        held = await link.held()
        answer = await link.up(Upload(batch=batch, session=held.session, after=held.token))
    refused = {str(one.id) for one in answer.refused}
    assert refused >= {"ZoneService/shop/stolen.azure", "Secret/shop/mine.gcp"}
    assert {line["resource"] for line in clouds.federated.told("hub", "refused of a zone")} >= refused
    names = {one["metadata"]["name"] for one in (await clouds.hub.client.list("ZoneService")).items}
    assert "web.azure" in names
    assert "stolen.azure" not in names
    assert await clouds.hub.client.get("Secret", "key", "shop")
    await clouds.federated.until_connected("azure", "gcp")


@pytest.mark.parametrize("path", ["/api/v1/namespaces/shop/secrets/key", "/api/v1/secrets"])
async def test_by_the_certificate_of_a_zone_no_secret_is_read(clouds: HostedClouds, path: str) -> None:
    async with as_gcp(clouds) as (_, client):
        answer = await client.get(path, extensions={"sni_hostname": SERVER_NAME})
    assert answer.status_code == 403
    assert "hunter2" not in answer.text
    lines = clouds.federated.told("hub", "refused")
    assert any(line.get("path") == path and line.get("user") == "zone/gcp" for line in lines)


async def test_secrets_are_in_nothing_that_crosses(clouds: HostedClouds) -> None:
    documents = []
    async with as_gcp(clouds) as (link, _), link.down("", listing=True) as batches:
        async for batch in batches:
            documents += [json.loads(bytes(one)) for one in batch.puts]
            if batch.listing == "end":
                break
    assert documents
    assert "Secret" not in {one["kind"] for one in documents}
    assert "hunter2" not in json.dumps(documents)
