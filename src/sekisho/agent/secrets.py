"""SDS for one Envoy: the certificate and key of its traffic identity, made on this host and kept on it.

Served on the agent's own socket, which only the agent's user and its proxy may open (0600, or of the proxy's
group): never relayed, never asked from the control plane, never in the last known good.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from sekisho import ir
from sekisho.agent.link import Stream
from sekisho.agent.tracking import Request, Response
from sekisho.aio.tasks import run_until
from sekisho.envoy.resource import Resource, resource
from sekisho.envoy.secrets import secret
from sekisho.identity.keys import Credentials
from sekisho.ir.transport import IDENTITY_SECRET
from sekisho.model.names import Origin, ResourceId
from sekisho.xds.types import SECRET

log = structlog.get_logger()


class Identity(Protocol):
    """Whoever has the identity of a proxy: `Keys`, or a SPIRE agent's client."""

    @property
    def held(self) -> Credentials | None:
        """The certificate and key of now."""
        ...

    def on_renewal(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after each renewal, the first one too."""
        ...


class SecretServer:
    """Answers delta SDS with the secret `identity`; a new certificate is pushed at once."""

    def __init__(self, proxy: str, identity: Identity) -> None:
        self._proxy = proxy
        self._identity = identity
        self._origin = Origin(ResourceId("Workload", "", proxy))
        self._streams: set[asyncio.Event] = set()
        self.wanted = asyncio.Event()
        """Set once Envoy has asked for it: a proxy outside any mesh never does, and needs no identity."""
        identity.on_renewal(self._wake)

    def _wake(self) -> None:
        for changed in self._streams:
            changed.set()

    async def serve(self, envoy: Stream) -> None:
        """Serves one stream of delta SDS until Envoy ends it."""
        over, changed = asyncio.Event(), asyncio.Event()
        subscription = _Subscription()
        self._streams.add(changed)
        try:
            services = {
                f"{self._proxy}: identity asked": self._read(envoy, subscription, changed, over),
                f"{self._proxy}: identity told": self._write(envoy, subscription, changed),
            }
            await run_until(over, services)
        finally:
            self._streams.discard(changed)

    async def _read(
        self, envoy: Stream, subscription: "_Subscription", changed: asyncio.Event, over: asyncio.Event
    ) -> None:
        try:
            while (message := await envoy.read()) is not None:
                request = Request.FromString(message)
                if request.HasField("error_detail"):
                    reason = request.error_detail.message
                    log.error("envoy refused its certificate", proxy=self._proxy, reason=reason)
                subscription.hear(request)
                if subscription.wants:
                    self.wanted.set()
                changed.set()
        finally:
            over.set()

    async def _write(self, envoy: Stream, subscription: "_Subscription", changed: asyncio.Event) -> None:
        while True:
            await changed.wait()
            changed.clear()
            held = self._identity.held
            if held and (response := subscription.tell(self._secret(held))):
                await envoy.write(response)

    def _secret(self, held: Credentials) -> Resource:
        chain, key = held.issued.chain, held.key.reveal()
        return resource(
            secret(ir.Certificate(name=IDENTITY_SECRET, chain=chain, key=key, origin=self._origin))
        )


class _Subscription:
    """What one stream asked for and was told; at most one response is unanswered."""

    def __init__(self) -> None:
        self.wants = False
        self._told = ""
        self._sent = 0
        self._waiting = False

    def hear(self, request: Any) -> None:
        if IDENTITY_SECRET in request.resource_names_subscribe:
            self.wants = True
            self._told = request.initial_resource_versions.get(IDENTITY_SECRET, "")
        if IDENTITY_SECRET in request.resource_names_unsubscribe:
            self.wants = False
        if request.response_nonce == str(self._sent):
            self._waiting = False

    def tell(self, current: Resource) -> bytes | None:
        """The response that is due, if one is."""
        if not self.wants or self._waiting or self._told == current.version:
            return None
        self._sent += 1
        self._waiting, self._told = True, current.version
        body = {"type_url": SECRET, "value": current.body}
        told = [{"name": current.name, "version": current.version, "resource": body}]
        return bytes(Response(type_url=SECRET, nonce=str(self._sent), resources=told).SerializeToString())
