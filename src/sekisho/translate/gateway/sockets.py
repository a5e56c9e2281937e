"""Sockets of a Gateway: its listeners grouped by address and port, with TLS where they end it."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.byte_chains import closed_chains, shares_at, tcp_chain, tls_chains, winner
from sekisho.translate.gateway.callers import caller_bundle, validation_of
from sekisho.translate.gateway.certificates import certificate, presented, secret_of
from sekisho.translate.gateway.classes import is_found_by_name
from sekisho.translate.gateway.doors import Use
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.https_chains import https_chains
from sekisho.translate.gateway.listener_sets import SOURCES
from sekisho.translate.gateway.listeners import Door
from sekisho.translate.gateway.ports import OPEN, Port, first_at, open_at, open_doors
from sekisho.translate.mesh.gateway_policies import listener_with_policies
from sekisho.translate.zone.ingress import ingress_chain


def socket_name(one: Door | Port, address: str) -> str:
    """`ir.Listener.name` or `ir.UdpListener.name` of the socket a listener shares with others of its port."""
    return f"{'udp' if one.transport == 'udp' else 'http'}/{address}/{one.port}"


def _place(name: str) -> tuple[str, int]:
    """Address and port."""
    _, address, port = name.split("/")
    return address, int(port)


@query
def chains(read: Read, port: Port) -> tuple[ir.Chain, ...]:
    """What is behind one TCP port, the same on every address. Empty when nothing can be served there."""
    first = first_at(read, port)
    if first is None:
        return ()
    if is_found_by_name(read, port.gateway):
        return (ingress_chain(first.table, first.origin),)
    if first.scheme == "http":  # hostnames are told apart in the one route table
        return (ir.Chain(table=first.table, origin=first.origin),)
    if first.scheme == "tcp":
        return (tcp_chain(read, first.source, first.name),)
    found = [*https_chains(read, port), *_passed_on(read, port)]
    return tuple(sorted(found, key=lambda chain: chain.called))


def _passed_on(read: Read, port: Port) -> Iterator[ir.Chain]:
    """Of TLS listeners, and beside them of those that are closed."""
    if not read.count(_TLS, port):
        return
    here = list(open_at(read, port))
    for one in here:
        if one.scheme == "tls":
            yield from tls_chains(read, one.source, one.name)
    yield from closed_chains(read, Use.of(here[0]), here)


def _tls_ports(read: Read, source: ResourceId) -> Iterator[Port]:
    yield from (Port.of(one) for one in open_doors(read, source) if one.scheme == "tls")


def _sockets(read: Read, port: Port) -> Iterator[tuple[ResourceId, str]]:
    yield from _sockets_of(read, port, "tcp")


def _udp_sockets(read: Read, port: Port) -> Iterator[tuple[ResourceId, str]]:
    yield from _sockets_of(read, port, "udp")


def _sockets_of(read: Read, port: Port, transport: str) -> Iterator[tuple[ResourceId, str]]:
    found = admission(read, port.gateway)
    if found is not None and port.transport == transport:
        yield from ((port.gateway, socket_name(port, address)) for address in found.addresses)


def _listener(read: Read, key: tuple[ResourceId, str]) -> ir.Listener:
    gateway, name = key
    address, port = _place(name)
    behind = chains(read, Port(gateway, "tcp", port))
    plain = ir.Listener(name=name, address=address, port=port, chains=behind, origin=behind[0].origin)
    return listener_with_policies(read, gateway, plain)


def _udp_listener(read: Read, key: tuple[ResourceId, str]) -> ir.UdpListener:
    gateway, name = key
    address, port = _place(name)
    first = first_at(read, Port(gateway, "udp", port))
    if first is None:
        raise LookupError(f"{gateway} has nothing open at {name}")
    leads_to = shares_at(read, first, winner(read, first))
    return ir.UdpListener(name=name, address=address, port=port, shares=leads_to, origin=first.origin)


def _presented_by(read: Read, source: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    for one in open_doors(read, source):
        if one.ends_tls:
            for name in presented(read, source, one.name).certificates:
                yield one.gateway, name


def _believed_by(read: Read, source: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    for one in open_doors(read, source):
        if one.scheme == "https" and (callers := validation_of(read, one.gateway, one.port)) is not None:
            yield one.gateway, callers.authorities


def _authorities(read: Read, key: tuple[ResourceId, str]) -> ir.AuthorityBundle | None:
    return caller_bundle(read, key[1])


def _certificate(read: Read, key: tuple[ResourceId, str]) -> ir.Certificate | None:
    found = certificate(read, secret_of(key[1]))
    return found if isinstance(found, ir.Certificate) else None


_TLS = index("TLS listeners", source=SOURCES, emit=_tls_ports)
"""`Port` → the Gateways and ListenerSets that have an open TLS listener there."""

_SOCKETS = index("sockets", source=OPEN, emit=_sockets)

LISTENERS = output("listeners", source=_SOCKETS, build=_listener)
"""(gateway, listener name) → `ir.Listener`."""

_UDP_SOCKETS = index("UDP sockets", source=OPEN, emit=_udp_sockets)

UDP_LISTENERS = output("UDP listeners", source=_UDP_SOCKETS, build=_udp_listener)
"""(gateway, listener name) → `ir.UdpListener`."""

_CERTIFICATES_IN_USE = index("certificates in use", source=SOURCES, emit=_presented_by)

CERTIFICATES = output("certificates", source=_CERTIFICATES_IN_USE, build=_certificate)
"""(gateway, certificate name) → `ir.Certificate`."""

_CALLERS_BELIEVED = index("callers believed", source=SOURCES, emit=_believed_by)

CALLER_AUTHORITIES = output("authorities of callers", source=_CALLERS_BELIEVED, build=_authorities)
"""(gateway, bundle name) → `ir.AuthorityBundle`: whom listeners believe."""
