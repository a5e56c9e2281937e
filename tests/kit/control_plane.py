"""A control plane that can be killed and started again: `Ads` over mutual TLS, with an authority."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from sekisho.agent.host import ProxySpec
from sekisho.agent.streams import METHOD, SERVICE
from sekisho.identity.authority import Registration, new_credentials
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Credentials, Issued
from sekisho.identity.rotation import Unavailable
from sekisho.identity.spiffe import SpiffeId
from sekisho.protos import message
from tests.kit.ads import Ads
from tests.kit.ports import free_port

DOMAIN = "test.example"
SERVER = Registration(SpiffeId(DOMAIN, "control-plane"), ("control-plane.test",))
Request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")


class ControlPlane:
    """Its state survives its processes: resources, authority, port, and which proxies are wanted."""

    def __init__(self, directory: Path, *wanted: str) -> None:
        self.ads = Ads()
        self.authority = BuiltInAuthority(directory, DOMAIN)
        self.port = free_port()
        self.wanted = frozenset(map(ProxySpec, wanted))
        self.up = False
        self.signed: list[str] = []
        """The proxies whose requests were signed, in order."""
        self.peers: list[str] = []
        """The identity in the client certificate of each stream."""

    async def sign(self, request: bytes, proxy: str) -> Issued:
        """Implements `Signer`."""
        if not self.up:
            raise Unavailable("the control plane is down")
        self.signed.append(proxy)
        return await self.authority.issue(request, Registration(SpiffeId.make(DOMAIN, proxy)))

    async def watch(self) -> AsyncIterator[frozenset[ProxySpec]]:
        """Implements `DesiredProxies`."""
        if not self.up:
            raise Unavailable("the control plane is down")
        yield self.wanted

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Up for the time of the block; its end cuts every connection off."""
        server = grpc.aio.server()
        handler = grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=Request.FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler})])
        secured = _mutual_tls(await new_credentials(self.authority, SERVER))
        server.add_secure_port(f"127.0.0.1:{self.port}", secured)
        await server.start()
        self.up = True
        try:
            yield
        finally:
            self.up = False
            await server.stop(0)

    async def _stream(self, requests: AsyncIterator[object], context: grpc.aio.ServicerContext) -> None:
        self.peers += [identity.decode() for identity in context.peer_identities() or ()]
        await self.ads.stream(requests, context)


def _mutual_tls(credentials: Credentials) -> grpc.ServerCredentials:
    issued = credentials.issued
    return grpc.ssl_server_credentials(
        [(credentials.key.reveal(), issued.chain)], issued.bundle, require_client_auth=True
    )
