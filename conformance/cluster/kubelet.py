"""Deployments become pods, each with an address of its own on which its program answers."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from conformance.cluster import http1, http2
from conformance.cluster.echo import Pod
from conformance.cluster.objects import DEPLOYMENT, POD, Object, Objects

Serve = Callable[[Pod, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PORTS: dict[int, Serve] = {3000: http1.serve, 3001: http2.serve}
"""Where echo-basic listens for HTTP and for HTTP/2 without TLS."""
OTHER_PROGRAMS = frozenset({"GRPC_ECHO_SERVER", "TCP_ECHO_SERVER", "UDP_ECHO_SERVER"})
"""Variables by which echo-basic becomes a program that only other profiles talk to."""


@dataclass(slots=True)
class Running:
    """One pod and the sockets of its program."""

    program: Pod
    servers: list[asyncio.Server]


class Kubelet:
    """Keeps as many pods as the Deployments ask for.

    A pod of a program that only other profiles talk to is Ready and listens nowhere: who tries is refused.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._running: dict[tuple[str, str], Running] = {}
        self._addresses = (f"127.2.{high}.{low}" for high in range(256) for low in range(1, 255))

    def program(self, namespace: str, name: str) -> Pod:
        """The program of a pod. Raises KeyError."""
        return self._running[namespace, name].program

    async def settle(self) -> None:
        """Starts what is missing and ends what is too much."""
        wanted = {
            (deployment["metadata"]["namespace"], name): deployment
            for deployment in self._objects.list(DEPLOYMENT)
            for name in _pod_names(deployment)
        }
        for place in self._running.keys() - wanted.keys():
            self._end(place)
        for place in wanted.keys() - self._running.keys():
            await self._start(place, wanted[place])

    def end(self) -> None:
        """Closes every socket."""
        for place in tuple(self._running):
            self._end(place)

    async def _start(self, place: tuple[str, str], deployment: Object) -> None:
        namespace, name = place
        template = deployment["spec"]["template"]
        address = next(self._addresses)
        running = self._running[place] = Running(Pod(name=name, namespace=namespace), [])
        if _is_http(template["spec"]):
            for port, serve in PORTS.items():
                running.servers.append(await listen(running.program, address, port, serve))
        self._objects.create(POD, namespace, _pod(name, template, address))

    def _end(self, place: tuple[str, str]) -> None:
        for server in self._running.pop(place).servers:
            server.close()
        self._objects.delete(POD, *place)


async def listen(program: Pod, address: str, port: int, serve: Serve) -> asyncio.Server:
    """The sockets of one port of a pod."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(program, reader, writer)
        except* (asyncio.IncompleteReadError, ConnectionError):
            pass  # the peer has left, which is its right
        finally:
            writer.close()

    return await asyncio.start_server(connected, address, port)


def _pod_names(deployment: Object) -> list[str]:
    """`<deployment>-<replica set>-<pod>`: the suite takes the last two parts off."""
    metadata = deployment["metadata"]
    digest = hashlib.sha256(metadata["uid"].encode()).hexdigest()
    replicas = range(deployment["spec"].get("replicas", 1))
    return [f"{metadata['name']}-{digest[:10]}-{digest[10:14]}{one}" for one in replicas]


def _is_http(spec: Object) -> bool:
    (container,) = spec["containers"]
    variables = {variable["name"] for variable in container.get("env", ())}
    return "echo-basic" in container["image"] and not variables & OTHER_PROGRAMS


def _pod(name: str, template: Object, address: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": template["metadata"].get("labels", {})},
        "spec": {**template["spec"], "nodeName": "conformance"},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "podIP": address,
            "podIPs": [{"ip": address}],
        },
    }
