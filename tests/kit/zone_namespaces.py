"""Zones that are hosts of their own: a network namespace for each and one for global, joined by a switch.

Control planes, agents, Envoys and programs of a zone share its namespace; others reach it at its address.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sekisho.app.processes import Command, own, start
from sekisho.client import Client
from sekisho.client.kubeconfig import read
from sekisho.client.transport import Transport
from tests.kit.clouds import ZONES, Cloud, Clouds, zone_ingress
from tests.kit.federated import Federated
from tests.kit.http import Answer
from tests.kit.lines import door
from tests.kit.load import Load
from tests.kit.mesh import Member, goes_on, service, workload
from tests.kit.namespace_calls import echo_inside, fetch_inside, load_inside
from tests.kit.netns import Namespace, namespaces
from tests.kit.objects import manifest
from tests.kit.system import ROOT, System

OUTSIDE = "outside"
"""A host that belongs to nobody here."""
CLIENTS, PAUSE = 3, 0.02
"""Of each sort, and the seconds each waits: some 200 calls a second, beside everything else on two cores."""


OURS: Mapping[str, Path] = MappingProxyType({})


class HostedSystem(System):
    """A control plane and an agent on a host of their own."""

    def __init__(
        self, folder: Path, inside: Namespace, stack: AsyncExitStack, trees: Mapping[str, Path] = OURS
    ) -> None:
        """In a new folder. `stack` gets what leads from here to its API."""
        folder.mkdir(mode=0o700)
        super().__init__(folder)
        self.inside = inside
        self._stack = stack
        self.trees = dict(trees)
        """Where the code is that runs as `control plane` or `agent`, where that is not this."""

    async def start_control_plane(self, *more: str) -> float:
        """See `System.start_control_plane`: its API is at the address of the host."""
        arguments = own(
            "control-plane", "--state", str(self.folder), "--drain", "1",
            "--api", f"{self.inside.address}:{self.api}", "--xds", f"127.0.0.1:{self.xds}", *more,
        )  # fmt: skip
        took = await self._launch("control plane", arguments)
        if not hasattr(self, "client"):
            here = await self._stack.enter_async_context(door(self.inside, self.api, self.inside.address))
            access = replace(read(self.folder / "kubeconfig"), server=f"https://127.0.0.1:{here}")
            self.client = Client(Transport(access))
        return took

    async def _launch(self, name: str, arguments: tuple[str, ...]) -> float:
        began, tree = time.monotonic(), self.trees.get(name, ROOT)
        command = Command(
            name=name, arguments=self.inside.command(*arguments), log=self.log(name), folder=tree,
            environment={"PYTHONPATH": str(tree / "src")}, announces=True,
        )  # fmt: skip
        process = self._running[name] = await start(command)
        await process.ready()
        return time.monotonic() - began


class HostedCloud(Cloud):
    """A zone on a host of its own."""

    system: HostedSystem

    @property
    def inside(self) -> Namespace:
        """Where it is."""
        return self.system.inside

    async def ingress(self, name: str, number: int) -> None:
        """One more door, at a port of the host; `number` says nothing."""
        await self.system.apply(zone_ingress(name, self.inside.address))

    async def join(self, account: str, protocol: str = "http", port: int = 0, **spec: Any) -> Member:
        """See `Mesh.join`; its program is in the namespace."""
        number = self._first + len(self.members)
        name = f"{account}-{sum(each.account == account for each in self.members.values()) + 1}"
        echo = await self._stack.enter_async_context(echo_inside(self.inside, name))
        if account not in self._ports:
            self._ports[account] = port or 8080 + len(self._ports)
            await self.system.apply(service(account, self._ports[account], protocol))
        member = Member(
            name, account, f"127.0.40.{number}", self._ports[account], f"127.{100 + number}.0.0/16", echo,
            self.zone,
        )  # fmt: skip
        self.members[name] = member
        await self.system.apply(workload(member, protocol, **spec))
        return member

    async def call(self, client: Member, server: str, path: str = "/", **_: Any) -> Answer | None:
        """See `Mesh.call`."""
        address = await self.place(client, server)
        try:
            return await fetch_inside(self.inside, address, self._ports[server], server, path)
        except (OSError, EOFError, TimeoutError):
            return None

    @asynccontextmanager
    async def load(self, client: Member, server: str, *, clients: int = CLIENTS) -> AsyncIterator[Load]:
        """See `Mesh.load`."""
        address, port = await self.place(client, server), self._ports[server]
        async with load_inside(self.inside, address, port, server, clients=clients, pause=PAUSE) as load:
            await goes_on(load)
            yield load


@dataclass
class HostedFederation(Federated):
    """A global control plane and zones, each on a host of its own."""

    hosts: Mapping[str, Namespace] = field(default_factory=dict)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    trees: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    """By zone, or `hub`: see `HostedSystem.trees`."""

    async def add(self, name: str) -> System:
        """See `Federated.add`."""
        trees = self.trees.get(name, OURS)
        zone = self.zones[name] = HostedSystem(self.folder / name, self.hosts[name], self.stack, trees)
        await self.hub.apply(manifest("Zone", name, ""))
        await self.token(name)
        await self.start(name)
        return zone

    async def start(self, name: str, zone: str = "") -> None:
        """See `Federated.start`."""
        await self.zones[name].start_control_plane(*self.joining(name, zone or name))

    def joining(self, name: str, zone: str) -> tuple[str, ...]:
        """The arguments by which the control plane on a host joins as a zone, by the token of that host."""
        return (
            "--zone", zone, "--global", f"https://{self.hosts['hub'].address}:{self.hub.api}",
            "--global-ca", str(self.folder / "hub" / "authority" / "root.crt"),
            "--zone-token-file", str(self.token_file(name)),
        )  # fmt: skip


@dataclass
class HostedClouds(Clouds):
    """Two zones, global, and a host outside."""

    federated: HostedFederation
    azure: HostedCloud
    gcp: HostedCloud

    def host(self, name: str) -> Namespace:
        """Of a zone, of global (`hub`), or `outside`."""
        return self.federated.hosts[name]

    async def fill(self, *, instances: int = 2, ingresses: tuple[str, ...] = ("first", "second")) -> Member:
        """Catalogs in gcp, and doors to them, called by `web` of azure, which this gives; for GETs only."""
        for number, name in enumerate(ingresses, 1):
            await self.gcp.ingress(name, number)
        for _ in range(instances):
            await self.gcp.join("catalog")
        web = await self.azure.join("web")
        await self.permit("catalog", ("azure", "web"), methods=["GET"])
        await self.azure.learns("catalog.gcp", self.gcp.port_of("catalog"))
        await self.azure.answers(web, "catalog.gcp")
        await self.in_sync()
        return web


@asynccontextmanager
async def hosted_clouds(
    trees: Mapping[str, Mapping[str, Path]] = MappingProxyType({}),
) -> AsyncIterator[HostedClouds]:
    """With an empty Mesh over both, and an agent in each; nothing of it is left afterwards.

    `trees`: see `HostedFederation`.
    """
    with namespaces("hub", *ZONES, OUTSIDE) as made:
        hosts = dict(zip(("hub", *ZONES, OUTSIDE), made, strict=True))
        folder = Path(tempfile.mkdtemp(prefix="sk-"))
        async with AsyncExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            hub = HostedSystem(folder / "hub", hosts["hub"], stack, trees.get("hub", OURS))
            federated = HostedFederation(folder, hub, {}, hosts=hosts, stack=stack, trees=trees)
            stack.push_async_callback(federated.end)
            yield await _begun(federated, stack)


async def _begun(federated: HostedFederation, stack: AsyncExitStack) -> HostedClouds:
    await federated.start_hub()
    async with asyncio.TaskGroup() as group:
        for name in ZONES:
            group.create_task(federated.add(name))
    await federated.until_connected(*ZONES)
    await federated.hub.apply(manifest("Mesh", "default"), manifest("Namespace", "shop"))
    async with asyncio.TaskGroup() as group:
        for zone in federated.zones.values():
            await zone.apply(manifest("Namespace", "shop"))
            group.create_task(zone.start_agent())
    clouds = (
        HostedCloud(federated.zones[name], stack, name, 1 + 60 * number) for number, name in enumerate(ZONES)
    )
    return HostedClouds(federated, *clouds)
