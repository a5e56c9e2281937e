"""Endpoint sets that a proxy is about to ask for, and how long what needs them is held back."""

from collections.abc import Iterable, Mapping, Sequence

from sekisho.xds.log import Log
from sekisho.xds.order import Part
from sekisho.xds.subscription import Subscription
from sekisho.xds.types import CLUSTER, ENDPOINTS
from sekisho.xds.view import View

_UNTIL_ANSWERED = float("inf")
"""Nothing is due by itself: an answer is on its way."""


class AwaitedEndpoints:
    """Of one stream. A proxy asks for the endpoints of a new cluster once it has the cluster, by name."""

    __slots__ = ("_patience", "_seen", "_since", "_subscriptions", "_views")

    def __init__(
        self, views: Sequence[View], subscriptions: Mapping[str, Subscription], patience: float
    ) -> None:
        """`subscriptions`: the stream's own, by type. `patience`: seconds that a proxy has to ask."""
        self._views = views
        self._subscriptions = subscriptions
        self._patience = patience
        self._seen = [0] * len(views)
        """Of each view, up to which commit it is known that no new one is to be asked for."""
        self._since: float | None = None

    def any(self) -> bool:
        """Whether there are new ones that this proxy has not asked for, although it follows clusters."""
        clusters = self._subscriptions.get(CLUSTER)
        if clusters is None or max(clusters.positions[Part.MAKE]) < 0:
            return False
        endpoints = self._subscriptions.get(ENDPOINTS)
        if endpoints is not None and endpoints.wildcard:
            return False
        for view, log in enumerate(self._logs()):
            if log is None or log.newest_addition <= self._seen[view]:
                continue
            if endpoints is not None and log.covered(endpoints.names):
                self._seen[view] = log.newest_addition  # all are asked for: no need to look at each
                continue
            for name in log.added_since(self._seen[view]):
                asked = endpoints is not None and name in endpoints.names
                if not asked and name not in clusters.rejected and clusters.follows(name):
                    return True
            self._seen[view] = log.newest_addition
        return False

    def held_until(self, now: float) -> float | None:
        """When to go on without them; None when nothing holds what needs them back."""
        if not self.any():
            self._since = None
            return None
        if self._subscriptions[CLUSTER].behind(Part.MAKE):
            self._since = None  # it can ask for endpoints when it has the clusters, not earlier
            return _UNTIL_ANSWERED
        if self._since is None:
            self._since = now
        until = self._since + self._patience
        if now >= until:  # it does not want them, then
            self._seen = [log.newest_addition if log else 0 for log in self._logs()]
            return None
        return until

    def forget(self) -> None:
        """Nothing is held back any more."""
        self._since = None

    def expect_again(self, dropped: Iterable[str]) -> None:
        """Sets dropped with their cluster will be asked for with its successor."""
        for view, log in enumerate(self._logs()):
            for name in dropped:
                if log is not None and name in log.current:
                    self._seen[view] = min(self._seen[view], log.added_at(name) - 1)

    def _logs(self) -> list[Log | None]:
        return [view.log(ENDPOINTS) for view in self._views]
