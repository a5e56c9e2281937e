"""T4's load: namespaces full of applications (Service, EndpointSlice, HTTPRoute), and how they change."""

import os
import random
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bench import manifests
from bench.churn import churning
from bench.rig import HOSTS, Rig, each

NAMESPACES = int(os.environ.get("BENCH_NAMESPACES", "50"))
EACH = 100
"""Applications in a namespace."""


@dataclass(frozen=True, slots=True)
class Application:
    """One of many."""

    namespace: str
    name: str
    path: str

    @property
    def hostname(self) -> str:
        return f"{self.name}.{self.namespace}.example.com"

    def route(self, generation: int = 0) -> manifests.Manifest:
        """Later generations differ in a second rule."""
        rules = [manifests.rule(self.path, self.name)]
        rules += [manifests.rule(f"/changed/{generation}", self.name)] if generation else []
        return manifests.route(self.name, self.hostname, rules, self.namespace)

    def endpoints(self, port: int, host: str = HOSTS[0]) -> manifests.Manifest:
        return manifests.endpoint_slice(self.name, host, [port], self.namespace)


class Applications:
    """Thousands of them, from a fixed seed."""

    def __init__(self, rig: Rig, namespaces: int = NAMESPACES) -> None:
        self._rig = rig
        self.random = random.Random(4)
        self.namespaces = [f"team-{number}" for number in range(namespaces)]
        self.all = [
            Application(namespace, f"app-{number}", f"/{self.random.getrandbits(32):08x}")
            for namespace in self.namespaces
            for number in range(EACH)
        ]

    async def create(self) -> None:
        """Writes all of them, as fast as the API takes them, and waits until the proxy has them."""
        client = self._rig.client
        for namespace in self.namespaces:
            await client.create(manifests.namespace(namespace))
        objects = self._objects()
        await each(lambda object_=object_: client.create(object_) for object_ in objects)  # type: ignore[misc]
        last = self.all[-1]
        await self._rig.until(last.hostname, last.path)

    def _objects(self) -> Iterator[manifests.Manifest]:
        for application in self.all:
            yield manifests.service(application.name, application.namespace)
            yield application.endpoints(self._rig.backends[0])
            yield application.route()

    def churning(self) -> AbstractAsyncContextManager[None]:
        """Changes endpoints and routes at random while the block runs."""
        backend, draw = self._rig.backends[0], self.random.choice
        return churning(
            self._rig,
            lambda: draw(self.all).endpoints(backend, draw(HOSTS)),
            lambda generation: draw(self.all).route(generation),
        )
