"""TCPRoutes and TLSRoutes of Services: where the bytes of captured programs go."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.captured import CapturedMesh, captured_mesh, serve
from tests.kit.netns import needs_namespaces
from tests.kit.objects import manifest
from tests.kit.pki import TestAuthority
from tests.kit.wait import eventually

pytestmark = [pytest.mark.live, needs_namespaces, pytest.mark.asyncio(loop_scope="module")]

SECURE = 8443
"""Where the applications speak TLS of their own."""
SERVERS = ("one", "two")
CLOSED = {"ConnectionResetError", "nothing"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CapturedMesh]:
    """Service `server` is before both servers, and each has a Service of its own name beside it."""
    authority = TestAuthority("application")
    async with captured_mesh("redirect") as (mesh, stack):
        for name in SERVERS:
            chain, key = authority.leaf(dns=["*.example.com"]).write(tmp_path_factory.mktemp(name), name)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain, key)
            await serve(mesh.hosts[name], name, stack)
            await serve(mesh.hosts[name], name, stack, SECURE, context)
        await apply(mesh, service("server", app="server"), *(service(name, own=name) for name in SERVERS))
        await apply(mesh, *(labelled(mesh.workload(name), name) for name in SERVERS))
        for name in ("client", *SERVERS):
            await mesh.join(name)
        yield mesh


def service(name: str, **selector: str) -> dict[str, Any]:
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "tls", "port": 443, "targetPort": SECURE},
    ]
    return manifest("Service", name, spec={"selector": selector, "ports": ports})


def labelled(workload: dict[str, Any], name: str) -> dict[str, Any]:
    workload["metadata"]["labels"]["own"] = name
    return workload


def byte_route(kind: str, name: str, port: int, *backends: str, **spec: Any) -> dict[str, Any]:
    parent = {"group": "", "kind": "Service", "name": "server", "port": port}
    refs = [{"name": backend, "port": port} for backend in backends]
    return manifest(kind, name, spec={"parentRefs": [parent], "rules": [{"backendRefs": refs}], **spec})


async def apply(mesh: CapturedMesh, *manifests: dict[str, Any]) -> None:
    await mesh.sekisho("apply", "-f", "-", given="".join(f"---\n{json.dumps(each)}\n" for each in manifests))


async def answering(mesh: CapturedMesh, address: str) -> set[str]:
    """Who answers, or what went wrong; one connection each."""
    return {(await mesh.ask("client", address)).partition(" ")[0] for _ in range(12)}


async def answers_are(mesh: CapturedMesh, address: str, *expected: set[str]) -> None:
    """Until they are one of these."""

    async def are() -> bool:
        return await answering(mesh, address) in expected

    await eventually(are, what=f"{expected} are the answers")


async def test_connections_go_where_a_route_says_and_are_closed_where_it_leads_nowhere(
    mesh: CapturedMesh,
) -> None:
    address = await mesh.virtual_address()
    await answers_are(mesh, address, set(SERVERS))
    await apply(mesh, byte_route("TCPRoute", "r", 80, "one"))
    await answers_are(mesh, address, {"one"})
    await apply(mesh, byte_route("TCPRoute", "r", 80, "two"))
    await answers_are(mesh, address, {"two"})
    await apply(mesh, byte_route("TCPRoute", "r", 80, "two", "nobody"))
    await answers_are(mesh, address, *({"two", failure} for failure in CLOSED), {"two", *CLOSED})
    await apply(mesh, byte_route("TCPRoute", "r", 80, "nobody"))
    await answers_are(mesh, address, *({failure} for failure in CLOSED), CLOSED)
    await mesh.sekisho("delete", "tcproute", "r", "-n", "shop")
    await answers_are(mesh, address, set(SERVERS))


async def ask_for(mesh: CapturedMesh, address: str, server_name: str) -> str:
    """Who answers a program that speaks TLS of its own, or `closed`."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    caller = mesh.hosts["client"].caller(address)
    try:
        async with asyncio.timeout(10):
            await asyncio.get_running_loop().sock_connect(caller, (address, 443))
            reader, writer = await asyncio.open_connection(
                sock=caller, ssl=context, server_hostname=server_name
            )
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
    except (OSError, EOFError):
        caller.close()
        return "closed"
    return answer.rpartition(b"\r\n\r\n")[2].decode().partition(" ")[0]


async def test_tls_of_programs_goes_by_the_server_name_they_ask_for(mesh: CapturedMesh) -> None:
    address = await mesh.virtual_address()
    await apply(
        mesh,
        byte_route("TLSRoute", "exact", 443, "one", hostnames=["a.example.com"]),
        byte_route("TLSRoute", "wild", 443, "two", hostnames=["*.example.com"]),
    )
    expected = {"a.example.com": "one", "b.example.com": "two", "c.d.example.com": "two", "x.org": "closed"}

    async def are() -> bool:
        return {name: await ask_for(mesh, address, name) for name in expected} == expected

    await eventually(are, what="every server name has its server")
    # What is on the other port is nobody's business.
    assert await answering(mesh, address) <= set(SERVERS)
