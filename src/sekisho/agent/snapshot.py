"""The last configuration a proxy took, in memory and in a private file, to serve it while nobody else can."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sekisho.agent.journal import Journal
from sekisho.aio.clock import Clock
from sekisho.xds.types import Blob, Name

GATHERING = 0.5
"""Seconds from a change to its write: others join it, and what goes to all proxies of a host is with them
before the first write. So far the file may be behind what the proxy has, which only matters when the proxy
dies too while the control plane is away: then it serves this."""


class Snapshot:
    """What one proxy has acknowledged, by name. Belongs to the event loop."""

    def __init__(self, resources: Mapping[Name, Blob]) -> None:
        self._resources = dict(resources)
        self._offered: dict[Name, Blob] = {}
        self._unwritten: dict[Name, Blob | None] = {}
        self._changed = asyncio.Event()

    @property
    def resources(self) -> Mapping[Name, Blob]:
        """Everything held now; do not keep it across an await."""
        return self._resources

    def offer(self, resources: Mapping[Name, Blob]) -> None:
        """These were sent to the proxy, which has not answered yet."""
        self._offered |= resources

    def withdraw(self, resources: Mapping[Name, Blob]) -> None:
        """The proxy answered about these."""
        for name in resources:
            self._offered.pop(name, None)

    def claimed(self, type_url: str, versions: Mapping[str, str]) -> None:
        """The proxy says on a new stream that it has these versions.

        What was sent on the stream before and is among them was taken, though that stream broke before the
        proxy could say so.
        """
        names = {Name(type_url, name): version for name, version in versions.items()}
        taken = {
            name: blob for name in names if (blob := self._offered.get(name)) and blob.version == names[name]
        }
        self.put(taken)
        self.withdraw(taken)

    def put(self, resources: Mapping[Name, Blob]) -> None:
        """These were taken."""
        for name, blob in resources.items():
            if self._resources.get(name) != blob:
                self._resources[name] = blob
                self._note(name, blob)

    def drop(self, names: Iterable[Name]) -> None:
        """These are gone."""
        for name in names:
            if self._resources.pop(name, None) is not None:
                self._note(name, None)

    def _note(self, name: Name, blob: Blob | None) -> None:
        self._unwritten[name] = blob
        self._changed.set()

    async def keep_saved(self, journal: Journal, *, clock: Clock) -> None:
        """Writes changes off the event loop, until cancelled; its end writes what is not written yet."""
        writing: asyncio.Future[bool] | None = None
        try:
            while True:
                await self._changed.wait()
                await clock.sleep(GATHERING)
                writing = asyncio.ensure_future(asyncio.to_thread(self._next_write(journal)))
                if not await asyncio.shield(writing):
                    self._changed.set()
        finally:
            if writing:  # two writers would overtake each other
                await asyncio.wait({writing})
            if self._changed.is_set() or (writing and not writing.result()):
                self._next_write(journal)()

    def _next_write(self, journal: Journal) -> Callable[[], bool]:
        """What is to be done for the file to be as things are now."""
        self._changed.clear()
        changes, self._unwritten = self._unwritten, {}
        if journal.is_full:
            return partial(journal.replace, dict(self._resources))
        return partial(journal.append, changes)
