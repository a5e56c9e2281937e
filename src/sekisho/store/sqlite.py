"""A store in one SQLite file: decisions on the loop, commits in one thread, many writes to a commit."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sekisho.aio.clock import Clock
from sekisho.aio.tasks import background
from sekisho.model.names import ResourceId
from sekisho.store.database import Database, open_database
from sekisho.store.ledger import Draft, Ledger, random_uid
from sekisho.store.protocol import Listing, Record, StorageFull, StoreFailed, Watch, Write
from sekisho.store.watches import HistoryLimits

Result = TypeVar("Result")
Answer = Sequence[Record | Exception]

_GROUP = 1_000
"""Steps in a transaction at most (one caller's stay together): the first of a crowd must not wait for all."""
_TURN = 50
"""Callers decided before others on the loop get a turn: about 2 ms."""


@dataclass(frozen=True, slots=True)
class _Request:
    writes: Sequence[Write]
    answer: asyncio.Future[Answer]


class SqliteStore:
    """See `protocol.Store`. Reads come from memory; the file is read once, when it is opened.

    After a failure other than a full disk nothing more is written: what the disk holds is uncertain then
    (a failed fsync may have dropped pages for good), and only opening the file again says what is true. Reads
    and watches go on with what was acknowledged.
    """

    def __init__(self, ledger: Ledger, database: Database, thread: ThreadPoolExecutor) -> None:
        self._ledger = ledger
        self._database = database
        self._thread = thread
        self._waiting: deque[_Request] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._refusal: str | None = None
        """Why no more writes are taken."""

    async def get(self, id: ResourceId) -> Record:
        return self._ledger.get(id)

    async def list(self, kinds: Sequence[str], namespace: str | None = None) -> Listing:
        return self._ledger.list(kinds, namespace)

    async def write(self, writes: Sequence[Write]) -> Sequence[Record | Exception]:
        if self._refusal is not None:
            raise StoreFailed(self._refusal)
        request = _Request(writes, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._idle.clear()
        self._wake.set()
        return await request.answer

    def watch(self, kinds: Sequence[str], namespace: str | None, since: int) -> Watch:
        return self._ledger.watch(kinds, namespace, since)

    async def revision(self) -> int:
        return self._ledger.revision

    async def close(self) -> None:
        self._refusal = self._refusal or "the store is closed"
        await self._idle.wait()
        self._ledger.close()

    async def commit_forever(self) -> None:
        """Commits what waits. Whatever arrives during one commit goes together into the next."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._commit(self._next_group())
                    await self._checkpoint()
                self._idle.set()
        finally:
            self._refuse("the store is closed")

    def _next_group(self) -> Sequence[_Request]:
        group = [self._waiting.popleft()]
        steps = len(group[0].writes)
        while self._waiting and steps + len(self._waiting[0].writes) <= _GROUP:
            group.append(self._waiting.popleft())
            steps += len(group[-1].writes)
        return group

    async def _commit(self, group: Sequence[_Request]) -> None:
        try:
            await self._attempt(group)
        except StorageFull as error:
            if len(group) == 1:
                _fail(group, error)
                return
            for request in group:  # one caller's megabytes must not stand in the way of another's delete
                await self._commit([request])
        except StoreFailed as error:
            _fail(group, error)
            self._refuse(f"the store stopped writing ({error}): restart it once the disk is sound")
        except BaseException:
            for request in group:
                request.answer.cancel()
            raise

    async def _attempt(self, group: Sequence[_Request]) -> None:
        """Decides, persists and answers. Raises StorageFull or StoreFailed, having done none of it."""
        draft = self._ledger.draft()
        answers = await self._decide(draft, group)
        if draft.events:
            obsolete, compacted = tuple(self._ledger.obsolete), self._ledger.compacted
            await self._in_thread(lambda: self._database.append(draft.events, obsolete, compacted))
            self._ledger.obsolete.clear()
            self._ledger.commit(draft)
        for request, answer in answers:
            if not request.answer.done():  # its caller may have left
                request.answer.set_result(answer)

    async def _decide(self, draft: Draft, group: Sequence[_Request]) -> Sequence[tuple[_Request, Answer]]:
        answers = []
        for number, request in enumerate(group, start=1):
            try:
                answers.append((request, draft.steps(request.writes)))
            except (TypeError, ValueError, OverflowError, RecursionError) as error:
                _fail([request], error)
            if number % _TURN == 0:
                await asyncio.sleep(0)
        return answers

    async def _checkpoint(self) -> None:
        """The commits in the log are safe already; so nobody waits for this but the next commit."""
        if self._refusal is None and self._database.wants_checkpoint:
            try:
                await self._in_thread(self._database.checkpoint)
            except StorageFull:
                pass  # the log stays as it is, and the next commit asks again
            except StoreFailed as error:
                self._refuse(f"the store stopped writing ({error}): restart it once the disk is sound")

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _refuse(self, reason: str) -> None:
        """Takes no more writes, and turns away those that wait."""
        self._refusal = self._refusal or reason
        while self._waiting:
            _fail([self._waiting.popleft()], StoreFailed(self._refusal))
        self._idle.set()


def _fail(group: Sequence[_Request], error: Exception) -> None:
    for request in group:
        if not request.answer.done():  # its caller may have left
            request.answer.set_exception(error)


@asynccontextmanager
async def open_sqlite(
    path: Path,
    key_path: Path,
    *,
    limits: HistoryLimits = HistoryLimits(),  # noqa: B008 - a frozen value
    clock: Clock | None = None,
    uid: Callable[[], str] = random_uid,
    vfs: str | None = None,
) -> AsyncIterator[SqliteStore]:
    """The store in the file `path`, made when there is none, closed at the end of the block.

    `key_path` holds the key of the secrets in it; it is made with the store; keep its back-ups apart from the
    store's. Raises StoreFailed, with what to do, when the file is damaged, of another version or in use.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store") as thread:
        loop = asyncio.get_running_loop()
        database, saved = await loop.run_in_executor(thread, lambda: open_database(path, key_path, vfs=vfs))
        try:
            ledger = Ledger(limits=limits, clock=clock, uid=uid)
            ledger.restore(saved.events, revision=saved.revision, compacted=saved.compacted)
            del saved  # or this frame would keep every body of today as long as the store is open
            store = SqliteStore(ledger, database, thread)
            async with background(store.commit_forever(), name="store commits"):
                try:
                    yield store
                finally:
                    await store.close()
        finally:
            await loop.run_in_executor(thread, database.close)
