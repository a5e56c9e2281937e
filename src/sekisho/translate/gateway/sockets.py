"""Sockets of a Gateway: its listeners grouped by address and port, with TLS where they end it."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.engine import Read, index, output, query
from sekisho.kit.hostnames import EVERY
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.certificates import Presented, certificate, presented, secret_of
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listeners import Door, doors
from sekisho.translate.mesh.gateway_policies import listener_with_policies


def socket_name(address: str, port: int) -> str:
    """`ir.Listener.name`."""
    return f"http/{address}/{port}"


def socket_of(name: str) -> tuple[str, int]:
    """The inverse of `socket_name`."""
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
        if one.fault is None and (one.scheme == "http" or presented(read, gateway, one.name).certificates)
    )


@query
def chains(read: Read, gateway: ResourceId, port: int) -> tuple[ir.Chain, ...]:
    """What is behind one port, the same on every address. Empty when nothing can be served there."""
    here = [one for one in open_doors(read, gateway) if one.port == port]
    plain = [one for one in here if one.scheme == "http"]
    if plain:  # hostnames are told apart in the one route table
        return (ir.Chain(table=plain[0].table, origin=plain[0].origin),)
    return tuple(sorted((_tls_chain(read, one) for one in here), key=lambda chain: chain.table))


def _tls_chain(read: Read, one: Door) -> ir.Chain:
    found: Presented = presented(read, one.gateway, one.name)
    return ir.Chain(
        table=one.table,
        server_names=() if one.hostname == EVERY else (one.hostname,),
        tls=ir.TlsTermination(certificates=found.certificates),
        origin=one.origin,
    )


def _sockets(read: Read, gateway: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    found = admission(read, gateway)
    if found is not None:
        for port in {one.port for one in open_doors(read, gateway)}:
            for address in found.addresses:
                yield gateway, socket_name(address, port)


def _listener(read: Read, key: tuple[ResourceId, str]) -> ir.Listener:
    gateway, name = key
    address, port = socket_of(name)
    behind = chains(read, gateway, port)
    plain = ir.Listener(name=name, address=address, port=port, chains=behind, origin=behind[0].origin)
    return listener_with_policies(read, gateway, plain)


def _presented_by(read: Read, gateway: ResourceId) -> Iterator[tuple[ResourceId, str]]:
    for one in open_doors(read, gateway):
        if one.scheme == "https":
            for name in presented(read, gateway, one.name).certificates:
                yield gateway, name


def _certificate(read: Read, key: tuple[ResourceId, str]) -> ir.Certificate | None:
    found = certificate(read, secret_of(key[1]))
    return found if isinstance(found, ir.Certificate) else None


_SOCKETS = index("sockets", source="Gateway", emit=_sockets)

LISTENERS = output("listeners", source=_SOCKETS, build=_listener)
"""(gateway, listener name) → `ir.Listener`."""

_CERTIFICATES_IN_USE = index("certificates in use", source="Gateway", emit=_presented_by)

CERTIFICATES = output("certificates", source=_CERTIFICATES_IN_USE, build=_certificate)
"""(gateway, certificate name) → `ir.Certificate`."""
