"""Filter chains of HTTPS listeners: one for each of a Gateway's own, and one for each certificate of
ListenerSets.

A chain has filters and memory of its own, and its connections end when it changes. So the listeners of
ListenerSets that have the same certificate and one exact hostname each share one, and come and go by
thousands without anybody else's notice.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.kit.hostnames import EVERY, is_wildcard
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.callers import validation_of
from sekisho.translate.gateway.certificates import Presented, presented
from sekisho.translate.gateway.doors import door
from sekisho.translate.gateway.listeners import Door


def https_chains(read: Read, served: Iterable[Door]) -> Iterator[ir.Chain]:
    """Of all HTTPS listeners of a port that are served."""
    shared: dict[ir.TlsTermination, list[ir.Chain]] = defaultdict(list)
    for one in served:
        chain = _chain(read, one.source, one.name) if one.scheme == "https" else None
        if chain is None or chain.tls is None:
            continue
        if one.source != one.gateway and not is_wildcard(one.hostname):
            shared[chain.tls].append(chain)
        else:
            yield chain
    for tls, chains in shared.items():
        yield _of_several(tls, chains)


def _of_several(tls: ir.TlsTermination, chains: list[ir.Chain]) -> ir.Chain:
    port = chains[0].table.partition("/")[0]
    return replace(
        chains[0],
        name=f"{port}/~{'+'.join(tls.certificates)}",  # no listener has such a name
        server_names=tuple(sorted(name for chain in chains for name in chain.server_names)),
        shared=True,
    )


@query
def _chain(read: Read, source: ResourceId, listener: str) -> ir.Chain | None:
    """As of a listener with a chain to itself."""
    one = door(read, source, listener)
    if one is None:
        return None
    found: Presented = presented(read, source, listener)
    return ir.Chain(
        table=one.table,
        name=f"{one.port}/{one.label}",
        server_names=() if one.hostname == EVERY else (one.hostname,),
        tls=ir.TlsTermination(
            certificates=found.certificates, callers=validation_of(read, one.gateway, one.port)
        ),
        origin=one.origin,
    )
