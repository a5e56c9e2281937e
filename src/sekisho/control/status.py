"""Writing statuses: only when they changed, batched, and at most a few times a second per resource."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog
from msgspec import json

from sekisho.aio.clock import Clock
from sekisho.control import metrics
from sekisho.control.conditions import merged_status
from sekisho.kit.clocks import rfc3339
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Conflict, NotFound, StorageFull, Store, StoreFailed, Write

log = structlog.get_logger(__name__)

BATCH = 256
"""Status writes in one commit of the store."""
SHARED = frozenset({"Workload"})
"""Kinds whose status agents write to as often as we do: nothing is written over what we have not seen."""
RETRY = 1.0
"""Seconds until a batch is tried again that the store could not take."""


class StatusWriter:
    """Holds what each resource's status should say, and writes what differs from what it does say.

    The first change of a resource is written at once, further ones at most every `interval` seconds: a
    Gateway to which a thousand routes attach is written a few times, and right in the end.
    """

    def __init__(self, store: Store, clock: Clock, controller: str, interval: float = 0.2) -> None:
        """`controller` is our controllerName in `parents`; `interval` is in seconds."""
        self._store = store
        self._clock = clock
        self._controller = controller
        self._interval = interval
        self._desired: dict[ResourceId, Mapping[str, Any]] = {}
        self._current: dict[ResourceId, bytes] = {}
        """As JSON, a fifth of the size, and one for all that say the same: there is one for every route, and
        few are ever read."""
        self._revisions: dict[ResourceId, int] = {}
        """Of those in `SHARED`: the revision last seen."""
        self._not_before: dict[ResourceId, float] = {}
        self._dirty: dict[ResourceId, None] = {}
        self._wake = asyncio.Event()
        self.written = 0
        """Status writes so far."""

    @property
    def desired(self) -> Mapping[ResourceId, Mapping[str, Any]]:
        """What every resource's status should say, without transition times."""
        return self._desired

    def current(self, resource: ResourceId) -> Mapping[str, Any] | None:
        """The status this resource has in the store, as far as we have seen."""
        known = self._current.get(resource)
        return None if known is None else json.decode(known)

    def want(self, resource: ResourceId, desired: Mapping[str, Any] | None) -> None:
        """The status this resource should have; None when we have nothing (more) to say about it."""
        if desired is None:
            self._desired.pop(resource, None)
            return
        self._desired[resource] = desired
        self._dirty[resource] = None
        self._wake.set()

    def seen(self, resource: ResourceId, status: Mapping[str, Any] | None, revision: int = 0) -> None:
        """The status this resource has, as the store told us. Somebody else's change is answered."""
        if resource.kind in SHARED:
            self._revisions[resource] = revision
        written = _packed(status)
        if self._current.get(resource) != written:
            self._current[resource] = written
            if resource in self._desired:
                self._dirty[resource] = None
                self._wake.set()

    def gone(self, resource: ResourceId) -> None:
        """The resource was deleted."""
        for table in (self._desired, self._current, self._revisions, self._not_before, self._dirty):
            table.pop(resource, None)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._dirty:
                wait = await self._write_due()
                if wait > 0:
                    await self._clock.sleep(wait)
            now = self._clock.monotonic()
            self._not_before = {one: time for one, time in self._not_before.items() if time > now}

    async def _write_due(self) -> float:
        """Write one batch of what may be written now; returns the seconds until more may be."""
        now = self._clock.monotonic()
        due = [resource for resource in self._dirty if self._not_before.get(resource, 0.0) <= now][:BATCH]
        if not due:
            return min(self._not_before[resource] for resource in self._dirty) - now
        writes = []
        for resource in due:
            del self._dirty[resource]
            if (status := self._difference(resource)) is not None:
                expected = self._revisions.get(resource)
                writes.append(Write("status", resource, {"status": status}, expected))
        if not writes:
            return 0.0
        return await self._commit(writes, now)

    def _difference(self, resource: ResourceId) -> dict[str, Any] | None:
        desired = self._desired.get(resource)
        if desired is None:
            return None
        current = self.current(resource)
        moment = rfc3339(self._clock.now())
        status = merged_status(current, desired, moment, self._controller)
        return None if status == current else status

    async def _commit(self, writes: list[Write], now: float) -> float:
        try:
            results = await self._store.write(writes)
        except (StorageFull, StoreFailed) as error:
            log.warning("statuses not written", error=str(error), retry_seconds=RETRY)
            self._dirty.update(dict.fromkeys(write.id for write in writes))
            return RETRY
        for write, result in zip(writes, results, strict=True):
            if isinstance(result, NotFound):
                self.gone(write.id)
            elif isinstance(result, Conflict):
                # What was written meanwhile is on its way to us.
                self._dirty[write.id] = None
                self._not_before[write.id] = now + self._interval
            elif isinstance(result, Exception):
                log.error("status not written", resource=str(write.id), error=str(result))
            else:
                if write.expect is not None:
                    self._revisions[write.id] = result.revision
                self.written += 1
                metrics.STATUS_WRITES.inc()
                self._current[write.id] = _packed((write.object or {})["status"])
                self._not_before[write.id] = now + self._interval
        return 0.0


def _packed(status: Mapping[str, Any] | None) -> bytes:
    """Equal statuses give equal bytes, and mostly the same."""
    return _same(json.encode(status, order="deterministic"))


@lru_cache(maxsize=4_096)
def _same(packed: bytes) -> bytes:
    """Routes of one parent say the same, and are written and read together."""
    return packed
