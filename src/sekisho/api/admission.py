"""What the API adds or refuses beyond the rules of a document: what depends on other objects."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog

from sekisho.api.addresses import AddressTaken, OutOfRange, RangeExhausted, ServiceAddresses, fields
from sekisho.api.authorization import overreach, status_overreach
from sekisho.api.call import Call
from sekisho.api.documents import Document
from sekisho.api.errors import ApiError, forbidden, invalid, not_found
from sekisho.api.ingress_classes import choose_class
from sekisho.api.origins import foreign, forged
from sekisho.api.representation import decode
from sekisho.model.core import HEADLESS
from sekisho.model.kinds import Kind
from sekisho.model.names import ResourceId
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.store.protocol import NotFound, Record, Store

log = structlog.get_logger()

_INITIAL_STATUS: Mapping[str, Mapping[str, Any]] = {
    "Namespace": {"phase": "Active"},
    "Service": {"loadBalancer": {}},
    "Ingress": {"loadBalancer": {}},
}
_ADDRESS_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


class Admission:
    """Looks at writes on their way to the store."""

    def __init__(self, store: Store, addresses: ServiceAddresses) -> None:
        self._store = store
        self._addresses = addresses
        self.ending: set[str] = set()
        """Namespaces being deleted: nothing new is let in."""

    async def before_create(self, call: Call, id: ResourceId, document: Document) -> None:
        """Gives an Ingress its class.

        Raises 404 when the namespace is not there, 403 when it is being deleted or not for this user, or
        where the class of an Ingress is not clear.
        """
        if fault := overreach(call.user, call.kind.kind, {}, None) or forged(document):
            raise forbidden(fault)
        if not call.kind.namespaced:
            return
        try:
            await self._store.get(ResourceId("Namespace", "", id.namespace))
        except NotFound as error:
            raise not_found("namespaces", "", id.namespace) from error
        if call.kind.kind == "Ingress":
            await choose_class(self._store, document)
        if id.namespace in self.ending:
            raise forbidden(
                f'unable to create new content in namespace "{id.namespace}" because it is being terminated'
            )

    @asynccontextmanager
    async def addressed(
        self, call: Call, object_: Document, id: ResourceId, live: Document | None = None, *, dry_run: bool
    ) -> AsyncIterator[None]:
        """Gives a Service that is written within the block its virtual address, unless it has one already.

        Raises 422 when it asks for one that another Service has, or that is not of the range.
        """
        spec = object_.get("spec", {})
        if dry_run or call.kind.kind != "Service" or spec.get("type") == "ExternalName":
            yield
            return
        chosen = _chosen(spec)
        if HEADLESS in chosen or (chosen and live is not None and chosen == _chosen(live["spec"])):
            spec |= fields(chosen)
            yield
            return
        try:
            async with self._addresses.reserved(id, chosen) as addresses:
                spec |= fields(addresses)
                yield
        except AddressTaken as error:
            message = f"{error.args[0]} is the address of another Service"
            problem = Problem("spec.clusterIP", message, "leave it out to get a free one", Reason.DUPLICATE)
            raise invalid(call.kind.kind, call.kind.group, id.name, [problem]) from error
        except OutOfRange as error:
            message = f"{error.args[0]} is not in the range of virtual addresses, {error.args[1]}"
            problem = Problem("spec.clusterIP", message, "leave it out to get a free one", Reason.FORBIDDEN)
            raise invalid(call.kind.kind, call.kind.group, id.name, [problem]) from error
        except RangeExhausted as error:
            raise ApiError(500, "InternalError", "the range of Service addresses is used up") from error

    def before_update(self, call: Call, document: Document, live: Document) -> None:
        """A Service keeps the address it has when a writer does not mention it; ExternalName has none.

        Raises 403 for a change that is not this user's to make.
        """
        if fault := overreach(call.user, call.kind.kind, document, live) or forged(document, live):
            raise forbidden(fault)
        if call.kind.kind == "Service" and isinstance(spec := document.get("spec"), dict):
            _keep_addresses(spec, live.get("spec") or {})

    @staticmethod
    def before_status(call: Call, document: Document, live: Document) -> None:
        """Raises 403 for a change of the status that is not this user's to make."""
        if fault := status_overreach(call.user, call.kind.kind, document.get("status"), live.get("status")):
            raise forbidden(fault)

    @staticmethod
    def before_delete(record: Record) -> None:
        """Raises 403 for what is not this control plane's own."""
        if fault := foreign(decode(record.body)):
            raise forbidden(f"{record.id}: {fault}")

    def after_delete(self, record: Record) -> None:
        """What was deleted needs no address any more."""
        self._addresses.forget(record)

    async def start(self) -> None:
        """Gives addresses to the Services that were stored when there were none to have."""
        try:
            count = await self._addresses.complete()
        except RangeExhausted:
            log.error("Services are left without address: the range is used up")
        else:
            if count:
                log.info("Services got their addresses", count=count)

    @staticmethod
    def initial_status(kind: Kind) -> Mapping[str, Any] | None:
        """The status of a fresh object of kinds that have no controller of their own."""
        return _INITIAL_STATUS.get(kind.kind)


def _keep_addresses(spec: Document, had: Document) -> None:
    for field in _ADDRESS_FIELDS:
        if spec.get("type") == "ExternalName":
            if spec.get(field) == had.get(field):
                spec.pop(field, None)
        elif field in had and not spec.get(field):
            spec[field] = had[field]
    if spec.get("clusterIP") != had.get("clusterIP") and spec.get("clusterIPs") == had.get("clusterIPs"):
        spec.pop("clusterIPs", None)  # they follow


def _chosen(spec: Document) -> tuple[str, ...]:
    """The addresses a spec names; clusterIPs begins with clusterIP."""
    named = (spec.get("clusterIP"), *(spec.get("clusterIPs") or ()))
    return tuple(dict.fromkeys(address for address in named if address))
