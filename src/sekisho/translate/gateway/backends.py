"""Backend references: a Service port becomes a cluster, shared by all rules, routes and Gateways."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from sekisho import ir
from sekisho.engine import Read
from sekisho.model.core import Service
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.httpfilters import BackendObjectReference
from sekisho.model.kinds import SEKISHO_GROUP
from sekisho.model.names import ResourceId
from sekisho.model.xmesh import EXPERIMENTAL_GROUP
from sekisho.translate.gateway.backend_tls import policy_of
from sekisho.translate.gateway.grants import Referrer, is_permitted
from sekisho.translate.gateway.xbackends import XBackendPort, xbackend_port
from sekisho.translate.mesh.external import external_port, is_named
from sekisho.translate.mesh.meshes import mesh_of_called
from sekisho.translate.mesh.multizone import multi_port
from sekisho.translate.mesh.names import Destination, destination_of
from sekisho.translate.mesh.names import cluster_name as destination_name
from sekisho.translate.mesh.ports import Port, datagram_port
from sekisho.translate.mesh.ports import service_port as declared_port
from sekisho.translate.zone.remote import at_home, remote_port

Carried: TypeAlias = Literal["", "tcp", "udp"]
"""What goes to a backend: requests, or the caller's own bytes."""
_CARRIED: Mapping[str, Carried] = MappingProxyType({"tcp": "tcp", "udp": "udp"})

_PROTOCOLS = {
    "": ir.Protocol.HTTP1,
    "http": ir.Protocol.HTTP1,
    "http2": ir.Protocol.H2C,
    "grpc": ir.Protocol.GRPC,
    "kubernetes.io/h2c": ir.Protocol.H2C,
    "kubernetes.io/ws": ir.Protocol.WEBSOCKET,
}
"""By `appProtocol` of the Service port (GEP-1911)."""
_OVER_TLS = {"https": ir.Protocol.HTTP1, "kubernetes.io/wss": ir.Protocol.WEBSOCKET}
"""The same where a BackendTLSPolicy says whom to believe; without one nothing is sent there."""


_PARSED_NAMES = 8_192
"""See `names.destination_of`."""

BYTES_OF: Mapping[str, Carried] = MappingProxyType({"TLSRoute": "tcp", "TCPRoute": "tcp", "UDPRoute": "udp"})
"""By kind of route: what is carried that nobody looks into. The other kinds are about requests."""

ANYWHERE = "*"
"""`exempt` of `resolve` where no grant is ever needed."""

_FOR_CALLS = (ir.Protocol.HTTP1, ir.Protocol.H2C, ir.Protocol.GRPC)
"""What a Service port may speak that gRPC calls are sent to; HTTP/1.1 stands for nothing said."""


class Broken(NamedTuple):
    """Why a backend reference cannot be used."""

    reason: str
    """Reason of ResolvedRefs: InvalidKind, RefNotPermitted, BackendNotFound, UnsupportedProtocol."""
    message: str


class ServicePort(Struct, frozen=True, gc=False):
    """What routing needs to know of one port of a Service."""

    name: str
    """Empty for an unnamed port."""
    target: int | str
    """Port of the instances, by number or name."""
    protocol: ir.Protocol


class Way(NamedTuple):
    """A port of a Service (or of what else can be called), and what is carried there."""

    service: ResourceId
    port: int
    carried: Carried = ""

    @property
    def protocol(self) -> str:
        """Of the Service port."""
        return "UDP" if self.carried == "udp" else "TCP"

    @property
    def destination(self) -> Destination:
        return Destination(*self.service, self.port)


def cluster_name(service: ResourceId, port: int, carried: Carried = "") -> str:
    """`ir.Cluster.name`: as in the mesh (`names.cluster_name`), for bytes `tcp/` and that.

    Apart, because a connection whose bytes are the caller's is no connection of the proxy's HTTP.
    """
    plain = destination_name(Destination(*service, port))
    return f"{carried}/{plain}" if carried else plain


@lru_cache(_PARSED_NAMES)
def way_of(cluster: str) -> Way:
    """The inverse of `cluster_name`."""
    first, _, rest = cluster.partition("/")
    is_carried = first in _CARRIED and rest.count("/") > 1  # else a namespace is called so
    found = destination_of(rest if is_carried else cluster)
    return Way(found.resource, found.port, _CARRIED[first] if is_carried else "")


def leads_by_name(cluster: str) -> bool:
    """Whether proxies look up a name to send bytes there."""
    return way_of(cluster).service.kind == "XBackend"


