"""Listeners whose bytes nobody looks into: which route has a connection, by server name where TLS tells one.

Of several routes with one claim the oldest wins, then the first by namespace and name. A listener's own
hostname always has a chain, so that no less specific listener answers in its place: what leads nowhere is
closed.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.kit.hostnames import EVERY, intersect, specificity
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.attachment import PLACED, Place
from sekisho.translate.gateway.backends import leads_by_name
from sekisho.translate.gateway.certificates import presented
from sekisho.translate.gateway.doors import Use, door, doors, owns, users_of
from sekisho.translate.gateway.listeners import Door
from sekisho.translate.gateway.routes import plan
from sekisho.translate.mesh.gateway_policies import closes_bytes

_NOWHERE = ((ir.CLOSED, 1),)


class _Claim(NamedTuple):
    """Sort key of the routes that claim a server name, the winner first."""

    specificity: tuple[int, ...]
    """Of the route's own hostname, negated."""
    created: str
    route: ResourceId


def shares(read: Read, route: ResourceId | None) -> tuple[tuple[str, int], ...]:
    """Where the bytes a route wins go; a backend that leads nowhere keeps its share, to be closed."""
    found = plan(read, route).shares if route is not None else ()
    return tuple((name or ir.CLOSED, weight) for name, weight in found) or _NOWHERE


def shares_at(read: Read, one: Door, route: ResourceId | None) -> tuple[tuple[str, int], ...]:
    """The same at a listener; nowhere where nobody can be asked for the permission that is needed."""
    closed = closes_bytes(read, one.gateway, one.port, one.label)
    return _NOWHERE if closed else shares(read, route)


def winner(read: Read, one: Door) -> ResourceId | None:
    """The route of a TCP or UDP listener; None when it has none."""
    claims = _claims(read, Place(one.source, one.name, EVERY))
    return min(claims).route if claims else None


@query
def tcp_chain(read: Read, source: ResourceId, listener: str) -> ir.Chain:
    """All connections of a TCP listener."""
    one = _door(read, source, listener)
    return _chain(read, one, EVERY, winner(read, one))


@query
def tls_chains(read: Read, source: ResourceId, listener: str) -> tuple[ir.Chain, ...]:
    """One for each server name of a TLS listener, sorted by name."""
    one = _door(read, source, listener)
    claimed: dict[str, list[_Claim]] = {one.hostname: []}
    for place in read.bucket(_SERVER_NAMES, (source, listener)):
        hostname = intersect(one.hostname, place.hostname)
        if hostname and owns(read, one, hostname):
            claimed.setdefault(hostname, []).extend(_claims(read, place))
    return tuple(
        _chain(read, one, hostname, min(claims).route if claims else None)
        for hostname, claims in sorted(claimed.items())
    )


def closed_chains(read: Read, use: Use, served: Iterable[Door]) -> Iterator[ir.Chain]:
    """For listeners that are closed, beside others that pass connections on: those must not get theirs."""
    names = {EVERY, *(one.hostname for one in served)}
    for source in sorted(users_of(read, use)):
        for one in doors(read, source):
            if one.scheme and Use.of(one) == use and one.hostname not in names:
                names.add(one.hostname)
                yield _chain(read, one, one.hostname, None)


def _claims(read: Read, place: Place) -> list[_Claim]:
    narrow = tuple(-part for part in specificity(place.hostname))
    return [
        _Claim(narrow, read.leaf(route).metadata.creation_timestamp or "", route)
        for route in read.bucket(PLACED, place)
    ]


def _chain(read: Read, one: Door, hostname: str, route: ResourceId | None) -> ir.Chain:
    certificates = presented(read, one.source, one.name).certificates if one.ends_tls else ()
    ends_tls = route is not None and bool(certificates)  # nobody has to say who he is to be sent away
    found = shares_at(read, one, route)
    is_named = any(name != ir.CLOSED and leads_by_name(name) for name, _ in found)
    return ir.Chain(
        table=f"{one.table}/{hostname}",
        server_names=() if hostname == EVERY else (hostname,),
        tls=ir.TlsTermination(certificates=certificates, alpn=()) if ends_tls else None,
        tcp=ir.TcpForward(shares=found, is_named=is_named),
        origin=one.origin,
    )


def _door(read: Read, source: ResourceId, listener: str) -> Door:
    one = door(read, source, listener)
    if one is None:
        raise LookupError(f"{source} has no listener {listener}")
    return one


def _of_listener(read: Read, place: Place) -> tuple[tuple[ResourceId, str], ...]:
    one = door(read, place.source, place.door)
    return ((place.source, place.door),) if one is not None and one.scheme == "tls" else ()


_SERVER_NAMES = index("server names", source=PLACED, emit=_of_listener)
"""(Gateway or ListenerSet, TLS listener) → the `Place`s of its routes."""
