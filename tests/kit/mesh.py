"""A mesh of real sidecars: programs of this process beside them, who may call whom, and load between them."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from sekisho.agent.admin import Admin
from sekisho.agent.options import directory_name
from sekisho.translate.mesh.names import outbound_address
from tests.kit.echo import Echo, serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.load import Load, under_load
from tests.kit.objects import manifest
from tests.kit.ports import free_port
from tests.kit.system import PATIENCE, Manifest, System, running_system
from tests.kit.wait import eventually

FAULT_SECONDS = float(os.environ.get("SEKISHO_FAULT_SECONDS", "8"))
"""How long a fault lasts; 120 is the promise, for when there is time."""
Record = Callable[[str, object], None]
"""pytest's `record_property`: figures, written by `--junit-xml=FILE -o junit_family=xunit1`."""
_UNDER_WAY = re.compile(r"listener_manager_total_\w+_(warming|draining)\{[^}]*\} [1-9]")
_FIRST_HOST, _FIRST_RANGE = 40, 100
"""Of loopback addresses: `127.0.40.n`, where sidecars take calls, and `127.(100+n).0.0/16`, where they stand
for services."""


@dataclass(frozen=True)
class Member:
    """A Workload in `shop`, with a sidecar and a program of this process behind it."""

    name: str
    account: str
    address: str
    """Where its sidecar takes calls."""
    port: int
    """Of its sidecar, and of the Service of its account's name."""
    outbounds: str
    """Loopback addresses at which it finds services."""
    echo: Echo
    zone: str = "default"

    @property
    def id(self) -> str:
        return f"shop/{self.name}"

    @property
    def identity(self) -> str:
        return spiffe_id(self.account, zone=self.zone)


def spiffe_id(account: str, namespace: str = "shop", zone: str = "default") -> str:
    return f"spiffe://default.{zone}.mesh.local/ns/{namespace}/sa/{account}"


class Mesh:
    """Members and what is between them. Accounts are called like the Services they are behind."""

    def __init__(self, system: System, stack: AsyncExitStack, zone: str = "default", first: int = 1) -> None:
        """`first`: the number of the first member, on a host with several meshes."""
        self.system = system
        self.zone = zone
        self._stack = stack
        self._first = first
        self._ports: dict[str, int] = {}
        self._virtual: dict[str, str] = {}
        self.members: dict[str, Member] = {}

    async def join(self, account: str, protocol: str = "http", port: int = 0, **spec: Any) -> Member:
        """One more instance of the Service `account`, made with the first one, at `port` if that is to be a
        certain one; `spec` of its Workload."""
        number = self._first + len(self.members)
        name = f"{account}-{sum(each.account == account for each in self.members.values()) + 1}"
        echo = await self._stack.enter_async_context(serving_echo(name))
        if account not in self._ports:
            self._ports[account] = port or free_port()
            await self.system.apply(service(account, self._ports[account], protocol))
        member = Member(
            name, account, f"127.0.{_FIRST_HOST}.{number}", self._ports[account],
            f"127.{_FIRST_RANGE + number}.0.0/16", echo, self.zone,
        )  # fmt: skip
        self.members[name] = member
        await self.system.apply(workload(member, protocol, **spec))
        return member

    async def permit(self, server: str, *callers: str, **more: Any) -> None:
        """These accounts may call the Service; `more` is what else an entry says, such as methods."""
        names = [spiffe_id(caller, zone=self.zone) for caller in callers]
        allow = [{"spiffeID": {"type": "Exact", "value": name}, **more} for name in names]
        await self.system.apply(permission(server, {"allow": allow}))

    async def place(self, client: Member, server: str) -> str:
        """The loopback address at which the sidecar of `client` stands for the Service."""
        if server not in self._virtual:  # for life, and to be known while there is no control plane
            found = await self.system.client.get("Service", server, "shop")
            self._virtual[server] = found["spec"]["clusterIP"]
        return outbound_address(self._virtual[server], client.outbounds)

    async def call(self, client: Member, server: str, path: str = "/", **more: Any) -> Answer | None:
        """What the program of `client` gets; None for no whole answer."""
        address = await self.place(client, server)
        try:
            return await fetch(self._ports[server], server, path, address=address, **more)
        except (OSError, EOFError, TimeoutError):
            return None

    async def answers(self, client: Member, server: str, status: int | None = 200, path: str = "/") -> float:
        """Waits until a call gets this status, None for no answer; returns the seconds it took."""

        async def as_expected() -> bool:
            found = await self.call(client, server, path)
            return (found.status if found else None) == status

        what = f"{client.name} gets {status} of {server}{path}"
        return await self.system.until(as_expected, what)

    @asynccontextmanager
    async def load(self, client: Member, server: str, *, clients: int = 2) -> AsyncIterator[Load]:
        """Its program calls the Service all the time: on connections it keeps, and on new ones."""
        address, port = await self.place(client, server), self._ports[server]
        async with under_load(port, server, address=address, clients=clients, pause=0.01) as load:
            await goes_on(load)
            yield load

    async def at_rest(self, member: Member) -> None:
        """Returns when its proxy, run by the agent of the host, has all that there is, and serves only that.

        An acknowledged listener waits for its routes, and connections to the one before it are ended later.
        """
        await self.system.in_sync()
        folder = self.system.folder / "agent" / "run" / directory_name(f"workload/{member.id}")
        admin = Admin(folder / "admin.sock")

        async def rests() -> bool:
            return not _UNDER_WAY.search(await admin.prometheus(used_only=False))

        await self.system.until(rests, f"the listeners of {member.name} rest")

    def envoy(self, member: Member) -> psutil.Process:
        """The proxy of this member."""
        return next(each for each in self.system.envoys() if f"{member.name}-" in bootstrap_of(each))


