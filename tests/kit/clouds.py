"""Two zones of real sidecars and ingresses under one global control plane: who calls whom across."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from sekisho.agent.options import directory_name
from sekisho.client import NotFound
from tests.kit.federated import CONTROL_PLANE, Federated, running_federation
from tests.kit.http import read_answer, request_bytes
from tests.kit.mesh import Member, Mesh, bootstrap_of, permission, spiffe_id
from tests.kit.objects import manifest
from tests.kit.ports import free_port
from tests.kit.system import PATIENCE, Manifest, System
from tests.kit.wait import eventually

ZONES = ("azure", "gcp")
_FIRST = {"azure": 1, "gcp": 61}
"""Numbers of the members: their loopback addresses are of one host."""
_INGRESSES = "127.0.49"


class Cloud(Mesh):
    """A zone: its members, and its ingresses."""

    def __init__(self, system: System, stack: AsyncExitStack, zone: str, first: int) -> None:
        super().__init__(system, stack, zone, first)
        self._doors: list[tuple[str, int]] = []

    def port_of(self, service: str) -> int:
        """Of a Service that is called by this name here."""
        return self._ports[service]

    async def ingress(self, name: str, number: int) -> None:
        """One more door; its address ends in `number`. It `lets_in` later."""
        made = zone_ingress(name, f"{_INGRESSES}.{number}")
        await self.system.apply(made)
        self._doors.append((f"{_INGRESSES}.{number}", made["spec"]["listeners"][0]["port"]))

    async def lets_in(self) -> None:
        """Returns when its ingresses take connections: who hears of one before leaves it out for a while."""

        async def are_open() -> bool:
            try:
                for door in self._doors:
                    (await asyncio.open_connection(*door))[1].close()
            except OSError:
                return False
            return True

        await self.system.until(are_open, f"the ingresses of {self.zone} are open")

    async def learns(self, name: str, port: int, kind: str = "ZoneService") -> None:
        """Returns when it has an address for what is elsewhere: then it can be called by that name."""

        async def has_address() -> bool:
            return bool(await self._address(kind, name))

        await self.system.until(has_address, f"{self.zone} has an address for {name}")
        self._virtual[name], self._ports[name] = await self._address(kind, name), port

    async def _address(self, kind: str, name: str) -> str:
        try:
            found = await self.system.client.get(kind, name, "shop")
        except NotFound:
            return ""
        return str(found.get("status", {}).get("vip", {}).get("ip", ""))

    async def uses(self, member: Member, name: str, ingresses: int) -> None:
        """Returns when its proxy takes so many ways to what is elsewhere, all it knows, for well.

        It leaves out for a while what it could not connect to, such as an ingress it heard of before that one
        listened. Calls bring this about sooner.
        """

        async def all_are_well() -> bool:
            said = await self.admin(member, "/clusters")
            lines = [one for one in said.splitlines() if one.startswith(f"zone/shop/{name}/")]
            flags = [one.rpartition("::")[2] for one in lines if "::health_flags::" in one]
            return flags == ["healthy"] * ingresses

        what = f"{member.name} uses all {ingresses} ways to {name}"
        await eventually(all_are_well, what=what, within=PATIENCE, every=0.1)

    async def admin(self, member: Member, path: str) -> str:
        """What its proxy says of itself. OSError before it runs."""
        folder = self.system.folder / "agent" / "run" / directory_name(f"workload/{member.id}")
        reader, writer = await asyncio.open_unix_connection(str(folder / "admin.sock"))
        try:
            writer.write(request_bytes("GET", path, [("host", "admin"), ("connection", "close")]))
            return (await read_answer(reader)).body.decode()
        finally:
            writer.close()

    def proxy(self, name: str) -> psutil.Process:
        """The Envoy of a Gateway or Workload of that name."""
        return next(each for each in self.system.envoys() if f"{name}-" in bootstrap_of(each))


@dataclass
class Clouds:
    """All of them."""

    federated: Federated
    azure: Cloud
    gcp: Cloud

    @property
    def hub(self) -> System:
        """The global control plane."""
        return self.federated.hub

    async def permit(self, server: str, *callers: tuple[str, str], **more: Any) -> None:
        """Written at global, so it holds everywhere: (zone, account) may call; `more` as in `Mesh.permit`."""
        names = [spiffe_id(account, zone=zone) for zone, account in callers]
        allow = [{"spiffeID": {"type": "Exact", "value": name}, **more} for name in names]
        await self.hub.apply(permission(server, {"allow": allow}))

    async def in_sync(self) -> None:
        """Returns when the proxies of both have acknowledged everything."""
        await self.azure.system.in_sync()
        await self.gcp.system.in_sync()

    async def restart_control_plane(self, zone: str) -> None:
        """After a `kill`."""
        await self.federated.zones[zone].kill(CONTROL_PLANE)
        await self.federated.start(zone)


def zone_ingress(name: str, address: str) -> Manifest:
    listener = {"name": "mesh", "protocol": "TLS", "port": free_port(), "tls": {"mode": "Passthrough"}}
    spec = {
        "gatewayClassName": "sekisho-zone-ingress",
        "addresses": [{"type": "IPAddress", "value": address}],
        "listeners": [listener],
    }
    return manifest("Gateway", name, spec=spec)


def multizone(name: str, port: int, *, service: str = "") -> Manifest:
    """One name over the Services in all zones that are called so, or `service`."""
    spec = {
        "selector": {"zoneService": {"matchLabels": {"sekisho.dev/service": service or name}}},
        "ports": [{"port": port, "protocol": "http"}],
    }
    return manifest("MultiZoneService", name, spec=spec)


def retry(kind: str, name: str, *conditions: str) -> Manifest:
    """Calls to it are tried again, up to three times."""
    default = {"http": {"numRetries": 3, "retryOn": list(conditions)}}
    called = {"targetRef": {"kind": kind, "name": name}, "default": default}
    return manifest("Retry", f"again-{name}", spec={"to": [called]})


@asynccontextmanager
async def running_clouds(**options: Any) -> AsyncIterator[Clouds]:
    """With an empty Mesh over both, and an agent in each. `options`: of `running_federation`."""
    async with running_federation(*ZONES, **options) as federated, AsyncExitStack() as stack:
        await federated.hub.apply(manifest("Mesh", "default"), manifest("Namespace", "shop"))
        async with asyncio.TaskGroup() as group:
            for zone in federated.zones.values():
                await zone.apply(manifest("Namespace", "shop"))
                group.create_task(zone.start_agent())
        made = (Cloud(federated.zones[name], stack, name, _FIRST[name]) for name in ZONES)
        yield Clouds(federated, *made)
