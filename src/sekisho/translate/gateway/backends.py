"""Backend references: a Service port becomes a cluster, shared by all rules, routes and Gateways."""

from typing import NamedTuple

from msgspec import Struct

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.core import Service
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.httpfilters import BackendObjectReference
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.grants import Referrer, is_permitted

_PROTOCOLS = {
    "": ir.Protocol.HTTP1,
    "http": ir.Protocol.HTTP1,
    "http2": ir.Protocol.H2C,
    "grpc": ir.Protocol.GRPC,
    "kubernetes.io/h2c": ir.Protocol.H2C,
    "kubernetes.io/ws": ir.Protocol.WEBSOCKET,
}
"""By `appProtocol` of the Service port (GEP-1911). Those with TLS need a way to trust the backend first."""


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


def cluster_name(service: ResourceId, port: int) -> str:
    """`ir.Cluster.name`: `<namespace>/<service>/<port>`."""
    return f"{service.namespace}/{service.name}/{port}"


def service_of(cluster: str) -> tuple[ResourceId, int]:
    """The inverse of `cluster_name`."""
    namespace, name, port = cluster.split("/")
    return ResourceId("Service", namespace, name), int(port)


@query
def service_port(read: Read, service: ResourceId, port: int) -> ServicePort | Broken:
    """One TCP port of a Service, so that its readers do not run again for other edits of the Service."""
    resource: Service | None = read.leaf(service)
    if resource is None:
        return Broken("BackendNotFound", f"{service} does not exist")
    if resource.spec.type == "ExternalName":
        # gateway-api, BackendRef: an ExternalName would let a route author reach what he may not name.
        return Broken("BackendNotFound", f"{service} is of type ExternalName, which has no instances")
    for candidate in resource.spec.ports:
        if candidate.port == port and candidate.protocol == "TCP":
            protocol = _PROTOCOLS.get(candidate.app_protocol or "")
            if protocol is None:
                message = f"{service} port {port} speaks {candidate.app_protocol}, which is not supported"
                return Broken("UnsupportedProtocol", message)
            return ServicePort(candidate.name or "", candidate.target_port or port, protocol)
    return Broken("BackendNotFound", f"{service} has no TCP port {port}")


def resolve(
    read: Read, route: ResourceId, reference: BackendObjectReference, exempt: str = ""
) -> str | Broken:
    """The name of the cluster a route's reference leads to, or why it leads nowhere.

    In the order of the specification: the kind, then permission (before existence, which is not the
    referrer's to learn), then the Service itself. Into the namespace `exempt` no grant is needed.
    """
    if (reference.group, reference.kind) != ("", "Service"):
        kind = f"{reference.kind}.{reference.group}".rstrip(".")
        return Broken("InvalidKind", f"{kind} is not a kind of backend; Service is")
    service = ResourceId("Service", reference.namespace or route.namespace, reference.name)
    referrer = Referrer(GATEWAY_GROUP, route.kind, route.namespace)
    if service.namespace != exempt and not is_permitted(read, referrer, "", service):
        return Broken("RefNotPermitted", f"no ReferenceGrant in {service.namespace} allows {service}")
    if reference.port is None:
        return Broken("BackendNotFound", f"{service}: a port is needed")
    found = service_port(read, service, reference.port)
    return found if isinstance(found, Broken) else cluster_name(service, reference.port)
