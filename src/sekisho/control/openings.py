"""Which listeners have been taken: of what a commit opens or changes, until a proxy has answered it."""

from collections.abc import Mapping

from sekisho.control.publisher import Publisher
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Opened
from sekisho.translate.gateway.openings import Opening
from sekisho.xds.view import View

Taken = dict[Opened, tuple[Opening, ...] | None]
"""Leaves for the engine."""


class Openings:
    """What waits is what changed since the last answer, so that an answer costs nothing when nothing did."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.awaited: dict[View, dict[ResourceId, tuple[int, tuple[Opening, ...]]]] = {}
        """By Gateway or ListenerSet: the commit of the view that has its openings, and these."""
        self._views: dict[ResourceId, View] = {}
        """Where a Gateway or ListenerSet is waited for."""

    def published(
        self, changed: Mapping[ResourceId, tuple[Opening, ...] | None], reached: Mapping[View, int]
    ) -> Taken:
        """Takes note of what a commit changed, after it was published.

        `reached`: of views that have proxies, the commit up to which the furthest has answered. Returns what
        is so at once: what is closed, and what the proxies had before (it changed nothing for them).
        """
        taken: Taken = {}
        for source, wanted in changed.items():
            self._forget(source)
            if wanted is None:
                taken[Opened.of(source)] = None
                continue
            view = self._publisher.view(wanted[0].gateway)
            if 0 < view.seq <= reached.get(view, 0):
                taken[Opened.of(source)] = wanted
            else:
                self.awaited.setdefault(view, {})[source] = view.seq, wanted
                self._views[source] = view
        return taken

    def answered(self, view: View, seq: int) -> Taken:
        """A proxy has answered everything of the view up to `seq`."""
        found = {source: wanted for source, (at, wanted) in self.awaited.get(view, {}).items() if at <= seq}
        for source in found:
            self._forget(source)
        return {Opened.of(source): wanted for source, wanted in found.items()}

    def _forget(self, source: ResourceId) -> None:
        view = self._views.pop(source, None)
        if view is not None:
            waiting = self.awaited[view]
            del waiting[source]
            if not waiting:
                del self.awaited[view]
