"""A pair of sidecars made of IR alone: what reaches the application, and what does not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.gateway import forward, route
from tests.kit.http import Answer, fetch
from tests.kit.pki import Leaf, TestAuthority
from tests.kit.ports import free_port
from tests.kit.sidecar import (
    ORIGIN,
    TRUST_DOMAIN,
    Sidecar,
    inbound,
    mesh_cluster,
    of_inbound,
    outbound,
    route_table,
    running_sidecar,
    spiffe_id,
    trust,
)

from sekisho import envoy, ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

CLIENT, SERVER, OTHER = spiffe_id("client"), spiffe_id("server"), spiffe_id("other")
FOREIGN = "other.default.mesh.local"


@dataclass
class Pair:
    """A client's sidecar with an outbound by HTTP and one by TCP, and a server's with one inbound."""

    folder: Path
    authority: TestAuthority
    foreign: TestAuthority
    client: Sidecar
    server: Sidecar
    application: Echo
    port: int
    """Of the inbound."""
    http: int
    tcp: int
    """Where the client calls it."""

    async def serve(self, **fields: Any) -> None:
        """Changes the inbound, for the time until the next change."""
        await self.server.publish(*of_inbound(inbound(self.port, self.application.port, **fields)))

    async def allow(self, *callers: ir.Caller, **fields: Any) -> None:
        await self.serve(permissions=permissions(allow=callers), **fields)

    async def get(self, path: str = "/", *, port: int | None = None, **options: Any) -> Answer:
        return await fetch(port or self.http, "echo.test", path, **options)

    def as_member(
        self, uri: str, *, authority: TestAuthority | None = None, alpn: str = "sekisho"
    ) -> ssl.SSLContext:
        """A client that has this identity and believes anybody."""
        leaf = (authority or self.authority).svid(uri)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(*leaf.write(self.folder, "client"))
        context.set_alpn_protocols([alpn])
        return context

    async def get_as(self, uri: str, path: str = "/", **options: Any) -> Answer:
        """Past the client's sidecar."""
        authority = options.pop("authority", None)
        return await self.get(path, port=self.port, tls=self.as_member(uri, authority=authority), **options)


def permissions(*, allow: Any = (), deny: Any = (), shadow: Any = ()) -> ir.Permissions:
    given = ((ir.Effect.DENY, deny), (ir.Effect.ALLOW, allow), (ir.Effect.SHADOW_DENY, shadow))
    return ir.Permissions(
        rules=tuple(
            ir.PermissionRule(effect=effect, caller=caller, origin=ORIGIN)
            for effect, callers in given
            for caller in callers
        )
    )


def identity(uri: str, kind: Any = "exact", **fields: Any) -> ir.Caller:
    return ir.Caller(identities=(ir.Text(kind, uri),), **fields)


def paths(*texts: tuple[str, str], **fields: Any) -> ir.Caller:
    return ir.Caller(paths=tuple(ir.Text(kind, value) for kind, value in texts), **fields)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    folder, authority, foreign = tmp_path_factory.mktemp("mesh"), TestAuthority(), TestAuthority("foreign")
    port, http, tcp = free_port(), free_port(), free_port()
    believed = trust((TRUST_DOMAIN, authority))
    endpoints = [ir.Endpoint("127.0.0.1", port, meshed=True)]
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(serving_echo("app"))
        server = await stack.enter_async_context(
            running_sidecar(
                folder / "server",
                authority.svid(SERVER),
                believed,
                *of_inbound(inbound(port, application.port)),
            )
        )
        client = await stack.enter_async_context(
            running_sidecar(
                folder / "client",
                authority.svid(CLIENT),
                believed,
                *mesh_cluster("shop/echo/80", endpoints, [SERVER]),
                *mesh_cluster("shop/echo/81", endpoints, [SERVER], protocol=ir.Protocol.TCP, alpn="sekisho"),
                envoy.resource(envoy.outbound_listener(outbound("shop/echo/80", http))),
                envoy.resource(
                    envoy.outbound_listener(
                        outbound("shop/echo/81", tcp, ir.TcpForward(shares=(("shop/echo/81", 1),)))
                    )
                ),
                route_table("shop/echo/80", route(forward("shop/echo/80"))),
            )
        )
        yield Pair(folder, authority, foreign, client, server, application, port, http, tcp)


async def test_http_travels_by_http2_and_the_application_learns_who_called(pair: Pair) -> None:
    await pair.serve()
    answer = await pair.get("/items?x=1")
    assert (answer.status, answer.json()["path"]) == (200, "/items?x=1")
    assert f"URI={CLIENT}" in answer.json()["headers"]["X-Forwarded-Client-Cert"][0]


async def test_bytes_travel_by_tcp(pair: Pair) -> None:
    await pair.serve()
    assert (await pair.get("/raw", port=pair.tcp)).json()["path"] == "/raw"
