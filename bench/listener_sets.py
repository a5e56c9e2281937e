"""T6: thousands of ListenerSets, each with a hostname and routes of its own, that change now and then.

BENCH_WINDOW: seconds of churn that are measured. BENCH_SETS: namespaces, of 50 ListenerSets each.
"""

import asyncio
import os
import random
import ssl
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import uvloop
from tests.kit.http import fetch
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from bench import manifests
from bench.churn import churning
from bench.harness import Row, at_most, shown
from bench.rig import HOSTS, SETTLES_WITHIN, Rig, Usage, each, running_rig, used

NAME = "listener-sets"
WINDOW = float(os.environ.get("BENCH_WINDOW", "40"))
NAMESPACES = int(os.environ.get("BENCH_SETS", "50"))
EACH, ROUTES = 50, 16
"""ListenerSets in a namespace, and HTTPRoutes of each."""
CERTIFICATE = "wildcard"
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Scale:
    """What was measured."""

    sets: int
    build_up: float
    """Seconds from the first write until the proxy had everything."""
    one_more: float
    """Seconds from the write of one more ListenerSet until its hostname is answered."""
    control_plane: Usage
    envoy: Usage


@dataclass(frozen=True, slots=True)
class Tenant:
    """A ListenerSet, a Service, and routes from one to the other."""

    namespace: str
    name: str

    @property
    def hostname(self) -> str:
        return f"{self.name}.{self.namespace}.example.com"

    def listener_set(self, port: int) -> manifests.Manifest:
        tls = {"certificateRefs": [{"name": CERTIFICATE}]}
        listener = {"name": "https", "port": port, "protocol": "HTTPS", "hostname": self.hostname, "tls": tls}
        parent = {"name": manifests.GATEWAY, "namespace": manifests.NAMESPACE}
        return {
            "apiVersion": manifests.ROUTING,
            "kind": "ListenerSet",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {"parentRef": parent, "listeners": [listener]},
        }

    def route(self, number: int, generation: int = 0) -> manifests.Manifest:
        """Later generations differ in a second rule."""
        rules = [manifests.rule(f"/{number}", self.name)]
        rules += [manifests.rule(f"/{number}/changed/{generation}", self.name)] if generation else []
        route = manifests.route(f"{self.name}-{number}", self.hostname, rules, self.namespace)
        route["spec"]["parentRefs"] = [
            {"group": "gateway.networking.k8s.io", "kind": "ListenerSet", "name": self.name}
        ]
        return route

    def objects(self, port: int, backend: int) -> Iterator[manifests.Manifest]:
        yield manifests.service(self.name, self.namespace)
        yield self.endpoints(backend)
        yield self.listener_set(port)
        yield from (self.route(number) for number in range(ROUTES))

    def endpoints(self, backend: int, host: str = HOSTS[0]) -> manifests.Manifest:
        return manifests.endpoint_slice(self.name, host, [backend], self.namespace)


def main() -> list[Row]:
    return rows(uvloop.run(measure(WINDOW)))


async def measure(window: float) -> Scale:
    async with running_rig() as rig:
        tenants = Tenants(rig)
        began = time.monotonic()
        await tenants.create()
        build_up = time.monotonic() - began
        one_more = await tenants.one_more()
        async with tenants.churning():
            control_plane, envoy = await asyncio.gather(
                used(rig.control_plane, window), used(rig.envoy, window)
            )
        return Scale(len(tenants.all), build_up, one_more, control_plane, envoy)


class Tenants:
    """Thousands of them, from a fixed seed."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._random = random.Random(6)
        self._port = free_port()
        """Of all their listeners."""
        self._authority = TestAuthority("bench")
        self._namespaces = [f"team-{number}" for number in range(NAMESPACES)]
        self.all = [
            Tenant(namespace, f"app-{number}") for namespace in self._namespaces for number in range(EACH)
        ]

    async def create(self) -> None:
        """Writes all of them, as fast as the API takes them, and waits until the proxy has them."""
        client = self._rig.client
        gateway = manifests.gateway(self._rig.port)
        gateway["spec"]["allowedListeners"] = {"namespaces": {"from": "All"}}
        await client.update(gateway)
        for namespace in self._namespaces:
            await client.create(manifests.namespace(namespace))
            leaf = self._authority.leaf(dns=[f"*.{namespace}.example.com"])
            secret = manifests.tls_secret(CERTIFICATE, leaf)
            secret["metadata"]["namespace"] = namespace
            await client.create(secret)
        objects = self._objects()
        await each(lambda object_=object_: client.create(object_) for object_ in objects)  # type: ignore[misc]
        await self._answered(self.all[-1])

    def _objects(self) -> Iterator[manifests.Manifest]:
        for tenant in self.all:
            yield from tenant.objects(self._port, self._rig.backends[0])

    async def one_more(self) -> float:
        """Seconds until a new hostname is answered, beside all the others."""
        tenant = Tenant(self._namespaces[0], "one-more")
        written = [*tenant.objects(self._port, self._rig.backends[0])]
        began = time.monotonic()
        for object_ in written:
            await self._rig.client.create(object_)
        await self._answered(tenant)
        return time.monotonic() - began

    async def _answered(self, tenant: Tenant) -> None:
        trusting = ssl.create_default_context(cadata=self._authority.certificate.decode())

        async def answers() -> bool:
            try:
                found = await fetch(self._port, tenant.hostname, f"/{ROUTES - 1}", tls=trusting)
            except OSError:
                return False  # no chain has its server name yet
            return found.status == 200

        await eventually(answers, what=f"{tenant.hostname} answers", within=SETTLES_WITHIN, every=0.02)
        await eventually(self._rig.in_sync, what="proxies in sync", within=SETTLES_WITHIN, every=0.05)

    def churning(self) -> AbstractAsyncContextManager[None]:
        """Changes endpoints and routes at random while the block runs."""
        backend, draw = self._rig.backends[0], self._random.choice
        return churning(
            self._rig,
            lambda: draw(self.all).endpoints(backend, draw(HOSTS)),
            lambda generation: draw(self.all).route(self._random.randrange(ROUTES), generation),
        )


def rows(scale: Scale) -> list[Row]:
    control_plane, envoy = scale.control_plane, scale.envoy
    return [
        shown(NAME, f"ListenerSets, each with {ROUTES} HTTPRoutes", scale.sets, ""),
        shown(NAME, "first write to everything at the proxy", scale.build_up, "s"),
        shown(NAME, "one more ListenerSet, until it is answered", scale.one_more, "s"),
        at_most(NAME, "control plane, memory", control_plane.resident / MEBIBYTE, 600, "MiB"),
        at_most(NAME, "control plane, steady", control_plane.cores, 0.1, "cores"),
        at_most(NAME, "Envoy, memory", envoy.resident / MEBIBYTE, 1331, "MiB"),
        shown(NAME, "Envoy, steady", envoy.cores, "cores"),
    ]
