"""Chains that listeners share: names come and go beside open connections; callers who say who they are."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.kit.certificates import certificate
from tests.kit.gateway import ORIGIN, Gateway, route, running_gateway
from tests.kit.http import Answer, fetch, read_answer, request_bytes
from tests.kit.pki import Leaf, TestAuthority
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from sekisho import envoy, ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

TABLE = "443/https"
NAMES = ("a.test", "b.test", "late.test", "x.wild.test", "*.wild.test")
CERTIFICATE = certificate("secret/shop/shop", *NAMES)
AUTHORITY, STRANGER = TestAuthority("ours"), TestAuthority("another")
BUNDLE = ir.AuthorityBundle(name="authorities/Gateway/shop/edge/443", authorities=AUTHORITY.certificate)


def listener(port: int, *names: str, callers: ir.CallerValidation | None = None) -> ir.Listener:
    """A shared chain for these names, and one for `*.wild.test`."""
    tls = ir.TlsTermination(certificates=(CERTIFICATE.name,), callers=callers)
    chains = (
        ir.Chain(table=TABLE, name="443/wild", server_names=("*.wild.test",), tls=tls, origin=ORIGIN),
        ir.Chain(table=TABLE, name="443/~shop", server_names=names, shared=True, tls=tls, origin=ORIGIN),
    )
    name = f"http/127.0.0.1/{port}"
    return ir.Listener(name=name, address="127.0.0.1", port=port, chains=chains, origin=ORIGIN)


def host(name: str, status: int) -> ir.VirtualHost:
    routes = (route(ir.Respond(status=status)),)
    return ir.VirtualHost(table=TABLE, hostname=name, server_name=name, routes=routes)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path_factory.mktemp("shared")) as running:
        running.ads.put(envoy.resource(envoy.secret(CERTIFICATE)))
        running.ads.put(envoy.resource(envoy.authority_bundle(BUNDLE)))
        for number, name in enumerate(("a.test", "b.test", "late.test")):
            await running.publish(host(name, 201 + number))
        await running.publish(ir.WildcardTable(table=TABLE, hosts=(host("*.wild.test", 210),)))
        yield running


def client(shown: Leaf | None = None, folder: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=CERTIFICATE.chain.decode())
    if shown is not None and folder is not None:
        context.load_cert_chain(*shown.write(folder, "caller"))
    return context


async def serve(gateway: Gateway, wanted: ir.Listener, name: str = "a.test", **options: object) -> None:
    """Returns when `name` is answered."""
    gateway.ads.put(envoy.resource(envoy.listener(wanted)))

    async def answers() -> bool:
        try:
            return (await get(wanted.port, name, **options)).status < 300
        except (OSError, EOFError):
            return False

    await eventually(answers, what=f"{name} answers")


async def get(port: int, server_name: str, hostname: str = "", **options: object) -> Answer:
    tls = options.pop("tls", client())
    return await fetch(port, hostname or server_name, tls=tls, server_name=server_name, **options)


async def test_each_name_of_a_shared_chain_gets_its_own_routes_and_no_others(gateway: Gateway) -> None:
    port = free_port()
    await serve(gateway, listener(port, "a.test", "b.test"))
    assert (await get(port, "b.test")).status == 202
    assert (await get(port, "x.wild.test")).status == 210
    for server_name, hostname in (("a.test", "b.test"), ("a.test", "x.wild.test"), ("x.wild.test", "a.test")):
        assert (await get(port, server_name, hostname)).status == 421
    forged = [("x-sekisho-server-name", "b.test")]
    assert (await get(port, "a.test", "b.test", headers=forged)).status == 421
    with pytest.raises((OSError, EOFError)):
        await get(port, "nobody.test")


async def test_names_come_and_go_and_open_connections_stay(gateway: Gateway) -> None:
    port = free_port()
    await serve(gateway, listener(port, "a.test", "b.test"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client(), server_hostname="a.test")

    async def ask() -> Answer:
        writer.write(request_bytes("GET", "/", [("host", "a.test")]))
        return await read_answer(reader)

    assert (await ask()).status == 201
    await serve(gateway, listener(port, "a.test", "b.test", "late.test"), "late.test")
    await serve(gateway, listener(port, "a.test", "late.test"), "late.test")
    answer = await ask()
    assert (answer.status, answer.header("connection")) == (201, None)
    writer.close()
    with pytest.raises((OSError, EOFError)):
        await get(port, "b.test")


async def test_who_must_show_a_certificate_shows_one_of_the_authority(
    gateway: Gateway, tmp_path: Path
) -> None:
    port = free_port()
    known = client(AUTHORITY.leaf(dns=["caller.test"]), tmp_path)
    required = ir.CallerValidation(authorities=BUNDLE.name)
    await serve(gateway, listener(port, "a.test", callers=required), tls=known)
    for unknown in (client(), client(STRANGER.leaf(dns=["caller.test"]), tmp_path)):
        with pytest.raises((OSError, EOFError)):
            await get(port, "a.test", tls=unknown)
    assert (await get(port, "a.test", tls=known)).status == 201


async def test_who_need_not_show_one_is_let_in_whatever_is_shown(gateway: Gateway, tmp_path: Path) -> None:
    port = free_port()
    wanted = ir.CallerValidation(authorities=BUNDLE.name, required=False)
    await serve(gateway, listener(port, "a.test", callers=wanted))
    for shown in (AUTHORITY, STRANGER):
        tls = client(shown.leaf(dns=["caller.test"]), tmp_path)
        assert (await get(port, "a.test", tls=tls)).status == 201


async def test_until_the_authorities_are_there_nobody_is_let_in(gateway: Gateway, tmp_path: Path) -> None:
    port = free_port()
    missing = ir.CallerValidation(authorities="authorities/Gateway/shop/edge/missing", required=False)
    gateway.ads.put(envoy.resource(envoy.listener(listener(port, "a.test", callers=missing))))
    await gateway.ads.settled()
    known = client(AUTHORITY.leaf(dns=["caller.test"]), tmp_path)
    with pytest.raises((OSError, EOFError, TimeoutError)):
        await get(port, "a.test", tls=known, within=2)
