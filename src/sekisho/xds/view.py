"""A named set of resources with a change log: everything that proxies who see the same world share."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from sekisho.xds.log import Log
from sekisho.xds.resource import Resource, Shelf
from sekisho.xds.types import TYPES, Blob, Name

_TOMBSTONES_KEPT = 1_024
"""Removed names remembered per type before members are asked how far they are."""


class Member(Protocol):
    """A stream that follows a view."""

    wake: Callable[[], None]
    """There may be something to send."""

    def floor(self, log: Log) -> int | None:
        """The commit up to which this stream was told what `log` says; None when it does not depend on it."""
        ...


class View:
    """Resources and who follows them.

    A proxy that follows several views sees their union. A name may be in one of them only, but for a view by
    name and one that is not: they show the same of it, and lose it together.
    """

    def __init__(
        self,
        name: str,
        shelf: Shelf | None = None,
        types: Collection[str] = TYPES,
        *,
        by_name: bool = False,
    ) -> None:
        """`shelf` is shared by views that show the same resources; by default the view has its own.

        `by_name`: nothing in it belongs to "everything"; a proxy gets of it what it asks for by name.
        """
        self.name = name
        self.by_name = by_name
        self.seq = 0
        """The number of the newest commit; 0 before the first."""
        self.members: dict[Member, None] = {}
        self.wakers: dict[Callable[[View], None], None] = {}
        """Called after each commit that changed something; they wake the members in their own time."""
        self._shelf = shelf or Shelf()
        self._types = types
        self._logs: dict[str, Log] = {}

    def log(self, type_url: str) -> Log | None:
        """The log of a type; None when this view has none such. Made when first asked for."""
        log = self._logs.get(type_url)
        if log is None and type_url in self._types:
            log = self._logs[type_url] = Log(type_url, self._shelf, by_name=self.by_name)
        return log

    def _known(self, type_url: str) -> Log:
        log = self.log(type_url)
        if log is None:
            raise KeyError(type_url)
        return log

    def commit(self, changes: Mapping[Name, Blob | None]) -> int:
        """Adds, replaces, or removes (None) resources at once. Returns the number of the newest commit.

        What equals the present is skipped; when nothing is left, there is no new commit.
        Raises KeyError for a type this view was not made for.
        """
        by_type: dict[str, dict[str, Blob | None]] = {}
        for (type_url, name), blob in changes.items():
            by_type.setdefault(type_url, {})[name] = blob
        seq = self.seq + 1
        logs = [(self._known(type_url), part) for type_url, part in by_type.items()]
        changed = [log for log, part in logs if log.apply(seq, part)]
        if changed:
            self.seq = seq
            for log in changed:
                self._forget(log)
            self._wake()
        return self.seq

    def get(self, name: Name) -> Resource | None:
        """The current version of a resource, None when there is none."""
        log = self._logs.get(name.type_url)
        return log.current.get(name.name) if log is not None else None

    def accept(self, log: Log, resource: Resource) -> None:
        """A proxy took `resource`; proxies that were spared it get it after all."""
        if log.accept(resource):
            self.seq += 1
            log.touch(self.seq, resource.name)
            self._wake()

    def forget_built(self) -> None:
        """Drops responses that were made; they are made again when somebody needs them."""
        for log in self._logs.values():
            log.forget_built()

    def _wake(self) -> None:
        for waker in list(self.wakers):
            waker(self)

    def _forget(self, log: Log) -> None:
        if log.tombstones > _TOMBSTONES_KEPT or not self.members:
            floors = [floor for member in self.members if (floor := member.floor(log)) is not None]
            log.forget(min(floors, default=self.seq))

    def __repr__(self) -> str:
        return f"View({self.name}@{self.seq}, {len(self.members)} members)"
