"""Keeping what is made for others: a Gateway's Service (GEP-1762), an IngressClass's Gateway."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from sekisho.aio.clock import Clock
from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, Record, StorageFull, Store, StoreFailed, Write
from sekisho.translate.gateway.infrastructure import GATEWAY_LABEL
from sekisho.translate.ingress.gateways import CLASS_LABEL

log = structlog.get_logger(__name__)

RETRY = 1.0
"""Seconds until a write is tried again that the store could not take."""
_MADE_FOR = {"Service": ("Gateway", GATEWAY_LABEL), "Gateway": ("IngressClass", CLASS_LABEL)}
"""By kind: the kind of its owner, and the label that says that we made it."""
_KINDS = tuple(_MADE_FOR)


class Infrastructure:
    """Creates, updates and deletes what owners want; what they do not own is left alone."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wanted: dict[ResourceId, Mapping[str, Any]] = {}
        self._made: dict[ResourceId, ResourceId] = {}
        self._dirty: dict[ResourceId, None] = {}
        self._wake = asyncio.Event()

    def want(self, owner: ResourceId, document: Mapping[str, Any] | None) -> None:
        """The resource this owner should have beside it; None for none any more."""
        if document is None:
            self._wanted.pop(owner, None)
        else:
            self._wanted[owner] = document
        self._dirty[owner] = None
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled. Everything that is wanted at first must be known by now: what an earlier run
        made for other owners is deleted."""
        await self._find()
        while True:
            while self._dirty:
                owner = next(iter(self._dirty))
                del self._dirty[owner]
                try:
                    await self._settle(owner)
                except (StorageFull, StoreFailed) as error:
                    log.warning("infrastructure not written", owner=str(owner), error=str(error))
                    self._dirty[owner] = None
                    await self._clock.sleep(RETRY)
            await self._wake.wait()
            self._wake.clear()

    async def _find(self) -> None:
        for record in (await self._store.list(_KINDS)).records:
            owner = _owner(record)
            if owner is not None and owner not in self._wanted:
                self._made[owner] = record.id
                self._dirty[owner] = None

    async def _settle(self, owner: ResourceId) -> None:
        document = self._wanted.get(owner)
        made = self._made.get(owner)
        if document is None:
            if made is not None:
                await self._delete(owner, made)
            return
        metadata = document["metadata"]
        resource = ResourceId(document["kind"], metadata["namespace"], metadata["name"])
        self._made[owner] = resource
        current = await self._read(resource)
        if current is not None and not _owns(current, owner):
            log.warning(
                "a resource of this name is somebody else's", resource=str(resource), owner=str(owner)
            )
            return
        wanted = check(resource.kind, document).object
        verb, expect = ("create", None) if current is None else ("update", current.revision)
        await self._write(Write(verb, resource, wanted, expect), owner)

    async def _delete(self, owner: ResourceId, resource: ResourceId) -> None:
        """Only what says that an owner of this name owned it. What somebody wrote to meanwhile is still known
        as made, so that it goes when it is looked at afresh."""
        current = await self._read(resource)
        if current is not None and _owns(current, owner):
            await self._write(Write("delete", resource, expect=current.revision), owner)
        if owner not in self._dirty:
            del self._made[owner]

    async def _read(self, resource: ResourceId) -> Record | None:
        try:
            return await self._store.get(resource)
        except NotFound:
            return None

    async def _write(self, write: Write, owner: ResourceId) -> None:
        """Somebody else's write in between is looked at afresh."""
        (result,) = await self._store.write([write])
        if isinstance(result, Exception) and not isinstance(result, NotFound):
            log.info(
                "infrastructure changed meanwhile, looking again", resource=str(write.id), error=str(result)
            )
            self._dirty[owner] = None


def _owns(record: Record, owner: ResourceId) -> bool:
    """Whether the resource names this owner. One that was deleted and made again has another uid, and is it,
    too."""
    return owner.name in _owners(record, owner.kind)


def _owner(record: Record) -> ResourceId | None:
    """For whom we made a resource; None for what others made."""
    kind, label = _MADE_FOR[record.id.kind]
    if label.encode() not in record.body:  # most Services by far: not worth decoding
        return None
    namespace = "" if kind == "IngressClass" else record.id.namespace
    return next((ResourceId(kind, namespace, name) for name in _owners(record, kind)), None)


def _owners(record: Record, kind: str) -> list[str]:
    references = msgspec.json.decode(record.body)["metadata"].get("ownerReferences") or ()
    return [one["name"] for one in references if one["kind"] == kind]
