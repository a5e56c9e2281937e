"""Keeping the records of this zone in the store: written when they change, deleted when nobody wants them."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Any

import msgspec
import structlog

from sekisho.aio.clock import Clock
from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.model.origin import origin_zone
from sekisho.store.protocol import AlreadyExists, NotFound, Record, StorageFull, Store, StoreFailed, Write
from sekisho.translate.zone.records import RECORD_KINDS, UNTOLD

log = structlog.get_logger(__name__)

BATCH = 256
"""Writes in one commit of the store."""
RETRY = 1.0
"""Seconds until a batch is tried again that the store could not take."""


class RecordKeeper:
    """Holds what each record should say, and writes what changed. Records of other zones are left alone."""

    def __init__(self, store: Store, clock: Clock, zone: str) -> None:
        self._store = store
        self._clock = clock
        self._zone = zone
        self._wanted: dict[ResourceId, Mapping[str, Any]] = {}
        self._kept: set[ResourceId] = set()
        """Those in the store, as far as is known."""
        self._dirty: dict[ResourceId, None] = {}
        self._wake = asyncio.Event()
        self.written = 0
        """Writes so far."""

    def want(self, record: ResourceId, document: Mapping[str, Any] | None) -> None:
        """What a record should say; None for none any more, `UNTOLD` for what it says already."""
        if document is None:
            self._wanted.pop(record, None)
        else:
            self._wanted[record] = document
        self._dirty[record] = None
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled. Everything that is wanted at first must be known by now: other records that
        an earlier run kept are deleted."""
        await self._find()
        while True:
            while self._dirty:
                if not await self._write():
                    await self._clock.sleep(RETRY)
            await self._wake.wait()
            self._wake.clear()

    async def _find(self) -> None:
        listing = await self._store.list(RECORD_KINDS)
        self._kept = {record.id for record in listing.records if self._is_ours(record)}
        self._dirty.update(dict.fromkeys(sorted(self._kept - self._wanted.keys())))

    def _is_ours(self, record: Record) -> bool:
        return origin_zone(msgspec.json.decode(record.body)["metadata"].get("labels", {})) == self._zone

    async def _write(self) -> bool:
        """One batch; whether the store took it."""
        batch = dict.fromkeys(islice(self._dirty, BATCH))
        for record in batch:
            del self._dirty[record]
        writes = [write for record in batch if (write := self._step(record)) is not None]
        try:
            results = await self._store.write(writes) if writes else ()
        except (StorageFull, StoreFailed) as error:
            log.warning("records not written", error=str(error), retry_seconds=RETRY)
            self._dirty.update(batch)
            return False
        for write, result in zip(writes, results, strict=True):
            self._note(write, result)
        return True

    def _step(self, record: ResourceId) -> Write | None:
        document = self._wanted.get(record)
        if document is None:
            return Write("delete", record) if record in self._kept else None
        if document == UNTOLD:
            return None
        verb = "update" if record in self._kept else "create"
        return Write(verb, record, check(record.kind, document).object)

    def _note(self, write: Write, result: Record | Exception) -> None:
        """Somebody else's write in between is looked at afresh."""
        if isinstance(result, (NotFound, AlreadyExists)):
            exists = isinstance(result, AlreadyExists)
            (self._kept.add if exists else self._kept.discard)(write.id)
            if write.verb != "delete":
                self._dirty[write.id] = None
        elif isinstance(result, Exception):
            log.error("record not written", record=str(write.id), error=str(result))
        else:
            self.written += 1
            (self._kept.discard if write.verb == "delete" else self._kept.add)(write.id)