async def goes_on(*loads: Load, more: int = 20) -> None:
    """Returns when so many more answers came to each."""
    for load in loads:
        there = load.answered

        async def answered(load: Load = load, there: int = there) -> bool:
            return load.answered >= there + more

        await eventually(answered, what="calls go on", every=0.01)


async def recovered(load: Load, since: float, calm: float = 3) -> float:
    """Seconds from `since` to the last failure, or how long the slowest call took meanwhile, if that is more;
    once there was no failure, and one call after another, for so long."""
    loop = asyncio.get_running_loop()
    load.slowest, known, last = 0.0, len(load.failures), since
    async with asyncio.timeout(PATIENCE):
        while loop.time() - max(last, since) < calm:
            if len(load.failures) > known:
                known, last = len(load.failures), loop.time()
            await asyncio.sleep(0.01)
    await goes_on(load)
    return max(last - since, load.slowest)


def bootstrap_of(envoy: psutil.Process) -> str:
    """The path of the file it was started with."""
    words = envoy.cmdline()
    return words[words.index("--config-path") + 1]


def service(name: str, port: int, protocol: str = "http", **more: Any) -> Manifest:
    ports = [{"name": "main", "port": port, "appProtocol": protocol}]
    return manifest("Service", name, spec={"selector": {"app": name}, "ports": ports, **more})


def workload(member: Member, protocol: str = "http", **spec: Any) -> Manifest:
    port = {"name": "main", "port": member.port, "targetPort": member.echo.port, "appProtocol": protocol}
    fields = {
        "address": member.address,
        "serviceAccountName": member.account,
        "ports": [port],
        "sidecar": {"outboundAddresses": member.outbounds},
    }
    return manifest("Workload", member.name, labels={"app": member.account}, spec=fields | spec)


def permission(server: str, default: Manifest) -> Manifest:
    """A TrafficPermission of the Workloads behind a Service."""
    target = {"kind": "Workload", "labels": {"app": server}}
    return manifest("TrafficPermission", server, spec={"targetRef": target, "rules": [{"default": default}]})


@asynccontextmanager
async def running_mesh(
    *, agent: bool = True, program: str = "sekisho.cli", environment: Mapping[str, str] | None = None
) -> AsyncIterator[Mesh]:
    """With a Mesh and no members. `agent`: one runs all sidecars; without, `System.start_sidecar` does."""
    made = running_system(agent=agent, program=program, environment=environment)
    async with made as system, AsyncExitStack() as stack:
        await system.apply(manifest("Mesh", "default"))
        yield Mesh(system, stack)


async def lasting(seconds: float, *loads: Load) -> None:
    """Lets a fault last; ends early where something already failed."""
    async with asyncio.timeout(seconds + 60):
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline and not any(load.failures for load in loads):
            await asyncio.sleep(0.1)
