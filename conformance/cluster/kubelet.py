"""Deployments become pods, each with an address of its own on which its program answers."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from conformance.cluster.echo import Pod
from conformance.cluster.executing import Done
from conformance.cluster.members import Identity, Member, Members
from conformance.cluster.objects import DEPLOYMENT, POD, Object, Objects
from conformance.cluster.programs import (
    Serve,
    is_member,
    listen,
    listen_datagrams,
    program,
    tls_context,
    variables,
)

FindData = Callable[[str, str, str], Awaitable[Mapping[str, str]]]
"""`Secret` or `ConfigMap`, namespace and name → its data as the API gives it; empty while there is none."""

TLS_PORT = 8443
_NOT_FOUND = 127
"""What a shell ends with when there is no such command."""


class Closable(Protocol):
    """A socket of a pod."""

    def close(self) -> None: ...


@dataclass(slots=True)
class Running:
    """One pod and the sockets of its program."""

    program: Pod
    address: str
    servers: list[Closable]
    waits_for: tuple[Serve, Mapping[str, str]] | None = None
    """What is to be served by TLS once these are there: names by kind."""
    member: Member | None = None
    """Its part in the mesh, where it has one."""


class Kubelet:
    """Keeps as many pods as the Deployments ask for."""

    def __init__(
        self, objects: Objects, find_data: FindData, members: Members, agents: asyncio.TaskGroup
    ) -> None:
        """`agents`: in which agents of pods are started; it fails when one does not."""
        self._objects = objects
        self._find_data = find_data
        self._members = members
        self._agents = agents
        self._running: dict[tuple[str, str], Running] = {}
        self._addresses = (f"127.2.{high}.{low}" for high in range(256) for low in range(1, 255))

    def program(self, namespace: str, name: str) -> Pod:
        """The program of a pod. Raises KeyError."""
        return self._running[namespace, name].program

    async def execute(self, namespace: str, name: str, command: Sequence[str]) -> Done:
        """Runs a command in a pod: `client`, which those of the mesh have."""
        running = self._running.get((namespace, name))
        if running is None or running.member is None or command[:1] != ["client"]:
            return Done("", f"{namespace}/{name} has no {' '.join(command[:1])}", _NOT_FOUND)
        return await running.member.call(command[1:])

    async def settle(self) -> None:
        """Starts what is missing and ends what is too much."""
        wanted = {
            (deployment["metadata"]["namespace"], name): deployment["spec"]["template"]
            for deployment in self._objects.list(DEPLOYMENT)
            for name in _pod_names(deployment)
        }
        for place in self._running.keys() - wanted.keys():
            await self._end(place)
        for place in wanted.keys() - self._running.keys():
            start = self._join if is_member(wanted[place]["spec"]) else self._start
            await start(place, wanted[place])
        for (namespace, _), running in tuple(self._running.items()):
            if running.waits_for is not None:
                await self._serve_tls(namespace, running)

    async def end(self) -> None:
        """Ends all pods."""
        async with asyncio.TaskGroup() as group:
            for place in tuple(self._running):
                group.create_task(self._end(place))

    async def _start(self, place: tuple[str, str], template: Object) -> None:
        """On a loopback address."""
        namespace, name = place
        address = next(self._addresses)
        spec = template["spec"]
        environment = variables(spec)
        pod = Pod(
            name=name,
            namespace=namespace,
            service=environment.get("SERVICE_NAME", ""),
            ingress=environment.get("INGRESS_NAME", ""),
        )
        runs = program(spec)
        running = self._running[place] = Running(pod, address, [])
        for port, serve in runs.ports.items():
            running.servers.append(await listen(pod, (address, port), serve))
        for port, protocol in runs.datagrams.items():
            running.servers.append(await listen_datagrams(pod, address, port, protocol))
        mounted = _mounted(spec)
        if runs.tls is not None and "Secret" in mounted:
            running.waits_for = runs.tls, mounted
        self._objects.create(POD, namespace, _pod(name, template, address))

    async def _join(self, place: tuple[str, str], template: Object) -> None:
        """On a host of its own; there at once, and ready when its agent is."""
        namespace, name = place
        ports = program(template["spec"]).ports
        labels = template["metadata"].get("labels", {})
        identity = Identity(namespace=namespace, name=name, labels=labels, ports=tuple(ports))
        member = Member(identity)
        running = self._running[place] = Running(Pod(name=name, namespace=namespace), "", [], member=member)
        running.address = await member.get_host(self._members)
        for port, serve in ports.items():
            running.servers.append(await listen(running.program, member.listener(port), serve))
        self._objects.create(POD, namespace, _pod(name, template, running.address, ready=False))

        async def start() -> None:
            await member.get_agent(self._members)
            self._objects.update(POD, namespace, _pod(name, template, running.address))

        member.starting = self._agents.create_task(start())

    async def _serve_tls(self, namespace: str, running: Running) -> None:
        waiting, running.waits_for = running.waits_for, None  # one of several writes at once is enough
        if waiting is None:
            return
        serve, mounted = waiting
        found = {kind: await self._find_data(kind, namespace, name) for kind, name in mounted.items()}
        if not all(found.values()):
            running.waits_for = waiting
            return
        context = tls_context(found["Secret"], found.get("ConfigMap", {}).get("ca.crt", ""))
        place = running.address, TLS_PORT
        running.servers.append(await listen(running.program, place, serve, context))

    async def _end(self, place: tuple[str, str]) -> None:
        running = self._running.pop(place)
        if running.member is not None:
            await running.member.end()
        for server in running.servers:
            server.close()
        self._objects.delete(POD, *place)


def _pod_names(deployment: Object) -> list[str]:
    """`<deployment>-<replica set>-<pod>`: the suite takes the last two parts off."""
    metadata = deployment["metadata"]
    digest = hashlib.sha256(metadata["uid"].encode()).hexdigest()
    replicas = range(deployment["spec"].get("replicas", 1))
    return [f"{metadata['name']}-{digest[:10]}-{digest[10:14]}{one}" for one in replicas]


def _mounted(spec: Object) -> dict[str, str]:
    """By kind, the names of the Secret with the certificate it presents, and of the ConfigMap with the
    authorities its clients must be of, where it has a use for these."""
    found = {}
    for volume in spec.get("volumes", ()):
        if "secret" in volume:
            found["Secret"] = volume["secret"]["secretName"]
        elif "configMap" in volume and "TLS_CLIENT_CACERTS" in variables(spec):
            found["ConfigMap"] = volume["configMap"]["name"]
    return found


def _pod(name: str, template: Object, address: str, *, ready: bool = True) -> Object:
    return {
        "metadata": {"name": name, "labels": template["metadata"].get("labels", {})},
        "spec": {**template["spec"], "nodeName": "conformance"},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "podIP": address,
            "podIPs": [{"ip": address}],
        },
    }
