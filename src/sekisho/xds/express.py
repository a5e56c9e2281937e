"""The common case, worked out once for all proxies in the same position.

Nearly always a proxy has answered everything, then one type changes, and the change fits one response. What
is sent then depends only on where the proxy was and what it subscribed to, so it is planned once and shared;
the general way (session.py) is for everything else. A proxy on the express way keeps no state but which Stop
it is at and which Leg it is on: with thousands of them, what costs is every object that is touched per proxy.
"""

from typing import ClassVar
from weakref import WeakValueDictionary

from sekisho.xds.delta import Chunk
from sekisho.xds.names import Names
from sekisho.xds.order import Part, steps_of
from sekisho.xds.subscription import Flight
from sekisho.xds.types import CLUSTER
from sekisho.xds.view import View


class Signature:
    """What a proxy subscribed to. Equal ones are one object, so they hash and compare by identity."""

    __slots__ = ("__weakref__", "parts")
    _kept: ClassVar[WeakValueDictionary[tuple[tuple[str, bool, Names], ...], "Signature"]] = (
        WeakValueDictionary()
    )

    def __init__(self, parts: tuple[tuple[str, bool, Names], ...]) -> None:
        """Use `Signature.of`: one made here is not the shared one."""
        self.parts = parts
        """Types, with whether all of it is asked for, and the names."""

    @classmethod
    def of(cls, *parts: tuple[str, bool, Names]) -> "Signature":
        """The one object for these types and names."""
        kept = cls._kept.get(parts)
        if kept is None:
            kept = cls._kept[parts] = cls(parts)
        return kept


class Stop:
    """In one view, where proxies are that have answered everything up to a commit and follow the same."""

    __slots__ = ("__weakref__", "_leg", "_planned", "at", "place", "signature", "view")
    _kept: ClassVar[WeakValueDictionary[tuple[View, int, Signature, int], "Stop"]] = WeakValueDictionary()

    def __init__(self, view: View, at: int, signature: Signature, place: int) -> None:
        """Use `Stop.of`: one made here is not the shared one."""
        self.view = view
        self.at = at
        """The commit."""
        self.signature = signature
        self.place = place
        """Which of a proxy's views it is."""
        self._planned = at
        self._leg: Leg | None = None

    @classmethod
    def of(cls, view: View, at: int, signature: Signature, place: int) -> "Stop":
        """The one object for this position."""
        key = (view, at, signature, place)
        kept = cls._kept.get(key)
        if kept is None:
            kept = cls._kept[key] = cls(view, at, signature, place)
        return kept

    def onward(self, now: float) -> "Leg | None":
        """From here to the newest commit; None when it takes the general way. Worked out once per commit."""
        if self._planned != self.view.seq:
            self._leg, self._planned = _plan(self, now), self.view.seq
        return self._leg


class Leg:
    """What brings proxies from one stop to the next: at most one response, the same for all."""

    __slots__ = ("alone", "began", "chunk", "flight", "stop", "type_url")

    def __init__(self, stop: Stop, began: float, type_url: str = "", flight: Flight | None = None) -> None:
        self.stop = stop
        """Where it arrives."""
        self.alone = (stop,)
        """The same, as the stops of a proxy with a single view."""
        self.began = began
        """When it was planned; no proxy is sent it before that, nor much later."""
        self.type_url = type_url
        """Empty when nothing the proxies follow has changed."""
        self.flight = flight
        self.chunk: Chunk | None = flight.chunks[0] if flight is not None else None
        """The response; None when nothing is to be sent."""


def _plan(stop: Stop, now: float) -> Leg | None:
    view, since, signature = stop.view, stop.at, stop.signature
    logs = [(view.log(type_url), wildcard, names) for type_url, wildcard, names in signature.parts]
    changed = [
        (log, None if wildcard and not log.by_name else names)
        for log, wildcard, names in logs
        if log is not None and log.seqs[Part.BOTH] > since
    ]
    arrival = Stop.of(view, view.seq, signature, stop.place)
    if not changed:
        return Leg(arrival, now)
    if len(changed) > 1:
        return None
    log, names = changed[0]
    if log.type_url == CLUSTER:
        return None  # a changed cluster needs its endpoints again
    part = steps_of(log.type_url)[0].part
    if part == Part.MAKE and log.seqs[Part.BREAK] > since:
        return None
    if log.newest_addition > since and part == Part.MAKE:
        return None  # new endpoints may have to be asked for first
    delta = log.delta(since, log.seqs[part], part, names)
    if len(delta.chunks) > 1:
        return None
    if not delta.chunks:
        return Leg(arrival, now)
    return Leg(arrival, now, log.type_url, Flight(delta.chunks, stop.place, part, delta.upto, whole=True))
