"""Ports of Gateways: which listeners are open behind each, and which of them comes first.

The first is looked for in each namespace apart, so that one ListenerSet among thousands asks its neighbours
only.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho.engine import Read, index, query
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.certificates import presented
from sekisho.translate.gateway.doors import doors
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listener_sets import SOURCES, Precedence, gateway_of, precedence
from sekisho.translate.gateway.listeners import Door


class Port(NamedTuple):
    """What listeners share a socket by."""

    gateway: ResourceId
    transport: str
    """`tcp` or `udp`."""
    port: int

    @classmethod
    def of(cls, one: Door) -> "Port":
        return cls(one.gateway, one.transport, one.port)


class _Corner(NamedTuple):
    """What the Gateway and ListenerSets of one namespace have open at a port."""

    port: Port
    namespace: str


@query
def open_doors(read: Read, source: ResourceId) -> tuple[Door, ...]:
    """The listeners of a Gateway or ListenerSet that get a socket: accepted, and with a certificate when they
    end TLS."""
    gateway = gateway_of(read, source)
    found = None if gateway is None else admission(read, gateway)
    if found is None or not found.addresses:
        return ()
    return tuple(
        one
        for one in doors(read, source)
        if one.fault is None and (not one.ends_tls or presented(read, source, one.name).certificates)
    )


def open_ports(read: Read, gateway: ResourceId) -> tuple[Port, ...]:
    """The ports of a Gateway behind which something is served, sorted."""
    return tuple(sorted(read.bucket(_PORTS, gateway)))


@query
def first_at(read: Read, port: Port) -> Door | None:
    """The first listener open at a port: of the Gateway's own, then as ListenerSets have precedence."""
    firsts = (_first_in(read, corner) for corner in read.bucket(OPEN, port))
    return min(firsts, key=lambda found: found[0], default=(None, None))[1]


def open_at(read: Read, port: Port) -> Iterator[Door]:
    """All listeners that are open at a port: as many as there are. In no particular order."""
    for corner in read.bucket(OPEN, port):
        for source in read.bucket(_CORNERS, corner):
            yield from (one for one in open_doors(read, source) if Port.of(one) == port)


@query
def _first_in(read: Read, corner: _Corner) -> tuple[Precedence, Door]:
    found = min(precedence(read, source) for source in read.bucket(_CORNERS, corner))
    return found, next(one for one in open_doors(read, found.source) if Port.of(one) == corner.port)


def _corners(read: Read, source: ResourceId) -> Iterator[_Corner]:
    yield from (_Corner(Port.of(one), source.namespace) for one in open_doors(read, source))


def _port_of(_: Read, corner: _Corner) -> tuple[Port]:
    return (corner.port,)


def _of_gateway(_: Read, port: Port) -> tuple[ResourceId]:
    return (port.gateway,)


_CORNERS = index("open ports by namespace", source=SOURCES, emit=_corners)
"""`_Corner` → the Gateways and ListenerSets that serve something there."""
OPEN = index("open ports", source=_CORNERS, emit=_port_of)
"""`Port` → its `_Corner`s: there for each port behind which something is served."""
_PORTS = index("ports of gateways", source=OPEN, emit=_of_gateway)
