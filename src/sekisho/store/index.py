"""The current records, found by id and listed by kind and namespace without looking at others."""

from collections.abc import Sequence

from sekisho.model.names import ResourceId
from sekisho.store.protocol import Event, EventType, Record


class Index:
    """Kind → namespace → name → record. A write costs the same however many resources there are."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, dict[str, Record]]] = {}
        self._sorted: dict[tuple[str, str | None], tuple[Record, ...]] = {}
        """Listings since the last change of their kind (and namespace): lists outnumber writes when idle."""

    def get(self, id: ResourceId) -> Record | None:
        return self._kinds.get(id.kind, {}).get(id.namespace, {}).get(id.name)

    def list(self, kinds: Sequence[str], namespace: str | None) -> tuple[Record, ...]:
        """The records of these kinds, and of this namespace unless it is None, sorted by id."""
        wanted = sorted(set(kinds))
        if len(wanted) == 1:
            return self._listing(wanted[0], namespace)
        return tuple(record for kind in wanted for record in self._listing(kind, namespace))

    def apply(self, event: Event) -> None:
        """Makes the event's outcome the present."""
        kind, namespace, name = event.record.id
        if event.type is EventType.DELETED:
            self._remove(event.record.id)
        else:
            self._kinds.setdefault(kind, {}).setdefault(namespace, {})[name] = event.record
        self._sorted.pop((kind, None), None)
        self._sorted.pop((kind, namespace), None)

    def _remove(self, id: ResourceId) -> None:
        """Takes emptied namespaces and kinds along: names that come and go must not add up."""
        namespaces = self._kinds[id.kind]
        del namespaces[id.namespace][id.name]
        if not namespaces[id.namespace]:
            del namespaces[id.namespace]
        if not namespaces:
            del self._kinds[id.kind]

    def _listing(self, kind: str, namespace: str | None) -> tuple[Record, ...]:
        namespaces = self._kinds.get(kind)
        if namespaces is None or (namespace is not None and namespace not in namespaces):
            return ()  # not remembered: anybody may ask for any name
        known = self._sorted.get((kind, namespace))
        if known is None:
            chosen = namespaces.values() if namespace is None else (namespaces[namespace],)
            records = (record for names in chosen for record in names.values())
            known = tuple(sorted(records, key=lambda record: record.id))
            self._sorted[kind, namespace] = known
        return known
