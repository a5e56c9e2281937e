"""What the API adds or refuses beyond the rules of a document: what depends on other objects."""

from collections.abc import Mapping
from typing import Any

from sekisho.api.addresses import RangeExhausted, ServiceAddresses
from sekisho.api.authorization import overreach
from sekisho.api.call import Call
from sekisho.api.documents import Document
from sekisho.api.errors import ApiError, forbidden, not_found
from sekisho.model.kinds import Kind
from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, Store

_INITIAL_STATUS: Mapping[str, Mapping[str, Any]] = {
    "Namespace": {"phase": "Active"},
    "Service": {"loadBalancer": {}},
}
_ADDRESS_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


class Admission:
    """Looks at writes on their way to the store."""

    def __init__(self, store: Store, addresses: ServiceAddresses) -> None:
        self._store = store
        self._addresses = addresses
        self.ending: set[str] = set()
        """Namespaces being deleted: nothing new is let in."""

    async def before_create(self, call: Call, id: ResourceId) -> None:
        """Raises 404 when the namespace is not there, 403 when it is being deleted or not for this user."""
        if fault := overreach(call.user, call.kind.kind, {}, None):
            raise forbidden(fault)
        if not call.kind.namespaced:
            return
        try:
            await self._store.get(ResourceId("Namespace", "", id.namespace))
        except NotFound as error:
            raise not_found("namespaces", "", id.namespace) from error
        if id.namespace in self.ending:
            raise forbidden(
                f'unable to create new content in namespace "{id.namespace}" because it is being terminated'
            )

    async def assign(self, call: Call, object_: Document, id: ResourceId) -> None:
        """Gives a new Service its virtual address; "None" and chosen ones stay."""
        spec = object_.get("spec")
        if call.kind.kind != "Service" or not isinstance(spec, dict) or spec.get("type") == "ExternalName":
            return
        chosen = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        if chosen and chosen != "None":
            await self._addresses.claim(chosen, id)
        elif not chosen:
            try:
                chosen = await self._addresses.assign(id)
            except RangeExhausted as error:
                raise ApiError(500, "InternalError", "the range of Service addresses is used up") from error
        spec["clusterIP"] = chosen
        spec.setdefault("clusterIPs", [chosen])

    def before_update(self, call: Call, document: Document, live: Document) -> None:
        """A Service keeps the address it has when a writer does not mention it.

        Raises 403 for a change that is not this user's to make.
        """
        if fault := overreach(call.user, call.kind.kind, document, live):
            raise forbidden(fault)
        if call.kind.kind != "Service":
            return
        spec, had = document.get("spec"), live.get("spec") or {}
        if isinstance(spec, dict) and spec.get("type") != "ExternalName":
            for field in _ADDRESS_FIELDS:
                if field in had and not spec.get(field):
                    spec[field] = had[field]

    @staticmethod
    def initial_status(kind: Kind) -> Mapping[str, Any] | None:
        """The status of a fresh object of kinds that have no controller of their own."""
        return _INITIAL_STATUS.get(kind.kind)
