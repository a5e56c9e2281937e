"""A store that forgets: for tests, for dry runs, and as the measure of the others."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from sekisho.aio.clock import Clock
from sekisho.model.names import ResourceId
from sekisho.store.ledger import Ledger, random_uid
from sekisho.store.protocol import Listing, Record, StoreFailed, Watch, Write
from sekisho.store.watches import HistoryLimits


class MemoryStore:
    """See `protocol.Store`; only durability is missing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._closed = False

    async def get(self, id: ResourceId) -> Record:
        return self._ledger.get(id)

    async def list(self, kinds: Sequence[str], namespace: str | None = None) -> Listing:
        return self._ledger.list(kinds, namespace)

    async def write(self, writes: Sequence[Write]) -> Sequence[Record | Exception]:
        if self._closed:
            raise StoreFailed("the store is closed")
        draft = self._ledger.draft()
        results = draft.steps(writes)
        self._ledger.commit(draft)
        self._ledger.obsolete.clear()
        return results

    def watch(self, kinds: Sequence[str], namespace: str | None, since: int) -> Watch:
        return self._ledger.watch(kinds, namespace, since)

    async def revision(self) -> int:
        return self._ledger.revision

    async def close(self) -> None:
        self._closed = True
        self._ledger.close()


@asynccontextmanager
async def open_memory(
    *,
    limits: HistoryLimits = HistoryLimits(),  # noqa: B008 - a frozen value
    clock: Clock | None = None,
    uid: Callable[[], str] = random_uid,
) -> AsyncIterator[MemoryStore]:
    """An empty store, closed at the end of the block."""
    store = MemoryStore(Ledger(limits=limits, clock=clock, uid=uid))
    try:
        yield store
    finally:
        await store.close()
