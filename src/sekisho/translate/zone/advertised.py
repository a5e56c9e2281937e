"""Where a zone ingress is reached from outside: as its Gateway says, or where its sockets are."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from sekisho.engine import Read, query
from sekisho.model.gateway import Gateway
from sekisho.model.names import ResourceId
from sekisho.model.zone_ingress import ADVERTISED_ADDRESSES
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.ports import open_ports

_PORTS = range(1, 65536)


class Place(NamedTuple):
    """An address and port."""

    address: str
    """IP address or host name."""
    port: int


@query
def advertised(read: Read, gateway: ResourceId) -> tuple[Place, ...]:
    """Sorted. Addresses of the annotation that are none are left out; without it, those its proxies listen
    on. Whether anybody listens there, callers find out themselves: a control plane that begins anew has heard
    of no proxy yet, and must not tell others that the zone is closed."""
    resource: Gateway = read.leaf(gateway)
    written = resource.metadata.annotations.get(ADVERTISED_ADDRESSES)
    found = admission(read, gateway)
    if found is None or not open_ports(read, gateway):
        return ()
    if written is not None:
        return tuple(sorted(set(_written(written))))
    ports = [one.port for one in open_ports(read, gateway)]
    bound = [address for address in found.addresses if not ip_address(address).is_unspecified]
    return tuple(sorted(Place(address, port) for address in bound for port in ports))


def _written(text: str) -> Iterator[Place]:
    """`203.0.113.7:443, ingress.gcp.example.com:443, [2001:db8::7]:443`"""
    for one in text.split(","):
        host, _, port = one.strip().rpartition(":")
        if host and port.isascii() and port.isdecimal() and int(port) in _PORTS:
            yield Place(host.removeprefix("[").removesuffix("]").lower(), int(port))
