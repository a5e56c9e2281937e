"""How things of the mesh are called, and the addresses that follow from other addresses. All injective."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import NamedTuple

from sekisho.model.names import Origin, ResourceId

DOMAIN = "mesh.local"
"""Host names and trust domains of the mesh end in it."""
_IPV6_PREFIX = int(IPv6Address("fd5e:6b69:7368:6f::"))
"""Of the IPv6 form of virtual addresses: this /96, then the IPv4 address."""
_PREFIXES = {
    "Service": "",
    "ExternalService": "external/",
    "ZoneService": "zone/",
    "MultiZoneService": "multizone/",
    "XBackend": "backend/",
}
"""Of names of clusters, by kind of what is called."""
_FIELDS = {"ExternalService": "spec.match", "XBackend": "spec.port"}
"""Where kinds that have but one port say which."""
_KINDS = {prefix: kind for kind, prefix in _PREFIXES.items()}
_SLASHES = 2
"""Between namespace, name and port."""
_REMEMBERED = 8_192
"""Names that are remembered, put together and taken apart: each is met for every client, and whoever keeps it
keeps the same one as all others."""
DIRECT = "direct/"
"""What names of all that is for one instance of a headless Service begin with."""


class Destination(NamedTuple):
    """A port of something that can be called."""

    kind: str
    """Service, ExternalService, ZoneService, MultiZoneService, or (by Gateways alone) XBackend."""
    namespace: str
    name: str
    port: int

    @property
    def resource(self) -> ResourceId:
        return _resource(self.kind, self.namespace, self.name)

    @property
    def origin(self) -> Origin:
        """The field that says so."""
        return _origin(self)


class Part(NamedTuple):
    """Something of what can be called that has a name of its own, such as a host name."""

    kind: str
    namespace: str
    name: str
    part: str

    @property
    def resource(self) -> ResourceId:
        return _resource(self.kind, self.namespace, self.name)


@lru_cache(_REMEMBERED)
def _resource(kind: str, namespace: str, name: str) -> ResourceId:
    return ResourceId(kind, namespace, name)


@lru_cache(_REMEMBERED)
def _origin(destination: Destination) -> Origin:
    return Origin(destination.resource, _FIELDS.get(destination.kind) or port_field(destination.port))


@lru_cache(_REMEMBERED)
def port_field(port: int) -> str:
    """The field of a Service or Workload that says so."""
    return f"spec.ports[port={port}]"


@lru_cache(_REMEMBERED)
def cluster_name(destination: Destination) -> str:
    """`ir.Cluster.name`: `<namespace>/<service>/<port>`, for other kinds `external/<namespace>/…`, `zone/…`,
    `multizone/…`, `backend/…`."""
    prefix = _PREFIXES[destination.kind]
    return f"{prefix}{destination.namespace}/{destination.name}/{destination.port}"


def leads_outside(cluster: str) -> bool:
    """Whether a cluster is that of an ExternalService."""
    return _is_of("ExternalService", cluster)


def leads_to_xbackend(cluster: str) -> bool:
    """Whether a cluster is that of an XBackend, for requests."""
    return _is_of("XBackend", cluster)


def leads_to_zones(cluster: str) -> bool:
    """Whether a cluster is that of a ZoneService or MultiZoneService."""
    return _is_of("ZoneService", cluster) or _is_of("MultiZoneService", cluster)


def leads_to_several_zones(cluster: str) -> bool:
    """Whether a cluster may have endpoints in several zones, and so of several priorities."""
    return _is_of("MultiZoneService", cluster)


def _is_of(kind: str, cluster: str) -> bool:
    plain = cluster.removeprefix(_PREFIXES[kind])
    return plain != cluster and plain.count("/") == _SLASHES


@lru_cache(_REMEMBERED)
def destination_of(cluster: str) -> Destination:
    """The inverse of `cluster_name`. ValueError for the name of another cluster."""
    *prefix, namespace, name, port = cluster.split("/")
    kind = _KINDS.get("".join(f"{part}/" for part in prefix))
    if kind is None:
        raise ValueError(f"{cluster} is of nothing that can be called")
    return Destination(kind, namespace, name, int(port))


@lru_cache(_REMEMBERED)
def outbound_name(destination: Destination) -> str:
    """`ir.Outbound.name`: `outbound/<namespace>/<service>/<port>`."""
    return f"outbound/{cluster_name(destination)}"


def direct_name(destination: Destination) -> str:
    """Cluster of the instances of a headless Service, called by their own addresses."""
    return f"{DIRECT}{cluster_name(destination)}"


def direct_listener_name(part: Part) -> str:
    """Listener for one of them: `direct/<namespace>/<service>/<port>/<workload>`."""
    return f"{DIRECT}{part.namespace}/{part.name}/{part.part}"


@lru_cache(_REMEMBERED)
def inbound_name(port: int) -> str:
    """`ir.Inbound.name`."""
    return f"inbound/{port}"


def trust_domain(mesh: str, zone: str) -> str:
    """The trust domain of a mesh in a zone."""
    return f"{mesh}.{zone}.{DOMAIN}"


def server_name(destination: Destination, zone: str, mesh: str) -> str:
    """SNI between sidecars; the part of the number comes first, as the names after it may contain dots."""
    return f"{destination.port}.{destination.name}.{destination.namespace}.{zone}.{mesh}.sekisho"


def outbound_address(virtual: str, loopback: str) -> str:
    """Where the outbound of a virtual address is bound without capture: its low bits, in the loopback range.

    `241.0.1.2` in `127.2.0.0/16` is `127.2.1.2`.
    """
    range_ = IPv4Network(loopback)
    return str(IPv4Address(int(range_.network_address) | int(IPv4Address(virtual)) & int(range_.hostmask)))


def ipv6_address(virtual: str) -> str:
    """The IPv6 form of a virtual IPv4 address."""
    return str(IPv6Address(_IPV6_PREFIX | int(IPv4Address(virtual))))
