"""A control plane that can be killed and started again: `Ads` over mutual TLS, with an authority."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from sekisho import envoy
from sekisho.agent.host import ProxySpec
from sekisho.agent.streams import METHOD, SERVICE
from sekisho.identity.authority import LEAF_LIFETIME, Registration, new_credentials
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Credentials, Issued
from sekisho.identity.rotation import Unavailable
from sekisho.identity.spiffe import SpiffeId
from sekisho.protos import message
from sekisho.xds.admission import Refusal
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import server_context
from sekisho.xds.types import Blob, Name
from sekisho.xds.view import View
from tests.kit.ads import Ads
from tests.kit.ports import free_port

DOMAIN = "test.example"
SERVER = Registration(SpiffeId(DOMAIN, "control-plane"), ("control-plane.test",))
Request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")


class ControlPlane:
    """Its state survives its processes: resources, authority, port, and which proxies are wanted."""

    def __init__(self, directory: Path, *wanted: str, on_own_server: bool) -> None:
        """Served by our own ADS server, or by the reference on grpc.aio."""
        self.ads = Ads()
        self.view = View("all")
        self._on_own_server = on_own_server
        self.directory = directory
        self.authority = BuiltInAuthority(directory, DOMAIN)
        self.port = free_port()
        self.wanted = frozenset(map(ProxySpec, wanted))
        self.up = False
        self.lifetime = LEAF_LIFETIME
        self.signs_for = ""
        """When set, every certificate is for this proxy, whoever asks."""
        self.signed: list[str] = []
        """The proxies whose requests were signed, in order."""
        self.peers: list[str] = []
        """The identity in the client certificate of each stream."""

    async def sign(self, request: bytes, proxy: str, purpose: str = "control") -> Issued:
        """Implements `Signer`."""
        if not self.up:
            raise Unavailable("the control plane is down")
        self.signed.append(proxy)
        registration = Registration(SpiffeId.make(DOMAIN, self.signs_for or proxy))
        return await self.authority.issue(request, registration, self.lifetime)

    async def watch(self) -> AsyncIterator[frozenset[ProxySpec]]:
        """Implements `DesiredProxies`."""
        if not self.up:
            raise Unavailable("the control plane is down")
        yield self.wanted

    def put(self, *resources: envoy.Resource) -> None:
        """Publishes them, now or with the next start."""
        self.ads.put(*resources)
        self.view.commit(
            {Name(each.type_url, each.name): Blob(each.version, each.body) for each in resources}
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Up for the time of the block; its end cuts every connection off."""
        credentials = await new_credentials(self.authority, SERVER)
        async with self._own(credentials) if self._on_own_server else self._reference(credentials):
            self.up = True
            try:
                yield
            finally:
                self.up = False

    @asynccontextmanager
    async def _own(self, credentials: Credentials) -> AsyncIterator[None]:
        for name, pem in (("key", credentials.key.reveal()), ("crt", credentials.issued.chain)):
            (self.directory / f"server.{name}").write_bytes(pem)
        context = server_context(
            self.directory / "server.crt", self.directory / "server.key", credentials.issued.bundle.decode()
        )
        server = AdsServer(self._authorize, patience=0.2)
        await server.listen_tls("127.0.0.1", self.port, lambda: context)
        try:
            yield
        finally:
            await server.drain(0)

    def _authorize(self, peer: str | None, node: str) -> list[View] | Refusal:
        self.peers.append(peer or "")
        if peer is None or not SpiffeId.parse(peer).covers(node):
            return Refusal(f"{peer} is not {node}")
        return [self.view]

    @asynccontextmanager
    async def _reference(self, credentials: Credentials) -> AsyncIterator[None]:
        server = grpc.aio.server()
        handler = grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=Request.FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler})])
        server.add_secure_port(f"127.0.0.1:{self.port}", _mutual_tls(credentials))
        await server.start()
        try:
            yield
        finally:
            await server.stop(0)

    async def _stream(
        self, requests: AsyncIterator[object], context: grpc.aio.ServicerContext[object, object]
    ) -> None:
        self.peers += [identity.decode() for identity in context.peer_identities() or ()]
        await self.ads.stream(requests, context)


def _mutual_tls(credentials: Credentials) -> grpc.ServerCredentials:
    issued = credentials.issued
    return grpc.ssl_server_credentials(
        [(credentials.key.reveal(), issued.chain)], issued.bundle, require_client_auth=True
    )
