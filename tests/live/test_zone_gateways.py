"""Gateways of one zone and what is in another: by mutual TLS of the mesh, and by TLS of their own within."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.kit.echo import Echo
from tests.kit.http import fetch
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.wait import eventually
from tests.kit.zones import CALLED_PORT, LiveZone, two_zones
from tests.unit.translate.mesh.mesh import permission
from tests.unit.translate.world import backend, document, http, http_route, rule

from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

HOST = "api.gcp.example.com"
POLICY = ResourceId("BackendTLSPolicy", "shop", "far")


@dataclass
class Clouds:
    azure: LiveZone
    gcp: LiveZone
    catalog: Echo
    far: Echo
    """Behind TLS of its own, in gcp, as a gateway there."""
    near: Echo
    """The same program, in azure itself."""
    port: int
    """Of azure's gateway."""
    certificate: bytes
    """DER, of `far` and `near`."""


def zone_service(name: str) -> dict[str, object]:
    return backend(name, CALLED_PORT, group="sekisho.dev", kind="ZoneService")


def tls_policy(authority: TestAuthority, host: str = HOST) -> list[dict[str, object]]:
    targets = [
        {"group": "sekisho.dev", "kind": "ZoneService", "name": "far.gcp"},
        {"group": "", "kind": "Service", "name": "near"},
    ]
    validation = {
        "hostname": host,
        "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}],
    }
    return [
        document("ConfigMap", "ca", data={"ca.crt": authority.certificate.decode()}),
        document("BackendTLSPolicy", "far", spec={"targetRefs": targets, "validation": validation}),
    ]


@asynccontextmanager
async def serving_tls(name: str, context: ssl.SSLContext) -> AsyncIterator[Echo]:
    echo = Echo(name)
    server = await asyncio.start_server(echo.serve_connection, "127.0.0.1", 0, ssl=context)
    echo.port = server.sockets[0].getsockname()[1]
    async with server:
        yield echo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clouds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clouds]:
    folder = tmp_path_factory.mktemp("zones")
    public = TestAuthority("public")
    leaf = public.leaf(dns=[HOST])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*leaf.write(folder, "far"))
    port = free_port()
    async with (
        serving_tls("far", context) as far,
        serving_tls("near", context) as near,
        two_zones(folder) as (azure, gcp),
    ):
        await gcp.ingress()
        catalog = await gcp.instance("catalog-1", "catalog")
        await gcp.instance("far-1", "far", far, port={"name": "https", "appProtocol": "https"})
        await azure.instance("near-1", "near", near, port={"name": "https", "appProtocol": "https"})
        azure.apply(
            *tls_policy(public),
            http_route("near", rule(backend("near", CALLED_PORT), path="/near"), parents=[{"name": "edge"}]),
            http_route(
                "catalog", rule(zone_service("catalog.gcp"), path="/catalog"), parents=[{"name": "edge"}]
            ),
            http_route("far", rule(zone_service("far.gcp"), path="/far"), parents=[{"name": "edge"}]),
        )
        await azure.gateway(http("http", port))
        await azure.instance("web-1", "web")
        await azure.settled()
        shown = x509.load_pem_x509_certificates(leaf.certificate)[0].public_bytes(Encoding.DER)
        yield Clouds(azure, gcp, catalog, far, near, port, shown)


async def test_a_gateway_calls_a_service_of_another_zone(clouds: Clouds) -> None:
    answer = await fetch(clouds.port, "www.example.com", "/catalog/1")
    assert answer.status == 200
    assert clouds.catalog.received[-1]["path"] == "/catalog/1"


async def test_a_gateway_calls_through_the_gateway_of_another_zone_by_its_own_tls(clouds: Clouds) -> None:
    answer = await fetch(clouds.port, "www.example.com", "/far/1")
    assert answer.status == 200
    assert clouds.far.received[-1]["path"] == "/far/1"


async def test_a_service_that_takes_an_older_tls_alone_is_called_by_that(clouds: Clouds) -> None:
    versions = {"min": "TLS12", "max": "TLS12"}
    spec = {"rules": [{"default": {"tlsVersion": versions}}]}
    clouds.gcp.apply(document("MeshTLS", "old", spec=spec))
    await clouds.gcp.settled()
    await clouds.azure.settled()

    async def answered() -> bool:
        return (await fetch(clouds.port, "www.example.com", "/catalog/old")).status == 200

    await eventually(answered, what="an answer by TLS 1.2", within=60)
    clouds.gcp.remove(ResourceId("MeshTLS", "shop", "old"))
    await clouds.gcp.settled()
    await clouds.azure.settled()
    await eventually(answered, what="an answer by TLS 1.3 again", within=60)


async def test_a_gateway_without_permission_reaches_no_local_program_by_its_tls(clouds: Clouds) -> None:
    """The first to call it: a connection that is there would live on until it is drained."""
    denied = {"spiffeID": {"type": "Exact", "value": clouds.azure.identity("edge")}}
    clouds.azure.apply(permission("edge", {}, deny=[denied]))
    await clouds.azure.settled()
    answer = await fetch(clouds.port, "www.example.com", "/near/0")
    assert answer.status == 503
    assert not clouds.near.received
    clouds.azure.remove(ResourceId("TrafficPermission", SYSTEM_NAMESPACE, "edge"))
    await clouds.azure.settled()


async def test_tls_of_a_local_program_travels_within_that_of_the_mesh(clouds: Clouds) -> None:
    """Its sidecar lets in members of the mesh alone, so the Gateway has shown who it is."""
    answer = await fetch(clouds.port, "www.example.com", "/near/1")
    assert answer.status == 200
    assert clouds.near.received[-1]["path"] == "/near/1"


async def test_a_far_gateway_that_is_somebody_else_is_not_believed(clouds: Clouds) -> None:
    clouds.azure.apply(*tls_policy(TestAuthority("another"), "other.example.com"))
    await clouds.azure.settled()
    answer = await fetch(clouds.port, "www.example.com", "/far/2")
    assert answer.status == 503
    assert not any(one["path"] == "/far/2" for one in clouds.far.received)


async def test_without_a_policy_nothing_is_sent_to_who_speaks_tls(clouds: Clouds) -> None:
    clouds.azure.remove(POLICY)
    await clouds.azure.settled()
    answer = await fetch(clouds.port, "www.example.com", "/far/3")
    assert answer.status == 500


async def test_tls_of_a_program_passes_sidecars_and_ingress_unopened(clouds: Clouds) -> None:
    """A plain client in azure sees the certificate of what answers in gcp."""
    address = clouds.azure.place("web-1", "far.gcp")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(address, CALLED_PORT, ssl=context, server_hostname=HOST)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    assert shown == clouds.certificate
