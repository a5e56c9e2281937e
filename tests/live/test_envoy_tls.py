"""TLS at a listener: the chain, its certificate and its routes follow the server name."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.certificates import certificate
from tests.kit.gateway import ORIGIN, route, running_gateway
from tests.kit.http import Answer, fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from sekisho import envoy, ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

SHOP = certificate("secret/shop/shop", "shop.test")
WILD = certificate("secret/shop/wild", "*.wild.test")
CERTIFICATES = {each.name: each for each in (SHOP, WILD)}


def tls_listener(port: int) -> ir.Listener:
    def chain(table: str, secret: str, *names: str) -> ir.Chain:
        tls = ir.TlsTermination(certificates=(secret,), min_version="1.3" if table == "443/old" else "1.2")
        return ir.Chain(table=table, server_names=names, tls=tls, origin=ORIGIN)

    chains = (
        chain("443/missing", "secret/shop/missing", "missing.test"),
        chain("443/old", SHOP.name, "modern.test"),
        chain("443/shop", SHOP.name, "shop.test"),
        chain("443/wild", WILD.name, "*.wild.test"),
    )
    return ir.Listener(
        name=f"https/127.0.0.1/{port}", address="127.0.0.1", port=port, chains=chains, origin=ORIGIN
    )


def host(table: str, hostname: str, status: int) -> ir.VirtualHost:
    return ir.VirtualHost(table=table, hostname=hostname, routes=(route(ir.Respond(status=status)),))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    number = free_port()
    async with running_gateway(tmp_path_factory.mktemp("tls")) as gateway:
        gateway.ads.put(*(envoy.resource(envoy.secret(each)) for each in CERTIFICATES.values()))
        gateway.ads.put(envoy.resource(envoy.listener(tls_listener(number))))
        await gateway.publish(host("443/shop", "shop.test", 201))
        await gateway.publish(host("443/shop", "a.wild.test", 421))
        await gateway.publish(host("443/old", "modern.test", 204))
        await gateway.publish(
            ir.WildcardTable(table="443/wild", hosts=(host("443/wild", "*.wild.test", 202),))
        )
        await eventually(_serves(number), what="the TLS listener serves")
        yield number


def _serves(number: int) -> object:
    async def serves() -> bool:
        try:
            return (await get(number, "shop.test")).status == 201
        except (OSError, EOFError):
            return False

    return serves


def client(trusted: ir.Certificate, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=trusted.chain.decode())
    context.maximum_version = newest
    return context


async def get(number: int, server_name: str, hostname: str | None = None, **options: object) -> Answer:
    trusted = SHOP if server_name == "shop.test" else WILD
    context = options.pop("tls", client(trusted))
    return await fetch(number, hostname or server_name, tls=context, server_name=server_name, **options)


async def test_each_server_name_is_shown_its_certificate_and_gets_its_routes(port: int) -> None:
    assert (await get(port, "shop.test")).status == 201
    assert (await get(port, "a.wild.test")).status == 202


async def test_the_routes_of_another_chain_are_out_of_reach(port: int) -> None:
    """`a.wild.test` is for the wildcard chain; on a connection for shop.test it is misdirected."""
    assert (await get(port, "a.wild.test")).status == 202
    assert (await get(port, "shop.test", "a.wild.test")).status == 421
    assert (await get(port, "shop.test", "b.wild.test")).status == 404


async def test_a_chain_without_its_certificate_serves_nothing_and_disturbs_nobody(port: int) -> None:
    with pytest.raises((OSError, EOFError, TimeoutError)):
        await get(port, "missing.test", within=2)
    assert (await get(port, "shop.test")).status == 201


async def test_a_server_name_of_no_chain_is_refused(port: int) -> None:
    with pytest.raises((OSError, EOFError)):
        await get(port, "shop.example")


async def test_plain_http_on_a_tls_port_is_refused(port: int) -> None:
    with pytest.raises((OSError, EOFError)):
        await fetch(port, "shop.test")


async def test_versions_below_the_least_are_refused(port: int) -> None:
    old = client(SHOP, ssl.TLSVersion.TLSv1_2)
    old.check_hostname = False
    assert (await get(port, "shop.test", tls=old)).status == 201
    with pytest.raises(OSError, match="ALERT_PROTOCOL_VERSION"):
        await get(port, "modern.test", tls=old)


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), ([], None)]
)
async def test_the_protocol_is_negotiated(port: int, offered: list[str], chosen: str | None) -> None:
    context = client(SHOP)
    if offered:
        context.set_alpn_protocols(offered)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="shop.test")
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
    writer.close()