def is_guarded_for_calls_alone(read: Read, cluster: str) -> bool:
    """Whether what a name leads to is looked at for callers' own requests only: Envoy sends copies, and
    questions to authorizers, past the filters of a cluster (`envoy.guard`)."""
    service = way_of(cluster).service
    return service.kind == "XBackend" or (service.kind == "ExternalService" and is_named(read, service))


def service_port(read: Read, service: ResourceId, port: int, carried: Carried = "") -> ServicePort | Broken:
    """One port of a Service, so that its readers do not run again for edits that leave its ports alone."""
    found = datagram_port(read, service, port) if carried == "udp" else declared_port(read, service, port)
    if found is None:
        return Broken("BackendNotFound", _absence(read, service, port, carried))
    protocol = ir.Protocol.TCP if carried else _protocol(read, service, found)
    if protocol is None:
        needs = "needs a BackendTLSPolicy" if found.application.lower() in _OVER_TLS else "is not supported"
        message = f"{service} port {port} speaks {found.application}, which {needs}"
        return Broken("UnsupportedProtocol", message)
    return ServicePort(found.name, found.target, protocol)


def _absence(read: Read, service: ResourceId, port: int, carried: Carried) -> str:
    """Why there is no such port."""
    resource: Service | None = read.leaf(service)
    if resource is None:
        return f"{service} does not exist"
    if resource.spec.type == "ExternalName":
        # gateway-api, BackendRef: an ExternalName would let a route author reach what he may not name.
        return f"{service} is of type ExternalName, which has no instances"
    return f"{service} has no {Way(service, port, carried).protocol} port {port}"


def _protocol(read: Read, service: ResourceId, port: Port) -> ir.Protocol | None:
    """What is spoken to a port; None for what a Gateway cannot speak. Names of protocols know no case."""
    name = port.application.lower()
    if name in _OVER_TLS:
        return _OVER_TLS[name] if policy_of(read, service, port.name) is not None else None
    return _PROTOCOLS.get(name)


def _may_name(read: Read, route: ResourceId, group: str, target: ResourceId, exempt: str) -> bool:
    if exempt in (ANYWHERE, target.namespace):
        return True
    return is_permitted(read, Referrer(GATEWAY_GROUP, route.kind, route.namespace), group, target)


def _external(read: Read, route: ResourceId, reference: BackendObjectReference, exempt: str) -> str | Broken:
    """The same for an ExternalService, whose only port need not be named."""
    service = ResourceId("ExternalService", reference.namespace or route.namespace, reference.name)
    if not _may_name(read, route, SEKISHO_GROUP, service, exempt):
        return Broken("RefNotPermitted", f"no ReferenceGrant in {service.namespace} allows {service}")
    found = external_port(read, service)
    if found is None:
        return Broken("BackendNotFound", f"{service} does not exist")
    port, protocol = found
    if reference.port not in (None, port):
        return Broken("BackendNotFound", f"{service} has port {port}, not {reference.port}")
    if protocol is ir.Protocol.TCP:
        message = f"{service} is not said to speak HTTP (spec.match.protocol)"
        return Broken("UnsupportedProtocol", message)
    return destination_name(Destination(*service, port))


def _xbackend(
    read: Read, route: ResourceId, reference: BackendObjectReference, exempt: str, carried: Carried
) -> str | Broken:
    """The same for an XBackend, whose only port need not be named either."""
    backend = ResourceId("XBackend", reference.namespace or route.namespace, reference.name)
    if exempt:
        return Broken("InvalidKind", "XBackend is for Gateways; for members of a mesh, ExternalService is")
    if not _may_name(read, route, EXPERIMENTAL_GROUP, backend, exempt):
        return Broken("RefNotPermitted", f"no ReferenceGrant in {backend.namespace} allows {backend}")
    found = xbackend_port(read, backend)
    if found is None:
        return Broken("BackendNotFound", f"{backend} does not exist")
    if reference.port not in (None, found.number):
        return Broken("BackendNotFound", f"{backend} has port {found.number}, not {reference.port}")
    if not _can_carry(found, route, carried):
        spoken = found.protocol or "TCP"
        return Broken(
            "UnsupportedProtocol", f"{backend} speaks {spoken}, which is not what a {route.kind} sends"
        )
    return cluster_name(backend, found.number, carried)


def _can_carry(backend: XBackendPort, route: ResourceId, carried: Carried) -> bool:
    if carried:
        return carried == "tcp"
    without_calls = ir.Protocol.HTTP1 if route.kind == "GRPCRoute" else ir.Protocol.TCP
    return backend.protocol is None or backend.protocol not in (ir.Protocol.TCP, without_calls)


