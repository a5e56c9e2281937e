"""The loop: take what changed, commit it, publish what came of it, say so in statuses."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import structlog

from sekisho.aio.clock import Clock
from sekisho.control import metrics
from sekisho.control.addresses import GATEWAYS, AddressPool, Range, virtual_pools
from sekisho.control.expiry import Expiry
from sekisho.control.follower import Follower
from sekisho.control.inbox import Inbox
from sekisho.control.infrastructure import Infrastructure
from sekisho.control.lowering import Lowering
from sekisho.control.patch_refusals import PatchBook
from sekisho.control.proxies import Proxies
from sekisho.control.publisher import Publisher
from sekisho.control.records import RecordKeeper
from sekisho.control.status import StatusWriter
from sekisho.control.tally import Tally
from sekisho.control.troubles import Troubled
from sekisho.engine import Changes, Engine, Read
from sekisho.envoy.outputs import EMISSIONS
from sekisho.envoy.patching import PATCH_FAULTS
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Store
from sekisho.translate.facts import Rejection, Settings, SettingsKey
from sekisho.translate.gateway.classes import CONTROLLER_NAME, serves
from sekisho.translate.ingress.derived import is_derived
from sekisho.translate.ingress.gateways import INGRESS_GATEWAYS
from sekisho.translate.mesh.sight import world_of
from sekisho.translate.outputs import (
    EXPIRIES,
    INFRASTRUCTURE,
    LISTENERS,
    MEMBERS,
    OPENINGS,
    RECORDS,
    SEEN,
    STATUSES,
)
from sekisho.xds.view import View

log = structlog.get_logger(__name__)

_LISTENERS = next(one.output for one in EMISSIONS if one.output.name == f"Listener of {LISTENERS.name}")
_OWNERS = ("Gateway", "Workload")


class ControlLoop:
    """Keeps the proxies and the statuses equal to what the store says. One owner of the engine: this loop.

    There is no timer: a change is committed at once when idle. While proxies are still taking the last
    commit, changes gather for `patience` seconds at the most and then go together.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        patience: float = 0.01,
        addresses: Range | None = None,
    ) -> None:
        """`addresses`: the range that Gateways get theirs from; None for `settings.address` for all."""
        self.engine = Engine(
            [
                *(emission.output for emission in EMISSIONS),
                SEEN, MEMBERS, OPENINGS, STATUSES, EXPIRIES, INFRASTRUCTURE, RECORDS, PATCH_FAULTS,
            ]
        )  # fmt: skip
        self.inbox = Inbox()
        self.publisher = Publisher(clock)
        self.tally = Tally(clock)
        """What was refused, by proxies and by whoever serves them and the API."""
        self.proxies = Proxies(self.inbox, self.publisher, clock, self.views_of, self.tally)
        self._patches = PatchBook()
        self.proxies.on_rejection = self._rejected
        self.troubled = Troubled()
        self.statuses = StatusWriter(store, clock, CONTROLLER_NAME)
        self._infrastructure = Infrastructure(store, clock)
        self._lowering = Lowering()
        self._records = RecordKeeper(store, clock, settings.zone)
        self.ready = asyncio.Event()
        """Set once everything in the store has been translated: proxies may be let in."""
        self.on_commit: list[Callable[[Mapping[Any, Any], Read], None]] = []
        """Called at the end of each commit with the leaves that changed."""
        self.on_move: Callable[[Collection[ResourceId]], None] = _nothing
        """Called with the Workloads that see another World than before: their streams must begin anew."""
        self._follower = Follower(store, tuple(KINDS), self.inbox, self.statuses, clock)
        self.expiry = Expiry(self.inbox, clock)
        self.clock = clock
        self._patience = patience
        self._pools = virtual_pools(settings.zone, self.statuses.current)
        if addresses is not None:
            self._pools.append(AddressPool((addresses,), self.statuses.current, GATEWAYS))
        self.inbox.put({SettingsKey(): settings}, clock.monotonic())

    @property
    def resources(self) -> int:
        """How many resources the store has, as far as this loop has seen."""
        return self._follower.known

    def served(self) -> list[tuple[ResourceId, str]]:
        """(gateway, listener) of everything that is served now."""
        return list(self.engine.keys(_LISTENERS))

    def views_of(self, owner: ResourceId) -> list[View]:
        """The views that proxies of a Gateway or Workload follow; none when they may not follow any."""
        read = self.engine.read
        if owner.kind == "Gateway":
            return [self.publisher.view(owner)] if serves(read, owner) else []
        world = world_of(read, owner)
        if world is None:
            return []
        fetched = [self.publisher.fetched(world)] if world.on_demand else []
        return [self.publisher.view(world), *fetched, self.publisher.view(owner)]

    async def run(self) -> None:
        """Run until cancelled."""
        await self._follower.start()
        self._commit()
        self.ready.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follower.run(), name="follow the store")
            group.create_task(self.statuses.run(), name="write statuses")
            group.create_task(self._infrastructure.run(), name="keep infrastructure")
            group.create_task(self._records.run(), name="keep records")
            group.create_task(self.expiry.run(), name="watch certificates expire")
            group.create_task(self._commit_forever(), name="commit changes")

    async def _commit_forever(self) -> None:
        while True:
            await self.inbox.arrived()
            await self.publisher.idle(self._patience)
            self._commit()

    def _commit(self) -> None:
        leaves, since = self.inbox.take()
        for pool in self._pools:
            leaves.update(pool.changes(leaves))
        started = time.perf_counter()
        lowered = self._lowering.commit(leaves)
        leaves.update(self._lowering.leaves(lowered))
        changes = self.engine.commit(leaves)
        self._report_failures(lowered)
        self._report_failures(changes)
        published = self.publisher.publish(changes, since)
        self.proxies.opened(changes.outputs.get(OPENINGS, {}))
        self.inbox.put(self._patches.note(changes.outputs), self.clock.monotonic())
        self.troubled.note(changes.outputs.get(STATUSES, {}))
        for resource, status in changes.outputs.get(STATUSES, {}).items():
            if not is_derived(resource):
                self.statuses.want(resource, status)
        for secret, not_after in changes.outputs.get(EXPIRIES, {}).items():
            self.expiry.note(secret, not_after)
        for owner, document in (
            *lowered.outputs.get(INGRESS_GATEWAYS, {}).items(),
            *changes.outputs.get(INFRASTRUCTURE, {}).items(),
        ):
            self._infrastructure.want(owner, document)
        for record, document in changes.outputs.get(RECORDS, {}).items():
            self._records.want(record, document)
        if moved := changes.outputs.get(SEEN):
            self.on_move(moved.keys())
        for gone in (leaf for leaf, value in leaves.items() if leaf[0] in _OWNERS and value is None):
            self.publisher.forget(gone)
            self.proxies.forget(gone)
        for listener in self.on_commit:
            listener(leaves, self.engine.read)
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        metrics.RESOURCES_BUILT.inc(published)

    def _rejected(self, rejection: Rejection, version: str, message: str) -> None:
        """Where a ProxyPatch is to blame, the resource goes on without it."""
        self.inbox.put(self._patches.rejected(rejection, version, message), self.clock.monotonic())

    def _report_failures(self, changes: Changes) -> None:
        """A function of ours raised: its last value stays, or goes where it guards; it is our fault, so it
        is logged in full."""
        for (name, key), error in changes.failures.items():
            metrics.TRANSLATION_FAILURES.labels(name).inc()
            log.error("translation failed", what=name, key=str(key), exc_info=error)


def _nothing(_: Collection[ResourceId]) -> None:
    """Before there is a server, nobody is connected."""
