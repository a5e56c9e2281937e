"""Sockets of a Gateway: its listeners grouped by address and port, with TLS where they end it."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.kit.hostnames import EVERY
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.byte_chains import closed_chains, shares_at, tcp_chain, tls_chains, winner
from sekisho.translate.gateway.certificates import Presented, certificate, presented, secret_of
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listeners import Door, doors
from sekisho.translate.mesh.gateway_policies import listener_with_policies


def socket_name(one: Door, address: str) -> str:
    """`ir.Listener.name` or `ir.UdpListener.name` of the socket a listener shares with others of its port."""
    return f"{'udp' if one.transport == 'udp' else 'http'}/{address}/{one.port}"


def _place(name: str) -> tuple[str, int]:
    """Address and port."""
    _, address, port = name.split("/")
    return address, int(port)


@query
def open_doors(read: Read, gateway: ResourceId) -> tuple[Door, ...]:
    """The listeners that get a socket: accepted, and with a certificate when they end TLS."""
    found = admission(read, gateway)
    if found is None or not found.addresses:
        return ()
    return tuple(
        one
        for one in doors(read, gateway)
        if one.fault is None and (not one.ends_tls or presented(read, gateway, one.name).certificates)
    )


@query
def chains(read: Read, gateway: ResourceId, port: int) -> tuple[ir.Chain, ...]:
    """What is behind one TCP port, the same on every address. Empty when nothing can be served there."""
    here = [one for one in open_doors(read, gateway) if (one.port, one.transport) == (port, "tcp")]
    if not here:
        return ()
    first = here[0]
    if first.scheme == "http":  # hostnames are told apart in the one route table
        return (ir.Chain(table=first.table, origin=first.origin),)
    if first.scheme == "tcp":
        return (tcp_chain(read, gateway, first.name),)
    found: list[ir.Chain] = []
    for one in here:
        found += tls_chains(read, gateway, one.name) if one.scheme == "tls" else [_https_chain(read, one)]
    if any(one.scheme == "tls" for one in here):
        found += closed_chains(read, gateway, port, here)
    return tuple(sorted(found, key=lambda chain: chain.table))


def _https_chain(read: Read, one: Door) -> ir.Chain:
    found: Presented = presented(read, one.gateway, one.name)
    return ir.Chain(
        table=one.table,
        server_names=() if one.hostname == EVERY else (one.hostname,),
        tls=ir.TlsTermination(certificates=found.certificates),
        origin=one.origin,
    )


def _sockets(read: Read, gateway: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    yield from _sockets_of(read, gateway, "tcp")


def _udp_sockets(read: Read, gateway: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    yield from _sockets_of(read, gateway, "udp")


def _sockets_of(read: Read, gateway: ResourceId, transport: str) -> Iterator[tuple[ResourceId, str]]:
    found = admission(read, gateway)
    if found is not None:
        names = {
            socket_name(one, address)
            for one in open_doors(read, gateway)
            for address in found.addresses
            if one.transport == transport
        }
        yield from ((gateway, name) for name in names)


def _listener(read: Read, key: tuple[ResourceId, str]) -> ir.Listener:
    gateway, name = key
    address, port = _place(name)
    behind = chains(read, gateway, port)
    plain = ir.Listener(name=name, address=address, port=port, chains=behind, origin=behind[0].origin)
    return listener_with_policies(read, gateway, plain)


def _udp_listener(read: Read, key: tuple[ResourceId, str]) -> ir.UdpListener:
    gateway, name = key
    address, port = _place(name)
    here = [one for one in open_doors(read, gateway) if (one.port, one.transport) == (port, "udp")]
    leads_to = shares_at(read, here[0], winner(read, here[0]))
    return ir.UdpListener(name=name, address=address, port=port, shares=leads_to, origin=here[0].origin)


def _presented_by(read: Read, gateway: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    for one in open_doors(read, gateway):
        if one.ends_tls:
            for name in presented(read, gateway, one.name).certificates:
                yield gateway, name


def _certificate(read: Read, key: tuple[ResourceId, str]) -> ir.Certificate | None:
    found = certificate(read, secret_of(key[1]))
    return found if isinstance(found, ir.Certificate) else None


_SOCKETS = index("sockets", source="Gateway", emit=_sockets)

LISTENERS = output("listeners", source=_SOCKETS, build=_listener)
"""(gateway, listener name) → `ir.Listener`."""

_UDP_SOCKETS = index("UDP sockets", source="Gateway", emit=_udp_sockets)

UDP_LISTENERS = output("UDP listeners", source=_UDP_SOCKETS, build=_udp_listener)
"""(gateway, listener name) → `ir.UdpListener`."""

_CERTIFICATES_IN_USE = index("certificates in use", source="Gateway", emit=_presented_by)

CERTIFICATES = output("certificates", source=_CERTIFICATES_IN_USE, build=_certificate)
"""(gateway, certificate name) → `ir.Certificate`."""
