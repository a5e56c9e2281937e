"""The common case, worked out once for all proxies in the same position.

Nearly always a proxy has answered everything, then one type changes, and the change fits one response. What
is sent then depends only on where the proxy was and what it subscribed to, so it is planned once and shared;
the general way (session.py) is for everything else.
"""

from typing import ClassVar, NamedTuple
from weakref import WeakValueDictionary

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


class Express(NamedTuple):
    """What brings a proxy that was in sync at one commit in sync with the newest."""

    seq: int
    type_url: str = ""
    """Empty when nothing the proxy follows has changed."""
    flight: Flight | None = None
    place: int = 0
    """Which of the proxy's views it is about; nothing new is in the others."""


def express(view: View, since: int, signature: Signature, place: int = 0) -> Express | None:
    """The plan for proxies in sync at `since`; None when it takes the general way.

    `place`: which of their views `view` is.
    """
    key = (since, signature, place)
    if key not in view.plans:
        view.plans[key] = _plan(view, since, signature, place)
    found = view.plans[key]
    assert found is None or isinstance(found, Express)  # noqa: S101 - for the type checker
    return found


def _plan(view: View, since: int, signature: Signature, place: int) -> Express | None:
    logs = [(view.log(type_url), wildcard, names) for type_url, wildcard, names in signature.parts]
    changed = [
        (log, None if wildcard and not log.by_name else names)
        for log, wildcard, names in logs
        if log is not None and log.seqs[Part.BOTH] > since
    ]
    if not changed:
        return Express(view.seq, place=place)
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
    if len(delta.chunks) != 1:
        return None
    flight = Flight(delta.chunks, place, part, delta.upto, whole=True)
    return Express(view.seq, log.type_url, flight, place)