def _of_zone(
    read: Read, route: ResourceId, reference: BackendObjectReference, exempt: str, carried: Carried
) -> str | Broken:
    """The same for a ZoneService. That of this zone is the Service itself."""
    service = ResourceId("ZoneService", reference.namespace or route.namespace, reference.name)
    if not _may_name(read, route, SEKISHO_GROUP, service, exempt):
        return Broken("RefNotPermitted", f"no ReferenceGrant in {service.namespace} allows {service}")
    if reference.port is None:
        return Broken("BackendNotFound", f"{service}: a port is needed")
    if (own := at_home(read, service)) is not None:
        return _of_service(read, route, own, reference.port, carried)
    if not mesh_of_called(read, service):
        return Broken("BackendNotFound", f"{service} does not exist")
    found = None if carried == "udp" else remote_port(read, service, reference.port)
    if found is None:
        wanted = Way(service, 0, carried).protocol
        return Broken("BackendNotFound", f"{service} has no {wanted} port {reference.port}")
    if found.is_tls and not carried and policy_of(read, service, found.name) is None:
        message = f"{service} port {reference.port} speaks TLS, which needs a BackendTLSPolicy"
        return Broken("UnsupportedProtocol", message)
    return cluster_name(service, reference.port, carried)


def _of_zones(
    read: Read, route: ResourceId, reference: BackendObjectReference, exempt: str, carried: Carried
) -> str | Broken:
    """The same for a MultiZoneService. Nobody says whom to believe by TLS in all zones: bytes only."""
    service = ResourceId("MultiZoneService", reference.namespace or route.namespace, reference.name)
    if not _may_name(read, route, SEKISHO_GROUP, service, exempt):
        return Broken("RefNotPermitted", f"no ReferenceGrant in {service.namespace} allows {service}")
    if reference.port is None:
        return Broken("BackendNotFound", f"{service}: a port is needed")
    if not mesh_of_called(read, service) or read.leaf(service) is None:
        return Broken("BackendNotFound", f"{service} does not exist")
    found = None if carried == "udp" else multi_port(read, service, reference.port)
    if found is None:
        wanted = Way(service, 0, carried).protocol
        return Broken("BackendNotFound", f"{service} has no {wanted} port {reference.port}")
    if found.is_tls and not carried:
        message = f"{service} port {reference.port} speaks TLS: a TLSRoute passes it on"
        return Broken("UnsupportedProtocol", message)
    return cluster_name(service, reference.port, carried)


def _of_service(
    read: Read, route: ResourceId, service: ResourceId, port: int, carried: Carried
) -> str | Broken:
    found = service_port(read, service, port, carried)
    if isinstance(found, Broken):
        return found
    if route.kind == "GRPCRoute" and found.protocol not in _FOR_CALLS:
        message = f"{service} port {port} speaks {found.protocol}, which carries no gRPC"
        return Broken("UnsupportedProtocol", message)
    return cluster_name(service, port, carried)


def resolve(
    read: Read,
    route: ResourceId,
    reference: BackendObjectReference,
    exempt: str = "",
    *,
    carried: Carried = "",
) -> str | Broken:
    """The name of the cluster a route's reference leads to, or why it leads nowhere.

    In the order of the specification: the kind, then permission (before existence, which is not the
    referrer's to learn), then the Service itself. Into the namespace `exempt` no grant is needed; into none
    where that is `ANYWHERE`.
    """
    if (reference.group, reference.kind) == (SEKISHO_GROUP, "ExternalService") and not carried:
        return _external(read, route, reference, exempt)
    if (reference.group, reference.kind) == (EXPERIMENTAL_GROUP, "XBackend"):
        return _xbackend(read, route, reference, exempt, carried)
    if (reference.group, reference.kind) == (SEKISHO_GROUP, "ZoneService"):
        return _of_zone(read, route, reference, exempt, carried)
    if (reference.group, reference.kind) == (SEKISHO_GROUP, "MultiZoneService"):
        return _of_zones(read, route, reference, exempt, carried)
    if (reference.group, reference.kind) != ("", "Service"):
        kind = f"{reference.kind}.{reference.group}".rstrip(".")
        ours = ["ZoneService", "MultiZoneService", *([] if carried else ["ExternalService"])]
        others = ", ".join(f"{one}.{SEKISHO_GROUP}" for one in ours)
        return Broken("InvalidKind", f"{kind} is not a kind of backend; Service is, and {others}")
    service = ResourceId("Service", reference.namespace or route.namespace, reference.name)
    if not _may_name(read, route, "", service, exempt):
        return Broken("RefNotPermitted", f"no ReferenceGrant in {service.namespace} allows {service}")
    if reference.port is None:
        return Broken("BackendNotFound", f"{service}: a port is needed")
    return _of_service(read, route, service, reference.port, carried)
