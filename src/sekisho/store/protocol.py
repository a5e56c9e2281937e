"""What every store promises. One contract suite, `tests/contracts/test_store.py`, runs on all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sekisho.model.names import ResourceId


@dataclass(frozen=True, slots=True)
class Record:
    """One resource as stored."""

    id: ResourceId
    revision: int
    """The store-wide, strictly increasing number of the write that made it; its metadata.resourceVersion."""
    body: bytes
    """The complete JSON object, metadata (with resourceVersion, generation, uid) and status included."""


class EventType(StrEnum):
    """As in the Kubernetes watch protocol."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Event:
    """One change, in order of revision. For DELETED it is the last state, at the deletion's revision."""

    type: EventType
    record: Record
    old: Record | None = None
    """The state before, when the store still has it (always for live events); for selector transitions."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A consistent picture: all records at one revision, sorted by id."""

    records: tuple[Record, ...]
    revision: int


class NotFound(Exception):
    """There is no such resource."""


class AlreadyExists(Exception):
    """A create found a resource of that id."""


class Conflict(Exception):
    """Someone else wrote first; the caller reads again and retries."""


class Expired(Exception):
    """The revision is compacted away, or this store never reached it; list again. (HTTP 410 Gone.)"""


class StorageFull(Exception):
    """The disk took no more. Nothing was written; reads go on; later writes may succeed. (HTTP 507.)"""


class StoreFailed(Exception):
    """The storage answered with an error (I/O); the write was not acknowledged. (HTTP 500/503.)"""


@dataclass(frozen=True, slots=True)
class Write:
    """One step of `Store.write`. `object` is a JSON-able mapping with no duty to carry metadata of ours."""

    verb: str
    """"create", "update" (spec and metadata; keeps the stored status), "status" (status only), "delete"."""
    id: ResourceId
    object: Mapping[str, Any] | None = None
    expect: int | None = None
    """Compare-and-swap: the revision the writer has seen; None to overwrite whatever is there."""


class Watch(Protocol):
    """A running watch: an async iterator of batches, none of them empty.

    A wait that is cancelled loses nothing: ask again, for instance every time an `asyncio.timeout` was over.
    """

    @property
    def revision(self) -> int:
        """Everything of interest up to here was handed over: where to resume, and what a bookmark says.

        It moves on with writes that are of no interest to this watch.
        """
        ...

    def __aiter__(self) -> "Watch": ...

    async def __anext__(self) -> Sequence[Event]:
        """Waits for the next events. Raises Expired when this watcher fell too far behind."""
        ...

    async def aclose(self) -> None:
        """Ends the watch. One that is merely forgotten costs memory until it is too far behind."""
        ...


class Store(Protocol):
    """Resources with revisions, watched from any recent revision.

    Metadata belongs to the store: on create it sets `uid`, `creationTimestamp` (1 s grain, UTC),
    `generation: 1`; on update it keeps those and adds one to `generation` only when something outside
    `metadata` and `status` changed; always sets `resourceVersion`. An update that changes nothing at all is
    silent: no new revision, no event. `create` drops a status, `update` keeps the stored one, `status` keeps
    everything else (it may change nothing in metadata). A `delete` of a resource that has finalizers sets
    `deletionTimestamp`; it goes when an update removes the last one. Name and namespace in metadata are those
    of the id. Bodies are JSON with sorted keys: equal objects have equal bytes.
    A write that returned is durable: it survives kill -9 and loss of power.
    """

    async def get(self, id: ResourceId) -> Record:
        """Raises NotFound."""
        ...

    async def list(self, kinds: Sequence[str], namespace: str | None = None) -> Listing:
        """All resources of these kinds (and namespace)."""
        ...

    async def write(self, writes: Sequence[Write]) -> Sequence[Record | Exception]:
        """Each step stands alone (one's Conflict does not undo another); together they cost one commit.

        Returns per step the new record (for delete, the last state) or the exception it met: NotFound,
        AlreadyExists, Conflict. Raises StorageFull or StoreFailed when the commit itself failed: then
        nothing was written. Raises TypeError or ValueError when an object is no JSON object: then, too,
        none of these steps was done. Steps see the steps before them. A caller that is cancelled does not
        know whether its writes were made.
        """
        ...

    def watch(self, kinds: Sequence[str], namespace: str | None, since: int) -> Watch:
        """Events after revision `since`, in batches as they come, in order, none missing, none twice.

        The events of one commit come in one batch. Raises Expired at once when `since` is compacted away, or
        later when this watcher fell too far behind.
        """
        ...

    async def revision(self) -> int:
        """The revision of the newest write."""
        ...

    async def close(self) -> None:
        """Ends every watch after its last events; waits for writes in flight; refuses later ones."""
        ...
