"""Captured workloads in network namespaces, run by a `System`; their programs are echo servers of a test."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sekisho.app.agent import run_directory
from sekisho.translate.mesh.names import ipv6_address
from tests.kit.echo import Echo
from tests.kit.http import Answer, read_answer, request_bytes
from tests.kit.mesh import spiffe_id
from tests.kit.netns import Namespace, namespaces
from tests.kit.objects import manifest
from tests.kit.system import Manifest, System, running_system

PORT, EXCLUDED_PORT = 8080, 2525
"""Where programs listen; services are called at the first, and the second is not captured."""
PROGRAM, EXCLUDED = 1000, 1500
"""The users whom programs run as: usually, and where they are not captured."""


@dataclass
class Captured:
    """A mesh of captured workloads, and a host beside it that has no part in it."""

    system: System
    client: Namespace
    four: Namespace
    """Its workload has an IPv4 address."""
    six: Namespace
    """An IPv6 one."""
    outside: Namespace
    capture: str
    programs: dict[str, Echo] = field(default_factory=dict)
    """By the name of the namespace, what runs in it."""

    def workloads(self) -> tuple[tuple[str, Namespace, str], ...]:
        """Account, where it is, and its address."""
        return (
            ("client", self.client, self.client.address),
            ("four", self.four, self.four.address),
            ("six", self.six, self.six.address6),
        )

    def program(self, inside: Namespace) -> Echo:
        """What listens there."""
        return self.programs[inside.name]

    async def start(self, account: str) -> None:
        """Its agent, which captures; returns when it has."""
        inside = next(inside for name, inside, _ in self.workloads() if name == account)
        way = {"Redirect": "redirect", "TransparentProxy": "tproxy"}[self.capture]
        await self.system.start_sidecar(f"shop/{account}-1", "--capture", way, inside=inside)

    async def virtual(self, account: str) -> tuple[str, str]:
        """The addresses of a service: IPv4, IPv6."""
        found = (await self.system.client.get("Service", account, "shop"))["spec"]["clusterIP"]
        return found, ipv6_address(found)


async def ask(inside: Namespace, address: str, port: int = PORT, *, within: float = 5) -> Answer | None:
    """What a program in there gets from this address; None for no whole answer."""
    try:
        async with asyncio.timeout(within):
            connection = inside.caller(address)
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
            reader, writer = await asyncio.open_connection(sock=connection)
            try:
                writer.write(request_bytes("GET", "/", [("host", "any"), ("connection", "close")]))
                return await read_answer(reader)
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return None


async def run(inside: Namespace, *command: str, user: int = PROGRAM) -> str:
    """What a command prints that runs in there as this user; empty when it fails."""
    return await asyncio.to_thread(_run, inside, command, user)


def _run(inside: Namespace, command: tuple[str, ...], user: int) -> str:
    try:
        return inside.run(*command, user=user)
    except AssertionError:
        return ""


@asynccontextmanager
async def captured_workloads(capture: str) -> AsyncIterator[Captured]:
    """`client` may call `four` and `six`, `four` may call itself; their agents run, and capture."""
    with namespaces("client", "four", "six", "outside") as made:
        async with running_system(agent=False) as system, AsyncExitStack() as stack:
            client, four, six, outside = made
            mesh = Captured(system, client, four, six, outside, capture)
            for inside in made:
                mesh.programs[inside.name] = await stack.enter_async_context(_program(inside))
                for port in (system.api, system.xds):
                    await stack.enter_async_context(_bridge(inside, port))
            await system.apply(manifest("Mesh", "default"), *_manifests(mesh))
            for account, *_ in mesh.workloads():
                stack.callback(shutil.rmtree, _run_directory(system, account), ignore_errors=True)
            stack.push_async_callback(system.end)  # before what its agents need
            await asyncio.gather(*(mesh.start(account) for account, *_ in mesh.workloads()))
            yield mesh


def _run_directory(system: System, account: str) -> Path:
    """Where its agent has its sockets, in /run: the proxy's own user has to get there."""
    return run_directory(system.folder / f"shop.{account}-1", shared=True)


def _manifests(mesh: Captured) -> list[Manifest]:
    found = [_permission("four", "client", "four"), _permission("six", "client")]
    ports = [{"name": "http", "port": PORT, "appProtocol": "http"}]
    exclude = {"outboundPorts": [EXCLUDED_PORT], "users": [EXCLUDED]}
    for account, _, address in mesh.workloads():
        spec: dict[str, Any] = {"address": address, "serviceAccountName": account, "ports": ports}
        spec["sidecar"] = {"capture": mesh.capture, "exclude": exclude}
        found.append(manifest("Workload", f"{account}-1", labels={"app": account}, spec=spec))
        found.append(manifest("Service", account, spec={"selector": {"app": account}, "ports": ports}))
    return found


def _permission(server: str, *callers: str) -> Manifest:
    """With a method, so that requests are read and the program is told who calls."""
    allow = [
        {"spiffeID": {"type": "Exact", "value": spiffe_id(caller)}, "methods": ["GET"]} for caller in callers
    ]
    target = {"kind": "Workload", "labels": {"app": server}}
    rules = [{"default": {"allow": allow}}]
    return manifest("TrafficPermission", server, spec={"targetRef": target, "rules": rules})


@asynccontextmanager
async def _program(inside: Namespace) -> AsyncIterator[Echo]:
    """Listens on all addresses, as programs do that know nothing."""
    echo = Echo(inside.name.rpartition("-")[2])
    servers = [
        await asyncio.start_server(echo.serve_connection, sock=inside.listener(port, address))
        for address in ("0.0.0.0", "::")
        for port in (PORT, EXCLUDED_PORT)
    ]
    try:
        yield echo
    finally:
        for server in servers:
            server.close()


@asynccontextmanager
async def _bridge(inside: Namespace, port: int) -> AsyncIterator[None]:
    """The control plane, at home on the loopback of another namespace, is reached on that of this one too."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(_pour(reader, back))
            group.create_task(_pour(there, writer))

    server = await asyncio.start_server(carry, sock=inside.listener(port, "127.0.0.1"))
    try:
        yield
    finally:
        server.close()


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(1 << 16):
            into.write(data)
            await into.drain()
    except ConnectionError:
        pass  # whichever side ends, the other is told
    finally:
        into.close()
