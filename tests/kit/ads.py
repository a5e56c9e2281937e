"""A small delta ADS server on grpc.aio, independent of our own."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from sekisho.envoy import Resource
from sekisho.envoy.resource import TYPE_URL_PREFIX
from sekisho.protos import message
from tests.kit.wait import eventually

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
SECRETS = "envoy.service.secret.v3.SecretDiscoveryService"
CLUSTER, ENDPOINTS = (
    TYPE_URL_PREFIX + name
    for name in ("envoy.config.cluster.v3.Cluster", "envoy.config.endpoint.v3.ClusterLoadAssignment")
)
_DISCOVERY = "envoy.service.discovery.v3."


@dataclass
class _Subscription:
    names: set[str] = field(default_factory=set)
    wildcard: bool = False
    sent: dict[str, str] = field(default_factory=dict)
    """Versions by name; empty for a name that was said not to exist."""
    in_flight: str = ""
    answered: bool = False


class Ads:
    """Resources to serve; change them at any time."""

    def __init__(self) -> None:
        self.resources: dict[str, dict[str, Resource]] = defaultdict(dict)
        self.nacks: list[tuple[str, str]] = []
        """Type URL and Envoy's message."""
        self.streams = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._changed: dict[int, asyncio.Event] = {}
        self._subscriptions: dict[int, dict[str, _Subscription]] = {}

    def put(self, *resources: Resource) -> None:
        for resource in resources:
            known = self.resources[resource.type_url].get(resource.name)
            self.resources[resource.type_url][resource.name] = resource
            if resource.type_url == CLUSTER and known not in {None, resource}:
                self._forget_endpoints(resource.name)
        self._wake()

    def _forget_endpoints(self, cluster: str) -> None:
        """A cluster that changes waits for its endpoints once more, and Envoy does not ask for them."""
        for by_type in self._subscriptions.values():
            if ENDPOINTS in by_type:
                by_type[ENDPOINTS].sent.pop(cluster, None)

    def remove(self, *resources: Resource) -> None:
        for resource in resources:
            del self.resources[resource.type_url][resource.name]
        self._wake()

    async def settled(self) -> None:
        """Until a proxy is connected, has all it asked for, and has acknowledged or refused it."""

        async def idle() -> bool:
            subscriptions = [each for by_type in self._subscriptions.values() for each in by_type.items()]
            return bool(subscriptions) and not any(
                each.in_flight or self._difference(url, each) != ([], []) for url, each in subscriptions
            )

        await eventually(idle, what="all is acknowledged")

    def drop_streams(self) -> None:
        """Ends every stream, as a control plane does that is restarted."""
        for task in self._sending:
            task.cancel()

    def _wake(self) -> None:
        for event in self._changed.values():
            event.set()

    def _difference(self, url: str, have: _Subscription) -> tuple[list[Resource], list[str]]:
        known = self.resources[url]
        wanted = known.keys() | have.names if have.wildcard else have.names
        changed = [known[n] for n in sorted(wanted & known.keys()) if have.sent.get(n) != known[n].version]
        gone = [name for name in sorted(wanted | have.sent.keys()) if name not in known]
        return changed, [name for name in gone if have.sent.get(name) != ""]

    async def stream(self, requests: AsyncIterator[Any], context: Any) -> None:
        self.streams += 1
        number, changed = self.streams, asyncio.Event()
        subscriptions: dict[str, _Subscription] = {}
        self._changed[number], self._subscriptions[number] = changed, subscriptions
        try:
            async with asyncio.TaskGroup() as tasks:
                both = {
                    tasks.create_task(self._read(requests, subscriptions, changed)),
                    tasks.create_task(self._send(context, subscriptions, changed)),
                }
                self._sending |= both
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for task in both:
                    task.cancel()
        finally:
            del self._changed[number], self._subscriptions[number]

    async def _read(
        self, requests: AsyncIterator[Any], subscriptions: dict[str, _Subscription], changed: asyncio.Event
    ) -> None:
        async for request in requests:
            self._receive(request, subscriptions.setdefault(request.type_url, _Subscription()))
            changed.set()

    def _receive(self, request: Any, subscription: _Subscription) -> None:
        if request.response_nonce and request.response_nonce == subscription.in_flight:
            subscription.in_flight = ""
            if request.error_detail.code:
                self.nacks.append((request.type_url, request.error_detail.message))
        if not request.response_nonce:
            subscription.sent.update(request.initial_resource_versions)
            subscription.wildcard |= not request.resource_names_subscribe
        subscription.names |= set(request.resource_names_subscribe)
        for name in request.resource_names_subscribe:
            subscription.sent.pop(name, None)
        for name in request.resource_names_unsubscribe:
            subscription.names.discard(name)
            subscription.sent.pop(name, None)

    async def _send(
        self, context: Any, subscriptions: dict[str, _Subscription], changed: asyncio.Event
    ) -> None:
        nonce = 0
        while True:
            await changed.wait()
            changed.clear()
            for url, subscription in list(subscriptions.items()):
                resources, removed = self._difference(url, subscription)
                if subscription.in_flight or not (resources or removed or not subscription.answered):
                    continue
                nonce += 1
                subscription.in_flight, subscription.answered = str(nonce), True
                subscription.sent |= {each.name: each.version for each in resources} | dict.fromkeys(
                    removed, ""
                )
                await context.write(_response(url, resources, removed, str(nonce)))


def _response(url: str, resources: Iterable[Resource], removed: list[str], nonce: str) -> Any:
    return message(_DISCOVERY + "DeltaDiscoveryResponse")(
        type_url=url,
        nonce=nonce,
        removed_resources=removed,
        resources=[
            {"name": e.name, "version": e.version, "resource": {"type_url": e.type_url, "value": e.body}}
            for e in resources
        ],
    )


@asynccontextmanager
async def serving_ads(ads: Ads, socket: Path) -> AsyncIterator[None]:
    """Serves `ads` on a Unix socket; its secrets also as the agent does, on streams of their own."""
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        ads.stream,
        request_deserializer=message(_DISCOVERY + "DeltaDiscoveryRequest").FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(SERVICE, {"DeltaAggregatedResources": handler}),
            grpc.method_handlers_generic_handler(SECRETS, {"DeltaSecrets": handler}),
        ]
    )
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)
