"""Which proxies a host is to run: for the Gateways whose class is ours, and for the Workloads it has."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import structlog

from sekisho.agent.host import ProxySpec
from sekisho.agent.workload import PREFIX
from sekisho.aio.backoff import Backoff
from sekisho.client import Client, ClientError, Key, present_then_changes
from sekisho.translate.gateway.classes import CONTROLLER_NAME

log = structlog.get_logger(__name__)

T = TypeVar("T")


class _Latest(Generic[T]):
    """The newest value, and a way to wait for the next one."""

    def __init__(self) -> None:
        self.value: T | None = None
        self._waiters: list[asyncio.Event] = []

    def put(self, value: T) -> None:
        if value != self.value:
            self.value = value
            for waiter in self._waiters:
                waiter.set()

    async def values(self) -> AsyncIterator[T]:
        """The value of now, then each newer one; those in between are passed over."""
        changed = asyncio.Event()
        self._waiters.append(changed)
        try:
            if self.value is not None:
                yield self.value
            while True:
                await changed.wait()
                changed.clear()
                if self.value is not None:
                    yield self.value
        finally:
            self._waiters.remove(changed)


class OneWorkload:
    """Implements `agent.host.DesiredProxies` for an agent of a single workload."""

    def __init__(self, workload: str) -> None:
        """`workload`: `<namespace>/<name>`."""
        self._specs = frozenset({ProxySpec(f"{PREFIX}{workload}")})

    async def watch(self) -> AsyncIterator[frozenset[ProxySpec]]:
        """See `DesiredProxies.watch`."""
        yield self._specs
        await asyncio.Event().wait()


class HostProxies:
    """Implements `agent.host.DesiredProxies` by watching the API; `run` does the watching."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._classes: Mapping[Key, str] | None = None
        self._gateways: Mapping[Key, str] | None = None
        self._workloads: Mapping[Key, str] | None = None
        self._specs: _Latest[frozenset[ProxySpec]] = _Latest()

    def watch(self) -> AsyncIterator[frozenset[ProxySpec]]:
        """See `DesiredProxies.watch`. Says nothing until classes, Gateways and Workloads are known."""
        return self._specs.values()

    async def run(self) -> None:
        """Follows all three until cancelled, through any absence of the control plane."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow("gatewayclasses", _controller, self._take_classes), name="classes")
            group.create_task(self._follow("gateways", _class_name, self._take_gateways), name="gateways")
            group.create_task(
                self._follow("workloads.sekisho.dev", _meshed_address, self._take_workloads), name="workloads"
            )

    async def _follow(
        self,
        kind: str,
        decode: Callable[[Mapping[str, Any]], str],
        take: Callable[[Mapping[Key, str]], None],
    ) -> None:
        backoff = Backoff(random.random, first=0.1, limit=10.0)
        while True:
            states = present_then_changes(self._client, kind, decode)
            try:
                async with aclosing(states):
                    async for present in states:
                        backoff.reset()
                        take(present)
            except ClientError as cause:  # the token ended, or the server is another one: it may be mended
                log.warning("the list of proxies is not available", kind=kind, reason=str(cause))
            await asyncio.sleep(backoff.next())

    def _take_classes(self, classes: Mapping[Key, str]) -> None:
        self._classes = classes
        self._tell()

    def _take_gateways(self, gateways: Mapping[Key, str]) -> None:
        self._gateways = gateways
        self._tell()

    def _take_workloads(self, workloads: Mapping[Key, str]) -> None:
        self._workloads = workloads
        self._tell()

    def _tell(self) -> None:
        if self._classes is None or self._gateways is None or self._workloads is None:
            return
        ours = {key.name for key, controller in self._classes.items() if controller == CONTROLLER_NAME}
        gateways = (
            ProxySpec(f"gateway/{key.namespace}/{key.name}")
            for key, class_name in self._gateways.items()
            if class_name in ours
        )
        sidecars = (
            ProxySpec(f"{PREFIX}{key.namespace}/{key.name}")
            for key, address in self._workloads.items()
            if address and is_local(address)
        )
        self._specs.put(frozenset((*gateways, *sidecars)))


def _controller(gateway_class: Mapping[str, Any]) -> str:
    return str(gateway_class["spec"]["controllerName"])


def _meshed_address(workload: Mapping[str, Any]) -> str:
    """Its address, if it wants a proxy beside it; empty otherwise."""
    spec = workload["spec"]
    return str(spec["address"]) if spec.get("sidecar") is not None else ""


def is_local(address: str) -> bool:
    """Whether this host has the address: then a socket can be bound to it."""
    try:
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as probe:
            probe.bind(found[4])
    except OSError:
        return False
    return True


def _class_name(gateway: Mapping[str, Any]) -> str:
    return str(gateway["spec"]["gatewayClassName"])
