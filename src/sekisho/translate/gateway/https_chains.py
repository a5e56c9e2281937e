"""Filter chains of ports with TLS: one for each of a Gateway's own HTTPS listeners, and one for each
certificate of ListenerSets.

A chain has filters and memory of its own, and its connections end when it changes. So the listeners of
ListenerSets that have the same certificate and one exact hostname each share one, and come and go by
thousands without anybody else's notice.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, index, query
from sekisho.kit.hostnames import EVERY, is_wildcard
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.callers import validation_of
from sekisho.translate.gateway.certificates import presented
from sekisho.translate.gateway.doors import door
from sekisho.translate.gateway.listener_sets import SOURCES, precedence
from sekisho.translate.gateway.listeners import Door
from sekisho.translate.gateway.ports import Port, open_doors


class Sharing(NamedTuple):
    """HTTPS listeners that have one filter chain."""

    port: Port
    tls: ir.TlsTermination
    alone: tuple[ResourceId, str] | None
    """The only listener, by its source and name; None for all of ListenerSets with one exact hostname."""


def https_chains(read: Read, port: Port) -> tuple[ir.Chain, ...]:
    """Of all HTTPS listeners of a port that are served."""
    return tuple(_shared_chain(read, sharing) for sharing in read.bucket(_OF_PORT, port))


@query
def _shared_chain(read: Read, sharing: Sharing) -> ir.Chain:
    if sharing.alone is not None:
        return _chain(read, *sharing.alone)
    chains = list(_chains(read, sharing))
    return replace(
        chains[0],
        name=f"{sharing.port.port}/~{'+'.join(sharing.tls.certificates)}",  # no listener has such a name
        server_names=tuple(sorted(name for chain in chains for name in chain.server_names)),
        shared=True,
    )


def _chains(read: Read, sharing: Sharing) -> Iterator[ir.Chain]:
    """As if each of its listeners had one to itself, in the order of precedence."""
    for source in sorted(read.bucket(_SHARINGS, sharing), key=lambda source: precedence(read, source)):
        for one in open_doors(read, source):
            if one.scheme == "https" and Port.of(one) == sharing.port and not _is_alone(one):
                chain = _chain(read, source, one.name)
                if chain.tls == sharing.tls:
                    yield chain


@query
def _chain(read: Read, source: ResourceId, listener: str) -> ir.Chain:
    """As of a listener with a chain to itself."""
    one = door(read, source, listener)
    if one is None:
        raise LookupError(f"{source} has no listener {listener}")
    return ir.Chain(
        table=one.table,
        name=f"{one.port}/{one.label}",
        server_names=() if one.hostname == EVERY else (one.hostname,),
        tls=_termination(read, one),
        origin=one.origin,
    )


def _is_alone(one: Door) -> bool:
    return one.source == one.gateway or is_wildcard(one.hostname)


def _termination(read: Read, one: Door) -> ir.TlsTermination:
    return ir.TlsTermination(
        certificates=presented(read, one.source, one.name).certificates,
        callers=validation_of(read, one.gateway, one.port),
    )


def _sharings(read: Read, source: ResourceId) -> Iterator[Sharing]:
    for one in open_doors(read, source):
        if one.scheme == "https":
            alone = (source, one.name) if _is_alone(one) else None
            yield Sharing(Port.of(one), _termination(read, one), alone)


def _port_of(_: Read, sharing: Sharing) -> tuple[Port]:
    return (sharing.port,)


_SHARINGS = index("filter chains", source=SOURCES, emit=_sharings)
"""`Sharing` → the Gateways and ListenerSets whose listeners have this filter chain."""
_OF_PORT = index("filter chains of ports", source=_SHARINGS, emit=_port_of)
"""`Port` → its `Sharing`s."""
