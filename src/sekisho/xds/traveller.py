"""A proxy on the express way: which stop it is at, which leg it is on. What a push to thousands touches."""

from collections.abc import Sequence
from typing import Any

from sekisho.xds.delta import Chunk
from sekisho.xds.express import Leg, Signature, Stop
from sekisho.xds.log import Log
from sekisho.xds.observer import Observer
from sekisho.xds.view import View

_STAY = Leg(Stop(View(""), 0, Signature(()), 0), 0.0)
"""There is nothing to do."""


class Traveller:
    """The part of a session that knows nothing of types and names. On the general way it is at no stop."""

    __slots__ = ("_leg", "_missed", "_observer", "_stops", "proxy", "reached", "views")

    def __init__(self, proxy: str, views: Sequence[View], observer: Observer | None) -> None:
        self.proxy = proxy
        self.views = tuple(views)
        self.reached = [0] * len(self.views)
        """Of each view, the commit up to which everything was answered. Always the same list."""
        self._observer = observer
        self._stops: tuple[Stop, ...] | None = None
        """One per view; None on the general way, where subscriptions know more."""
        self._leg: Leg | None = None
        """What the response that is unanswered leads to."""
        self._missed = False
        """Whether there were commits since then that this proxy was to be told of."""

    @property
    def settled(self) -> bool:
        """Whether everything was answered, and nothing will happen by itself."""
        return self._stops is not None and self._leg is None

    def depart(self, now: float) -> Leg | None:
        """What is next on the express way: for now nothing, where there is no response in it. None where
        `advance` has to look for itself.

        Half the processor time of a large fleet is spent here and in `arrive`, so they touch little.
        """
        stops = self._stops
        if stops is None:
            return None
        if self._leg is not None:
            return self._waits(self._leg, stops, now)
        leg = self._next(stops, now)
        if leg is None or leg is _STAY:
            return leg
        self._leg, chunk = leg, leg.chunk
        if chunk is None:
            self._move(leg)
        elif self._observer:
            self._observer.sent(self.proxy, leg.type_url, len(chunk.resources), len(chunk.message))
        return leg

    def _next(self, stops: tuple[Stop, ...], now: float) -> Leg | None:
        found = _STAY
        for stop in stops:
            if stop.view.seq == stop.at:
                continue
            leg = stop.onward(now) if found is _STAY else None  # None: news in more than one view
            if leg is None:
                return None
            found = leg
        return found

    def _waits(self, leg: Leg, stops: tuple[Stop, ...], now: float) -> Leg | None:
        """Whether what came while a response is unanswered can wait for its answer."""
        place = leg.stop.place
        for stop in stops:
            if stop.place != place and stop.view.seq != stop.at:
                return None
        if leg.stop.view.seq != leg.stop.at:
            after = leg.stop.onward(now)
            if after is None or after.type_url not in ("", leg.type_url):
                return None
            self._missed = True
        return _STAY

    @property
    def awaited(self) -> Chunk | None:
        """The response whose answer `arrive` stands for; None on the general way."""
        return self._leg.chunk if self._leg is not None else None

    def arrive(self) -> bool:
        """The proxy acknowledged the response it was sent. Returns whether it missed a commit meanwhile:
        then `advance` has something to do.
        """
        leg = self._leg
        if leg is None or leg.chunk is None:
            return False
        if not leg.chunk.accepted:
            view = leg.stop.view
            prove(view, view.log(leg.type_url), leg.chunk)
        self._move(leg)
        missed, self._missed = self._missed, False
        return missed

    def _move(self, leg: Leg) -> None:
        stop, stops = leg.stop, self._stops
        if self._observer:
            self._observer.arrived(self.proxy, stop.view, self.reached[stop.place], stop.at)
        self.reached[stop.place] = stop.at
        if stops is None or len(stops) == 1:
            self._stops = leg.alone
        else:
            self._stops = (*stops[: stop.place], stop, *stops[stop.place + 1 :])
        self._leg = None


def accepts(request: Any, leg: Leg) -> bool:
    """Whether it is the plain acknowledgement of the response on this leg."""
    return not (
        leg.chunk is None
        or request.response_nonce != leg.chunk.nonce
        or request.type_url != leg.type_url
        or request.HasField("error_detail")
        or request.resource_names_subscribe
        or request.resource_names_unsubscribe
    )


def prove(view: View, log: Log | None, chunk: Chunk) -> None:
    """A first proxy took this response: what is in it is good."""
    chunk.accepted = True
    for resource in chunk.resources:
        if log is not None and not resource.accepted:
            view.accept(log, resource)
