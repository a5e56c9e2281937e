"""One proxy's delta ADS stream without I/O: say what happened, send what it returns."""

from collections.abc import Callable, Sequence
from sys import intern
from typing import Any

from sekisho.xds.awaited import AwaitedEndpoints
from sekisho.xds.delta import Chunk
from sekisho.xds.express import Signature, Stop
from sekisho.xds.log import Log
from sekisho.xds.names import TooMuch
from sekisho.xds.observer import Observer
from sekisho.xds.order import BREAK_STAGE, MAKE_STAGE, SWITCH_STAGE, Part, Step, in_order
from sekisho.xds.resource import Shelf
from sekisho.xds.subscription import Flight, Subscription
from sekisho.xds.traveller import Traveller, accepts, prove
from sekisho.xds.types import CLUSTER, ENDPOINTS, SECRET, Name
from sekisho.xds.view import View

PATIENCE = 2.0
"""Seconds a stream waits for what usually follows at once: the endpoints of a new cluster to be asked for,
and after a reconnect the other types, before anything is taken away."""
MOST_TYPES = 16

_BLOCKED = -1
_FEW = 2
"""A sidecar, and the agent beside it."""


class Session(Traveller):
    """A stream's state over all its types.

    Every method that may have something to send returns it, in sending order. `now` is seconds of any steady
    clock.
    """

    __slots__ = (
        "_awaited", "_clusters_sent", "_settled_at", "_signature", "_steps", "_subscriptions", "_synced",
        "due", "wake",
    )  # fmt: skip

    def __init__(
        self,
        proxy: str,
        views: Sequence[View],
        observer: Observer | None = None,
        *,
        now: float = 0.0,
        patience: float = PATIENCE,
    ) -> None:
        """Joins the views; `close` leaves them."""
        super().__init__(proxy, views, observer)
        self.wake: Callable[[], None] = _nobody
        """Set by the transport: called after a commit, to make it call `advance`."""
        self.due: float | None = None
        """When `advance` has something to do even if nothing else happens."""
        self._settled_at = now + patience
        self._subscriptions: dict[str, Subscription] = {}
        """Empty at stops, whose signature says what they are."""
        self._steps: tuple[Step, ...] = ()
        """Of all of them, in sending order; at stops as well."""
        self._awaited = AwaitedEndpoints(self.views, self._subscriptions, patience)
        self._clusters_sent: list[Chunk] = []
        """Responses with clusters that went out before the proxy asked for endpoints."""
        self._synced = False
        """Whether that was ever said."""
        self._signature: Signature | None = None
        """What the subscriptions are; None when that is to be looked up."""
        for view in self.views:
            view.members[self] = None

    def close(self, reason: str) -> None:
        """The stream ended."""
        for view in self.views:
            view.members.pop(self, None)
        if self._observer:
            self._observer.disconnected(self.proxy, reason)

    def floor(self, log: Log) -> int | None:
        """See view.Member."""
        if self._stops is not None:
            parts = self._stops[0].signature.parts
            if all(type_url != log.type_url for type_url, _, _ in parts):
                return None
            return next((stop.at for stop in self._stops if stop.view.log(log.type_url) is log), None)
        subscription = self._subscriptions.get(log.type_url)
        if subscription is None or log not in subscription.logs:
            return None
        view = subscription.logs.index(log)
        known = [positions[view] for positions in subscription.positions.values() if positions[view] >= 0]
        return min(known, default=None)

    @property
    def waiting_since(self) -> float | None:
        """When the oldest unanswered response was sent; None when all were answered."""
        if self._leg is not None:
            return self._leg.began
        times = [each.sent_at for each in self._subscriptions.values() if each.waiting is not None]
        return min(times, default=None)

    def received(self, request: Any, now: float) -> list[Chunk]:
        """The proxy sent a DeltaDiscoveryRequest. Raises TooMuch."""
        return self.advance(now, self.hear(request, now))

    def hear(self, request: Any, now: float) -> list[Chunk]:
        """The same of one of several that came together; `advance` is to be called after the last."""
        if self._leg is not None and accepts(request, self._leg):
            self.arrive()
            return []
        self._alight()
        subscription = self._subscriptions.get(request.type_url)
        out: list[Chunk] = []
        if subscription is None:
            self._subscribe(request)
        else:
            if request.response_nonce:
                self._answered(subscription, request, now, out)
            if request.resource_names_subscribe or request.resource_names_unsubscribe:
                self._change(subscription, request)
            if not out:
                self._catch_up(now)
        return out

    def _subscribe(self, request: Any) -> None:
        type_url = intern(request.type_url)  # each request has its own
        if len(self._subscriptions) >= MOST_TYPES:
            raise TooMuch(f"asked for more than {MOST_TYPES} types")
        subscription = Subscription(type_url, self._logs(type_url))
        subscription.begin(request, self.views[0].seq)
        self._subscriptions[type_url] = subscription
        if type_url == ENDPOINTS:
            for chunk in self._clusters_sent:
                subscription.repeat(chunk)
            self._clusters_sent.clear()
        self._steps = in_order(tuple(self._subscriptions))
        self._signature = None

    def _logs(self, type_url: str) -> list[Log]:
        return [view.log(type_url) or Log(type_url, Shelf()) for view in self.views]

    def _change(self, subscription: Subscription, request: Any) -> None:
        subscription.change(request.resource_names_subscribe, request.resource_names_unsubscribe)
        if subscription.type_url == ENDPOINTS:
            self._awaited.expect_again(request.resource_names_unsubscribe)
        self._signature = None

    def _answered(self, subscription: Subscription, request: Any, now: float, out: list[Chunk]) -> None:
        chunk = subscription.waiting
        if chunk is None or chunk.nonce != request.response_nonce:
            return  # speaks of a response already answered
        subscription.waiting = None
        if request.HasField("error_detail"):
            self._refused(subscription, chunk, request.error_detail.message, now)
        else:
            self._accepted(subscription, chunk)
        following = subscription.proceed(now)
        if following is not None:
            self._hand_out(following, out)

    def _accepted(self, subscription: Subscription, chunk: Chunk) -> None:
        if not chunk.accepted:
            view = subscription.view
            prove(self.views[view], subscription.logs[view], chunk)
        cleared = subscription.cleared(chunk)
        if cleared and self._observer:
            self._observer.accepted(self.proxy, *(Name(chunk.type_url, name) for name in cleared))

    def _refused(self, subscription: Subscription, chunk: Chunk, message: str, now: float) -> None:
        proven = subscription.refused(chunk, message, self.proxy, now)
        if self._observer:
            for resource in proven:
                name = Name(chunk.type_url, resource.name)
                self._observer.rejected(self.proxy, name, resource.version, resource.message)

    def advance(self, now: float, out: list[Chunk] | None = None) -> list[Chunk]:
        """Everything that may go out now: after a commit, after an answer, and when `due` has come."""
        out = [] if out is None else out
        leg = self.depart(now)
        if leg is not None:
            if leg.chunk is not None:
                out.append(leg.chunk)
            return out
        self._alight()
        self.due = None
        limits = [view.seq for view in self.views]
        answered = limits.copy()
        stage, questions, busy = MAKE_STAGE, False, False
        for step in self._steps:
            subscription = self._subscriptions[step.type_url]
            if step.stage != stage:
                limits = self._limits(stage, step.stage, answered, questions=questions, now=now)
                stage = step.stage
            if subscription.rejected:
                self._note_due(subscription.retry_due(now))
            if subscription.waiting is None:
                self._send(step.part, subscription, limits, now, out)
            busy |= _lower(answered, step.part, subscription)
            if subscription.type_url != SECRET and subscription.questions:
                questions = True
        if not busy:
            self._rest(now)
        return out

    def _rest(self, now: float) -> None:
        """Everything is answered: says so, and remembers it if nothing is to happen by itself."""
        self._report_synced([view.seq for view in self.views])
        for subscription in self._subscriptions.values():
            if subscription.rejected:  # it may have been asked for again just now
                self._note_due(subscription.retry_due(now))
        if self.due is None:
            self._board(self.reached)
            self._settle_down()
        for view in self.views:
            if len(view.members) <= _FEW:
                view.forget_built()  # nobody else comes along to be sent it

    # --- the express way

    def _board(self, at: Sequence[int]) -> None:
        """From now on this proxy is like all others that follow the same and have answered as much."""
        subscriptions = self._subscriptions.values()
        if not self._steps or any(each.rejected for each in subscriptions):
            return
        if self._signature is None:
            self._signature = Signature.of(
                *((each.type_url, each.wildcard, each.names) for each in subscriptions)
            )
        signature = self._signature
        self._stops = tuple(
            Stop.of(view, at[index], signature, index) for index, view in enumerate(self.views)
        )

    def _catch_up(self, now: float) -> None:
        """Under steady change there is always more to come: who has answered all up to some commit boards
        there, if the rest of the way is on the express.
        """
        if now < self._settled_at or self._awaited.any():
            return
        if any(each.open or each.rejected for each in self._subscriptions.values()):
            return
        answered = [view.seq for view in self.views]
        for step in self._steps:
            _lower(answered, step.part, self._subscriptions[step.type_url])
        if min(answered) < 0:
            return
        self._report_synced(answered)
        self._board(answered)
        if self._stops is not None and self._next(self._stops, now) is None:
            self._stops = None  # subscriptions know more
        if self._stops is not None:
            self.due = None
            self._awaited.forget()
            self._settle_down()

    def _settle_down(self) -> None:
        """Stops know what this proxy follows and how far it is: 3 KB less of each of thousands."""
        if self._stops is not None:
            self._subscriptions.clear()

    def _alight(self) -> None:
        """Goes on in the general way, with subscriptions that know how far the proxy is."""
        if self._stops is None:
            return
        at = [stop.at for stop in self._stops]
        for type_url, wildcard, names in self._stops[0].signature.parts:
            self._subscriptions[type_url] = Subscription(
                type_url, self._logs(type_url), at, wildcard=wildcard, names=names
            )
        leg = self._leg
        if leg is not None and leg.flight is not None:
            self._subscriptions[leg.type_url].ride(leg.flight, leg.began)
        self._stops = self._leg = None
        self._missed = False

    # --- what may go when

    def _limits(
        self, stage: int, following: int, answered: list[int], *, questions: bool, now: float
    ) -> list[int]:
        """Up to which commit per view the following stage may go."""
        blocked = [_BLOCKED] * len(answered)
        if stage < SWITCH_STAGE <= following and self._held_up(questions=questions, now=now):
            return blocked
        if stage < BREAK_STAGE <= following and (questions or now < self._settled_at):
            if now < self._settled_at:
                self._note_due(self._settled_at)
            return blocked
        return answered.copy()

    def _held_up(self, *, questions: bool, now: float) -> bool:
        """Whether to wait for endpoints: those being sent, or those a proxy is about to ask for."""
        if questions:
            return True  # it ends: every response is answered, or the stream is cut
        until = self._awaited.held_until(now)
        self._note_due(until)
        return until is not None

    def _send(
        self, part: Part, subscription: Subscription, limits: list[int], now: float, out: list[Chunk]
    ) -> None:
        """Begins at most one step of a subscription that waits for nothing."""
        chunk = subscription.proceed(now) or self._answer(part, subscription, limits, now)
        positions = subscription.positions[part]
        for view, log in enumerate(subscription.logs):
            if chunk is not None:
                break
            position, target = positions[view], log.seqs[part]
            upto = min(target, limits[view])
            if position < upto:
                delta = log.delta(position, upto, part, subscription.filter(log))
                whole = upto == target
                if delta.chunks:
                    chunk = subscription.start(Flight(delta.chunks, view, part, upto, whole=whole), now)
                else:
                    subscription.moved(part, view, upto, whole=whole)
        if chunk is not None:
            self._hand_out(chunk, out)

    def _hand_out(self, chunk: Chunk, out: list[Chunk]) -> None:
        out.append(chunk)
        if chunk.type_url == CLUSTER:
            self._repeat_endpoints(chunk)
        if self._observer:
            self._observer.sent(self.proxy, chunk.type_url, len(chunk.resources), len(chunk.message))

    def _repeat_endpoints(self, clusters: Chunk) -> None:
        """A changed cluster starts without endpoints and does not ask: Envoy's subscription by name goes on.

        It would wait for them until its `initial_fetch_timeout`, and with it the answer to the clusters.
        """
        endpoints = self._subscriptions.get(ENDPOINTS)
        if endpoints is None:
            self._clusters_sent.append(clusters)
        else:
            endpoints.repeat(clusters)

    def _answer(self, part: Part, subscription: Subscription, limits: list[int], now: float) -> Chunk | None:
        if subscription.owed and part != Part.BREAK:
            view, names = subscription.owed_now(limits, now)
        elif subscription.gone and part != Part.MAKE and limits[0] >= subscription.gone_at:
            view, names = 0, tuple(name for name in subscription.gone if not _exists(subscription, name))
            subscription.gone.clear()
        else:
            return None
        if not names:
            return None
        chunks = subscription.logs[view].answer(names)
        return subscription.start(Flight(chunks, view), now)

    def _note_due(self, time: float | None) -> None:
        if time is not None and (self.due is None or time < self.due):
            self.due = time

    def _report_synced(self, at: Sequence[int]) -> None:
        """Everything up to these commits of the views was answered."""
        if not self._steps:
            return
        for index, view in enumerate(self.views):
            if self.reached[index] < at[index] or not self._synced:
                if self._observer:
                    self._observer.synced(self.proxy, view, at[index])
                self.reached[index] = at[index]
        self._synced = True


def _lower(answered: list[int], part: Part, subscription: Subscription) -> bool:
    """Lowers `answered` to the last commit this part was told whole. Returns whether it is behind or busy."""
    # What is gone is told in a later step of the same type, or turns out there to have come back.
    gone = bool(subscription.gone) and part != Part.MAKE
    busy = subscription.waiting is not None or bool(subscription.owed) or gone
    positions = subscription.positions[part]
    for view, log in enumerate(subscription.logs):
        if positions[view] < log.seqs[part]:
            busy = True
            told = positions[view] if part == Part.BREAK else subscription.complete[view]
            answered[view] = min(answered[view], told)
    return busy


def _exists(subscription: Subscription, name: str) -> bool:
    return any(name in log.current for log in subscription.logs)


def _nobody() -> None:
    """Woken without a transport: the owner calls `advance` itself."""
