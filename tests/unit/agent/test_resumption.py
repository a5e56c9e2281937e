"""The way to the control plane over TLS: sessions are resumed, with the certificate that they began with."""

import asyncio
from pathlib import Path

from tests.kit.wait import eventually

from sekisho.agent.streams import grpc_dial
from sekisho.identity.authority import Registration, new_credentials
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Credentials
from sekisho.identity.spiffe import SpiffeId
from sekisho.xds.contexts import Contexts
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import server_context
from sekisho.xds.view import View

DOMAIN = "demo.default.mesh.local"


async def issued(authority: BuiltInAuthority, path: str) -> Credentials:
    registration = Registration(SpiffeId.make(DOMAIN, path), dns_names=("localhost",))
    return await new_credentials(authority, registration)


async def test_an_agent_comes_back_to_its_session_and_never_with_another_certificate(tmp_path: Path) -> None:
    authority = BuiltInAuthority(tmp_path / "authority", DOMAIN)
    own = await issued(authority, "control-plane")
    (tmp_path / "key").write_bytes(own.key.reveal())
    (tmp_path / "crt").write_bytes(own.issued.chain)
    server = AdsServer(lambda *_: [View("v")])
    contexts = Contexts(lambda: server_context(tmp_path / "crt", tmp_path / "key", authority.bundle.decode()))
    port = await server.listen_tls("127.0.0.1", 0, contexts)
    dial = grpc_dial(f"127.0.0.1:{port}", "localhost")

    async def resumed(credentials: Credentials) -> bool:
        """Whether a visit with them began with a session."""

        async def known() -> bool:
            return any(each._tls is not None and each._tls.peer for each in server._connections)

        async def gone() -> bool:
            return not server.connections

        visit = await dial(credentials)
        await eventually(known, what="the server knows who came")
        (connection,) = server._connections
        assert connection._tls is not None
        assert connection._tls.peer is not None
        assert connection._tls.peer.serial == credentials.issued.serial
        found = connection._tls.resumed
        await visit.close()
        await eventually(gone, what="the visit is over")
        return found

    try:
        async with asyncio.timeout(60):
            first, renewed = [await issued(authority, "workload/shop/cart") for _ in range(2)]
            assert [await resumed(first) for _ in range(3)] == [False, True, True]
            assert [await resumed(renewed) for _ in range(2)] == [False, True]
    finally:
        await server.drain(1)
