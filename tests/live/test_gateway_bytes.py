"""TLSRoutes, TCPRoutes and UDPRoutes on a real Envoy."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.certificates import certificate
from tests.kit.site import Site
from tests.kit.site_envoy import SiteEnvoy, running_site
from tests.kit.wait import eventually
from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import (
    backend,
    door,
    endpoint_slice,
    gateway,
    gateway_class,
    passthrough,
    route,
    rule,
    service,
)

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

DB, SPLIT, TLS, DNS, NOWHERE, EMPTY = 5432, 5433, 8443, 5300, 5434, 5435
ENDED = "ended.example.com"
PASSED = "passed.example.com"


class Names(asyncio.DatagramProtocol):
    """Answers every datagram with a name and what came."""

    def __init__(self, name: str) -> None:
        self._name = name

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._transport.sendto(f"{self._name}:".encode() + data, addr)


@asynccontextmanager
async def serving_bytes(name: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answers a line with a name and the line; gives the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(f"{name}:".encode() + await reader.readline())
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def serving_datagrams(name: str) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Names(name), ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def ask(port: int, server_name: str = "") -> str:
    """What a line is answered with; empty when the connection is closed or refused."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context if server_name else None, server_hostname=server_name or None
        )
    except OSError:
        return ""
    try:
        writer.write(b"hello\n")
        return (await reader.read(100)).decode()
    except OSError:
        return ""
    finally:
        writer.close()


async def send(port: int, within: float = 5) -> str:
    """What a datagram from a port of its own is answered with; empty for nothing in time."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)  # noqa: FBT003 - as the module has it
        await loop.sock_sendto(sender, b"hello", ("127.0.0.1", port))
        try:
            async with asyncio.timeout(within):
                return (await loop.sock_recv(sender, 100)).decode()
        except TimeoutError:
            return ""


def server_tls(folder: Path, name: str) -> ssl.SSLContext:
    """Of a backend that ends TLS itself."""
    made = certificate("own", name)
    (folder / "own.crt").write_bytes(made.chain)
    (folder / "own.key").write_bytes(made.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.crt", folder / "own.key")
    return context


def manifests(tcp: dict[str, int], udp: dict[str, int]) -> list[Any]:
    datagrams = {"port": 53, "protocol": "UDP"}
    ends = {"certificateRefs": [{"name": "cert"}]}
    only = lambda name: [{"name": "edge", "sectionName": name}]  # noqa: E731 - a word for the list below
    return [
        gateway_class(),
        gateway(
            door("TCP", "db", DB), door("TCP", "split", SPLIT), door("TCP", "nowhere", NOWHERE),
            door("TCP", "empty", EMPTY), door("UDP", "dns", DNS), passthrough("passed", hostname=PASSED),
            door("TLS", "ended", TLS, hostname=ENDED, tls=ends),
            passthrough("alone", hostname="alone.example.com"),
            passthrough("wide", hostname="*.example.com"),
        ),
        tls_secret("cert", ENDED),
        *(service(name) for name in (*tcp, "idle")),
        *(service(name, datagrams) for name in udp),
        *(endpoint_slice(name, "127.0.0.1", ports=[{"port": port}]) for name, port in tcp.items()),
        *(
            endpoint_slice(name, "127.0.0.1", ports=[{"port": port, "protocol": "UDP"}])
            for name, port in udp.items()
        ),
        route("TCPRoute", "db", rule(backend("one")), parents=only("db")),
        route(
            "TCPRoute", "split", rule(backend("one", weight=2), backend("two", weight=1), backend("gone")),
            parents=only("split"),
        ),
        route("TCPRoute", "nowhere", rule(backend("gone")), parents=only("nowhere")),
        route("TCPRoute", "empty", rule(backend("idle")), parents=only("empty")),
        route("TLSRoute", "passed", rule(backend("own")), hostnames=[PASSED], parents=only("passed")),
        route("TLSRoute", "ended", rule(backend("two")), hostnames=[ENDED], parents=only("ended")),
        route("TLSRoute", "wide", rule(backend("own")), hostnames=["*.example.com"], parents=only("wide")),
        route(
            "UDPRoute", "dns", rule(backend("u1", 53, weight=3), backend("u2", 53, weight=1)),
            parents=only("dns"),
        ),
    ]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sockets(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[int, int]]:
    folder = tmp_path_factory.mktemp("bytes")
    async with AsyncExitStack() as stack:
        tcp = {name: await stack.enter_async_context(serving_bytes(name)) for name in ("one", "two")}
        tcp["own"] = await stack.enter_async_context(serving_bytes("own", server_tls(folder, PASSED)))
        udp = {name: await stack.enter_async_context(serving_datagrams(name)) for name in ("u1", "u2")}
        site, served = Site(), SiteEnvoy()
        await served.publish(site.apply(*manifests(tcp, udp)))
        await stack.enter_async_context(running_site(folder, served))

        async def serves() -> bool:
            return bool(await ask(served.sockets[DB]) and await ask(served.sockets[TLS], ENDED))

        await eventually(serves, what="listeners serve")
        yield served.sockets


async def test_bytes_go_to_the_backend_of_the_route(sockets: dict[int, int]) -> None:
    assert await ask(sockets[DB]) == "one:hello\n"


async def test_connections_are_shared_by_weight_and_those_for_nobody_are_closed(
    sockets: dict[int, int],
) -> None:
    seen = Counter([await ask(sockets[SPLIT]) for _ in range(120)])
    assert set(seen) == {"one:hello\n", "two:hello\n", ""}
    assert 35 <= seen["one:hello\n"] <= 85
    assert all(10 <= seen[other] <= 55 for other in ("two:hello\n", ""))


@pytest.mark.parametrize("port", [NOWHERE, EMPTY])
async def test_without_a_backend_connections_are_closed(sockets: dict[int, int], port: int) -> None:
    assert await ask(sockets[port]) == ""


async def test_tls_is_passed_on_by_its_server_name(sockets: dict[int, int]) -> None:
    assert await ask(sockets[TLS], PASSED) == "own:hello\n"
    assert await ask(sockets[TLS], "any.example.com") == "own:hello\n"


async def test_tls_is_ended_and_what_is_inside_goes_on(sockets: dict[int, int]) -> None:
    assert await ask(sockets[TLS], ENDED) == "two:hello\n"


@pytest.mark.parametrize("name", ["alone.example.com", "other.org"])
async def test_a_name_without_a_route_is_closed(sockets: dict[int, int], name: str) -> None:
    assert await ask(sockets[TLS], name) == ""


async def test_datagrams_are_shared_by_weight(sockets: dict[int, int]) -> None:
    seen = Counter(await asyncio.gather(*(send(sockets[DNS]) for _ in range(200))))
    assert set(seen) == {"u1:hello", "u2:hello"}
    assert 120 <= seen["u1:hello"] <= 180
