"""Two zones for tests: each an engine that feeds real Envoys, linked by nothing but the records they show."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from sekisho import envoy
from sekisho.control.worlds import Worlds
from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS, changed_resources
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip, Authority, AuthorityState, Settings, SettingsKey, ViewKey
from sekisho.translate.mesh.names import outbound_address
from sekisho.translate.mesh.sight import world_of
from sekisho.translate.outputs import MEMBERS, RECORDS
from sekisho.translate.zone.records import UNTOLD
from sekisho.xds.types import Name
from tests.kit.echo import Echo, serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.pki import Leaf, TestAuthority
from tests.kit.ports import free_port
from tests.kit.sidecar import Sidecar, running_sidecar
from tests.unit.translate.mesh.mesh import application, member, mesh, permission
from tests.unit.translate.world import (
    Document,
    document,
    gateway,
    gateway_class,
    leaves,
    passthrough,
    unvalidated,
)

_FIRST_HOST = {"azure": 60, "gcp": 70}
"""Of loopback addresses, `127.0.60.n`."""
_OUTBOUNDS = {"azure": "127.160.0.0/16", "gcp": "127.170.0.0/16"}
_ENVOY = "type.googleapis.com/envoy."
CALLED_PORT, _SERVED_PORT = free_port(), free_port()
"""Of every Service and of every instance; at their own loopback addresses, which other processes use, too."""


class LiveZone:
    """A zone, with whoever is in it."""

    def __init__(self, name: str, folder: Path, stack: AsyncExitStack) -> None:
        self.name = name
        self.domain = f"default.{name}.mesh.local"
        self.authority = TestAuthority(name)
        self.others: list[LiveZone] = []
        self.proxies: dict[ResourceId, Sidecar] = {}
        self.records: dict[ResourceId, Document] = {}
        self._folder, self._stack = folder / name, stack
        self._engine = Engine([*(emission.output for emission in EMISSIONS), MEMBERS, RECORDS])
        self._worlds = Worlds()
        self._views: defaultdict[ViewKey, dict[Name, envoy.Resource]] = defaultdict(dict)
        self._addresses = count(1)
        self._virtual = count(1)
        trust = AuthorityState(bundles=((self.domain, self.authority.certificate),))
        self._commit({SettingsKey(): Settings(zone=name, linked=True), Authority.of("default"): trust})
        self.apply(
            mesh(), permission("all", {}), gateway_class(), gateway_class("sekisho-zone-ingress"),
            *(document("Zone", each) for each in _FIRST_HOST),
        )  # fmt: skip

    def apply(self, *documents: Document) -> None:
        """Proxies are told, and other zones see what of it is shown. MultiZoneServices get an address."""
        made = leaves(documents)
        several = [one for one in made if one.kind == "MultiZoneService"]
        addresses = {AssignedVip.of(one): f"243.128.220.{number}" for number, one in enumerate(several, 1)}
        self._commit({**addresses, **made})

    def remove(self, *resources: ResourceId) -> None:
        self._commit(dict.fromkeys(resources))

    def give(self, resource: Document, facts: Mapping[Any, Any]) -> None:
        """What the API would not take, such as something outside on the loopback, and what is known of it."""
        self._commit({**unvalidated(resource), **facts})

    def put(self, resource: Any) -> None:
        """As `read` gave it."""
        self._commit({resource.id: resource})

    def read(self, resource: ResourceId) -> Any:
        return self._engine.read.leaf(resource)

    def _commit(self, changed: Mapping[Any, Any]) -> None:
        changes = self._engine.commit(changed)
        for error in changes.failures.values():
            raise error
        for view, type_url, name, made in changed_resources(changes.outputs):
            self._tell(view, {Name(type_url, name): made})
        for world, difference in self._worlds.changes(changes.outputs).items():
            self._tell(world, difference)
        self._show(changes.outputs.get(RECORDS, {}))

    def _tell(self, view: ViewKey, difference: Mapping[Name, envoy.Resource | None]) -> None:
        known = self._views[view]
        followers = [proxy for owner, proxy in self.proxies.items() if view in self._seen_by(owner)]
        for name, made in difference.items():
            if not name.type_url.startswith(_ENVOY):
                continue  # for agents, of which there is none
            before = known.pop(name, None)
            if made is not None:
                known[name] = made
            for proxy in followers:
                if made is not None:
                    proxy.ads.put(made)
                elif before is not None:
                    proxy.ads.remove(before)

    def _show(self, records: Mapping[ResourceId, Document | None]) -> None:
        for record, wanted in records.items():
            if wanted is None:
                self.records.pop(record, None)
            elif wanted != UNTOLD:
                self.records[record] = wanted
            for other in self.others:
                other.take(record, wanted)

    def take(self, record: ResourceId, wanted: Document | None) -> None:
        """A record of another zone."""
        if wanted is None:
            self.remove(record)
        elif wanted != UNTOLD:
            self._commit({**self._with_address(record), **leaves([wanted])})

    def _with_address(self, record: ResourceId) -> dict[Any, str]:
        fact = AssignedVip.of(record)
        if record.kind != "ZoneService" or self._engine.read.leaf(fact):
            return {}
        return {fact: f"243.0.200.{next(self._virtual)}"}

    def _seen_by(self, owner: ResourceId) -> list[ViewKey]:
        if owner.kind == "Gateway":
            return [owner]
        world = world_of(self._engine.read, owner)
        return [owner] if world is None else [owner, world]

    def identity(self, account: str) -> str:
        return f"spiffe://{self.domain}/ns/shop/sa/{account}"

    async def run(self, owner: ResourceId, leaf: Leaf, *, concurrency: int = 1) -> Sidecar:
        """The proxy of a Workload or Gateway, ready when it has taken everything."""
        resources = [one for view in self._seen_by(owner) for one in self._views[view].values()]
        role = envoy.Role.GATEWAY if owner.kind == "Gateway" else envoy.Role.SIDECAR
        proxy = await self._stack.enter_async_context(
            running_sidecar(self._folder / owner.name, leaf, *resources, concurrency=concurrency, role=role)
        )
        self.proxies[owner] = proxy
        return proxy

    async def ingress(self, name: str = "ingress", port: int = 0, **spec: Any) -> Sidecar:
        """A proxy that lets the others in."""
        address = f"127.0.{_FIRST_HOST[self.name]}.{next(self._addresses)}"
        self.apply(
            gateway(
                passthrough("sekisho", port or free_port()),
                name=name, gatewayClassName="sekisho-zone-ingress", addresses=[{"value": address}], **spec,
            )
        )  # fmt: skip
        return await self.run(ResourceId("Gateway", "shop", name), self.authority.svid(self.identity(name)))

    async def gateway(self, *listeners: Document, name: str = "edge") -> Sidecar:
        """A proxy for callers from outside, on the loopback."""
        self.apply(gateway(*listeners, name=name, addresses=[{"value": "127.0.0.1"}]))
        return await self.run(ResourceId("Gateway", "shop", name), self.authority.svid(self.identity(name)))

    async def instance(
        self,
        name: str,
        account: str,
        echo: Echo | None = None,
        *,
        port: Document | None = None,
        labels: Document | None = None,
    ) -> Echo:
        """One more instance of an application, with its sidecar; the Service is made with the first one."""
        if echo is None:
            echo = await self._stack.enter_async_context(serving_echo(name))
        number = next(self._addresses)
        address = f"127.0.{_FIRST_HOST[self.name]}.{number}"
        service = ResourceId("Service", "shop", account)
        if self._engine.read.leaf(service) is None:
            called = {"port": CALLED_PORT, "targetPort": _SERVED_PORT, **(port or {})}
            made = application(account, f"241.0.0.{number}", port=called)
            made["metadata"]["labels"] = labels or {}
            self.apply(made)
        sidecar = {"capture": "None", "outboundAddresses": self._outbounds(number)}
        ports = [{"port": _SERVED_PORT, "targetPort": echo.port}]
        self.apply(member(name, account, address, sidecar=sidecar, ports=ports))
        owner = ResourceId("Workload", "shop", name)
        await self.run(owner, self.authority.svid(self.identity(account)))
        return echo

    def _outbounds(self, number: int) -> str:
        first, second, *_ = _OUTBOUNDS[self.name].split(".")
        return f"{first}.{int(second) + number}.0.0/16"

    def place(self, client: str, service: str) -> str:
        """The loopback address at which a workload calls a Service of this zone, or a ZoneService; or, called
        `*.name`, a MultiZoneService."""
        kind = "ZoneService" if "." in service else "Service"
        called = ResourceId(kind, "shop", service)
        if service.startswith("*."):
            called = ResourceId("MultiZoneService", "shop", service.removeprefix("*."))
        return self.place_of(client, called)

    def place_of(self, client: str, called: ResourceId) -> str:
        """The same for whatever can be called."""
        read = self._engine.read
        virtual = read.leaf(AssignedVip.of(called)) or read.leaf(called).spec.cluster_ip
        workload = read.leaf(ResourceId("Workload", "shop", client))
        return outbound_address(virtual, workload.spec.sidecar.outbound_addresses)

    async def call(self, client: str, service: str, path: str = "/", **options: Any) -> Answer:
        """As the program of a workload does."""
        return await fetch(CALLED_PORT, "catalog", path, address=self.place(client, service), **options)

    async def settled(self) -> None:
        """Until all proxies have taken everything."""
        await asyncio.gather(*(proxy.ads.settled() for proxy in self.proxies.values()))
        refused = [each for proxy in self.proxies.values() for each in proxy.ads.nacks]
        if refused:
            raise AssertionError(refused[-1])


@asynccontextmanager
async def two_zones(folder: Path) -> AsyncIterator[tuple[LiveZone, LiveZone]]:
    """`azure` and `gcp`, with nobody in them."""
    async with AsyncExitStack() as stack:
        azure, gcp = LiveZone("azure", folder, stack), LiveZone("gcp", folder, stack)
        _link(azure, gcp)
        yield azure, gcp


def _link(*zones: LiveZone) -> None:
    for zone in zones:
        zone.others = [other for other in zones if other is not zone]
        _share(zone.records.items(), zone.others)


def _share(records: Iterable[tuple[ResourceId, Document]], others: Iterable[LiveZone]) -> None:
    for other in others:
        for record, wanted in records:
            other.take(record, wanted)
