"""Who may follow which views: decided on the first request of a stream, below everything else."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sekisho.xds.limits import Budget, Limits
from sekisho.xds.observer import Observer
from sekisho.xds.requests import Requests
from sekisho.xds.rpc import Failed, Status
from sekisho.xds.session import PATIENCE, Session
from sekisho.xds.strangers import Strangers
from sekisho.xds.view import View

_IDENTITIES = 10_000
"""Whose new streams are counted."""


def not_counted() -> None:
    """For nobody who counts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The proxy may not have anything; it is told why, in words safe to show it."""

    reason: str


Authorize = Callable[[str | None, str], Sequence[View] | Refusal]
"""`authorize(peer, node_id)`: the SPIFFE ID of a verified certificate, or None on a unix socket, where file
permissions decided already; and the node id the proxy claims."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Turns the first request of a stream into a session."""

    authorize: Authorize
    observer: Observer | None
    limits: Limits
    patience: float = PATIENCE
    not_verified: Callable[[], None] = not_counted
    """Called when a handshake failed, or its certificate is not good."""
    requests: Requests = field(default_factory=Requests)
    budgets: "OrderedDict[str, Budget]" = field(default_factory=OrderedDict)
    """New streams left to each identity, those heard of last at the end."""
    open: Counter[str] = field(default_factory=Counter)
    """Streams that each identity has now."""
    strangers: Strangers = field(init=False)
    """Connections in their handshake."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "strangers", Strangers(self.limits.strangers))

    def admit(self, node: Any, peer: str | None, now: float) -> Session:
        """Raises Failed when the node says too much or too little, or may not have anything."""
        if not node.id:
            raise Failed(Status.INVALID_ARGUMENT, "the first request carries no node id")
        if node.ByteSize() > self.limits.node:
            raise Failed(Status.RESOURCE_EXHAUSTED, f"a node of more than {self.limits.node} octets")
        if peer is not None and not self._budget(peer).spend(1, now):
            raise Failed(Status.UNAVAILABLE, "too many new streams; come back later")
        if peer is not None and self.open[peer] >= self.limits.identity_streams:
            raise Failed(Status.RESOURCE_EXHAUSTED, "this identity has too many streams already")
        views = self.authorize(peer, node.id)
        if isinstance(views, Refusal):
            raise Failed(Status.PERMISSION_DENIED, views.reason)
        session = Session(node.id, views, self.observer, now=now, patience=self.patience)
        if peer is not None:
            self.open[peer] += 1
        if self.observer:
            self.observer.connected(node.id, node, session.reached)
        return session

    def left(self, peer: str | None) -> None:
        """A stream that was admitted is over."""
        if peer is not None:
            self.open[peer] -= 1
            if not self.open[peer]:
                del self.open[peer]

    def _budget(self, peer: str) -> Budget:
        """Only identities with a good certificate get here, so one is not pushed out by a crowd of others."""
        budget = self.budgets.get(peer)
        if budget is None:
            if len(self.budgets) >= _IDENTITIES:
                self.budgets.popitem(last=False)
            budget = self.budgets[str(peer)] = Budget(self.limits.stream_burst, self.limits.stream_rate)
        self.budgets.move_to_end(peer)
        return budget
