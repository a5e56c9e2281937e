"""Listeners of a Gateway and its ListenerSets among each other: which collide, which owns a hostname.

Who asks for what stands in indexes, so that a listener among thousands depends on those only that ask for
the same, and a change of one leaves the others alone.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from sekisho.engine import Read, index, query
from sekisho.kit.hostnames import covering, intersect, is_wildcard
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.listener_sets import SOURCES, Precedence, precedence
from sekisho.translate.gateway.listeners import Door, Fault, asked

_SHARINGS = {"tcp": ("http", "TLS", "tcp"), "udp": ("udp",)}
"""`Door.sharing`, by transport."""


class Use(NamedTuple):
    """A way a port can be used."""

    gateway: ResourceId
    transport: str
    port: int
    sharing: str

    @classmethod
    def of(cls, one: Door) -> "Use":
        return cls(one.gateway, one.transport, one.port, one.sharing)


class Claim(NamedTuple):
    """A hostname that one listener can have."""

    use: Use
    hostname: str


@query
def doors(read: Read, source: ResourceId) -> tuple[Door, ...]:
    """All listeners of a Gateway or ListenerSet in the order written, the faulty ones too."""
    found = asked(read, source)
    faults = [one.fault or _conflict(read, one, found) for one in found]
    return tuple(
        one if one.fault is fault else replace(one, fault=fault)
        for one, fault in zip(found, faults, strict=True)
    )


@query
def door(read: Read, source: ResourceId, name: str) -> Door | None:
    """One listener by name."""
    return next((one for one in doors(read, source) if one.name == name), None)


@query
def holder(read: Read, claim: Claim) -> Door | None:
    """The listener that has a hostname; None when no listener asks for it.

    A faulty one counts: what a closed listener would have guarded must not fall to the routes of a less
    specific one.
    """
    candidates = (
        (precedence(read, source), one.index, one)
        for source in read.bucket(_CLAIMS, claim)
        for one in doors(read, source)
        if one.scheme and (Use.of(one), one.hostname) == claim
    )
    return min(candidates, key=lambda found: found[:2], default=(None, 0, None))[2]


def owner(read: Read, use: Use, hostname: str) -> Door | None:
    """The most specific listener that covers `hostname`: requests for it are its own alone.

    Listener isolation (GatewayHTTPListenerIsolation): what the owner does not route is answered 404, never
    by the routes of a less specific listener.
    """
    for pattern in covering(hostname):
        claim = Claim(use, pattern)
        if read.count(_CLAIMS, claim):  # mostly nobody asks for the hostname itself
            return holder(read, claim)
    return None


def owns(read: Read, one: Door, hostname: str) -> bool:
    """Whether requests for `hostname` are this listener's."""
    found = owner(read, Use.of(one), hostname)
    return found is not None and (found.source, found.name) == (one.source, one.name)


def users_of(read: Read, use: Use) -> frozenset[ResourceId]:
    """The Gateway and ListenerSets that ask to use a port in this way."""
    return read.bucket(_USES, use)


def overlaps(read: Read, one: Door) -> tuple[str, ...]:
    """The other HTTPS listeners of the port that have hosts in common with this one, for people: by name
    those of the same Gateway or ListenerSet, as those of others are not its author's to know."""
    if one.scheme != "https":
        return ()
    use = Use.of(one)
    siblings = [other for other in doors(read, one.source) if (other.scheme, Use.of(other)) == ("https", use)]
    own = {other.hostname for other in siblings}
    names = [
        other.name for other in siblings if other.name != one.name and intersect(other.hostname, one.hostname)
    ]
    is_covered = any(
        read.count(_SECURED, Claim(use, pattern)) > (pattern in own) for pattern in covering(one.hostname)
    )
    if is_covered or (is_wildcard(one.hostname) and read.count(_COVERED, Claim(use, one.hostname)) > 1):
        names.append("another of the Gateway's")
    return tuple(names)


def _conflict(read: Read, one: Door, siblings: Iterable[Door]) -> Fault | None:
    """In one Gateway all rivals lose, as there is no fair winner; of ListenerSets the first wins, after the
    Gateway. What is told of another's listeners is only that they are there."""
    if not one.scheme:
        return None
    return _protocol_conflict(read, one, siblings) or _hostname_conflict(read, one, siblings)


def _protocol_conflict(read: Read, one: Door, siblings: Iterable[Door]) -> Fault | None:
    use = Use.of(one)
    others = [use._replace(sharing=other) for other in _SHARINGS[one.transport] if other != one.sharing]
    if not any(read.count(_USES, other) for other in others):
        return None
    if one.source == one.gateway:
        uses = {Use.of(other): other.scheme for other in siblings if other.scheme}
        if not any(other in uses for other in others):
            return None
        spoken = {
            other.scheme.upper()
            for other in siblings
            if other.scheme and (other.port, other.transport) == (one.port, one.transport)
        }
        told = " and with ".join(sorted(spoken))
        return Fault("ProtocolConflict", f"port {one.port} is asked for with {told}")
    mine = _first(read, use)
    if all(mine < _first(read, other) for other in others if read.count(_USES, other)):
        return None
    return Fault("ProtocolConflict", f"port {one.port} is taken for another protocol")


def _first(read: Read, use: Use) -> tuple[Precedence, int]:
    """The place of the first listener that uses a port in this way."""
    return min(
        (precedence(read, source), one.index)
        for source in read.bucket(_USES, use)
        for one in asked(read, source)
        if one.scheme and Use.of(one) == use
    )


def _hostname_conflict(read: Read, one: Door, siblings: Iterable[Door]) -> Fault | None:
    claim = Claim(Use.of(one), one.hostname)
    same = [other for other in siblings if other.scheme and (Use.of(other), other.hostname) == claim]
    if one.source == one.gateway:
        if len(same) == 1:
            return None
        rivals = ", ".join(other.name for other in same)
        return Fault("HostnameConflict", f"listeners {rivals} have the same port and hostname")
    first = min(precedence(read, source) for source in read.bucket(_CLAIMS, claim))
    if first.source == one.source and same[0].index == one.index:
        return None
    return Fault("HostnameConflict", f"another listener has port {one.port} and this hostname already")


def _uses(read: Read, source: ResourceId) -> Iterator[Use]:
    yield from (Use.of(one) for one in asked(read, source) if one.scheme)


def _claims(read: Read, source: ResourceId) -> Iterator[Claim]:
    yield from (Claim(Use.of(one), one.hostname) for one in asked(read, source) if one.scheme)


def _secured(read: Read, source: ResourceId) -> Iterator[Claim]:
    yield from (Claim(Use.of(one), one.hostname) for one in asked(read, source) if one.scheme == "https")


def _covered(read: Read, source: ResourceId) -> Iterator[Claim]:
    """The wildcards that cover a listener's hostname, its own among them."""
    for one in asked(read, source):
        if one.scheme == "https":
            yield from (Claim(Use.of(one), name) for name in covering(one.hostname) if is_wildcard(name))


_USES = index("uses of ports", source=SOURCES, emit=_uses)
_CLAIMS = index("claims of hostnames", source=SOURCES, emit=_claims)
_SECURED = index("hostnames of HTTPS listeners", source=SOURCES, emit=_secured)
_COVERED = index("covered HTTPS listeners", source=SOURCES, emit=_covered)
