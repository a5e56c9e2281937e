"""Following the store: its resources as leaves of the engine, its statuses to the status writer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from sekisho.aio.clock import Clock
from sekisho.control.inbox import Inbox
from sekisho.control.status import StatusWriter
from sekisho.model.document import decode, engine_view
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Event, EventType, Expired, Record, Store
from sekisho.translate.facts import Readiness

log = structlog.get_logger(__name__)


class Follower:
    """Lists once, then watches; after a gap it lists again and works out what went."""

    def __init__(
        self, store: Store, kinds: Sequence[str], inbox: Inbox, statuses: StatusWriter, clock: Clock
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._inbox = inbox
        self._statuses = statuses
        self._clock = clock
        self._known: set[ResourceId] = set()
        self._revision = 0

    @property
    def known(self) -> int:
        """How many resources there are."""
        return len(self._known)

    async def start(self) -> None:
        """Put everything there is into the inbox."""
        await self._list()

    async def run(self) -> None:
        """Follow changes until cancelled."""
        while True:
            try:
                async for events in self._store.watch(self._kinds, None, self._revision):
                    self._take(events)
            except Expired:
                log.warning("watch fell behind, listing again", revision=self._revision)
                await self._list()

    async def _list(self) -> None:
        listing = await self._store.list(self._kinds)
        present = {record.id for record in listing.records}
        leaves: dict[Any, Any] = {}
        for gone in self._known - present:
            leaves.update(_absent(gone))
        leaves.update(self._leaves(listing.records))
        for gone in self._known - present:
            self._statuses.gone(gone)
        self._known = present
        self._revision = listing.revision
        self._inbox.put(leaves, self._clock.monotonic())

    def _take(self, events: Sequence[Event]) -> None:
        leaves: dict[Any, Any] = {}
        for event in events:
            resource = event.record.id
            if event.type is EventType.DELETED:
                self._known.discard(resource)
                self._statuses.gone(resource)
                leaves.update(_absent(resource))
            else:
                self._known.add(resource)
                leaves.update(self._leaves([event.record]))
            self._revision = event.record.revision
        self._inbox.put(leaves, self._clock.monotonic())

    def _leaves(self, records: Iterable[Record]) -> dict[Any, Any]:
        leaves: dict[Any, Any] = {}
        for record in records:
            try:
                resource = decode(record.id.kind, record.body)
            except Exception as error:
                # Written by another version of Sekisho, or damaged: the others must not wait for it.
                log.exception("stored resource not understood", resource=str(record.id), error=str(error))
                continue
            status = getattr(resource, "status", None)
            self._statuses.seen(record.id, status, record.revision)
            leaves[record.id] = engine_view(resource)
            if record.id.kind == "Workload":
                leaves[Readiness.of(record.id)] = _readiness(status)
        return leaves


def _absent(resource: ResourceId) -> dict[Any, None]:
    """What is no more with it."""
    return {resource: None, Readiness.of(resource): None} if resource.kind == "Workload" else {resource: None}


def _readiness(status: Mapping[str, Any] | None) -> bool | None:
    """What the agent beside a Workload says of its probe; None while it has said nothing."""
    for condition in (status or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return bool(condition.get("status") == "True")
    return None
