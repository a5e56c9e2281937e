"""What a proxy must have taken before a listener is said to be programmed."""

from typing import NamedTuple

from sekisho.engine import Read, output, query
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Opened
from sekisho.translate.gateway.certificates import presented
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listener_sets import SOURCES
from sekisho.translate.gateway.listeners import Door
from sekisho.translate.gateway.ports import open_doors


class Opening(NamedTuple):
    """A listener as callers meet it, and nothing of what is behind it: routes come and go."""

    gateway: ResourceId
    """Whose proxies have it."""
    listener: str
    """Its name, unique in its source only."""
    addresses: tuple[str, ...]
    port: int
    scheme: str
    hostname: str
    is_passthrough: bool
    certificates: tuple[str, ...]


@query
def openings(read: Read, source: ResourceId) -> tuple[Opening, ...]:
    """Of the listeners of a Gateway or ListenerSet that get a socket."""
    return tuple(_opening(read, one) for one in open_doors(read, source))


def is_taken(read: Read, one: Door) -> bool:
    """Whether a proxy has taken the listener as it is now; also of one that gets no socket."""
    taken: tuple[Opening, ...] = read.leaf(Opened.of(one.source)) or ()
    return all(found in taken for found in openings(read, one.source) if found.listener == one.name)


def _opening(read: Read, one: Door) -> Opening:
    found = admission(read, one.gateway)
    return Opening(
        gateway=one.gateway,
        listener=one.name,
        addresses=found.addresses if found else (),
        port=one.port,
        scheme=one.scheme,
        hostname=one.hostname,
        is_passthrough=one.is_passthrough,
        certificates=presented(read, one.source, one.name).certificates if one.ends_tls else (),
    )


def _wanted(read: Read, source: ResourceId) -> tuple[Opening, ...] | None:
    return openings(read, source) or None


OPENINGS = output("openings", source=SOURCES, build=_wanted)
"""Gateway or ListenerSet → what its proxies are to take; none while nothing of it is open."""
