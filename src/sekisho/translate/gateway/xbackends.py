"""XBackends: backends outside, called by their host name, and by TLS as they say themselves (GEP-4894)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.ir.cluster import Host
from sekisho.ir.transport import ServerTls
from sekisho.model.names import Origin, ResourceId
from sekisho.model.xbackend import XBackend, XBackendTls
from sekisho.model.xmesh import EXPERIMENTAL_GROUP
from sekisho.translate.gateway.backend_tls import server_tls, trusted
from sekisho.translate.gateway.certificates import Unusable, resolve_certificate
from sekisho.translate.mesh.external import CLIENT_PREFIX
from sekisho.translate.mesh.meshes import mesh_of, mesh_spec
from sekisho.translate.mesh.names import Destination

_PROTOCOLS: Mapping[str | None, ir.Protocol] = MappingProxyType(
    {
        "TCP": ir.Protocol.TCP,
        "HTTP11": ir.Protocol.HTTP1,
        "MCP": ir.Protocol.HTTP1,
        "HTTP2": ir.Protocol.H2C,
        "H2C": ir.Protocol.H2C,
    }
)
"""Without HTTP, whose version is the route's affair as if nothing was said."""
_ALPN: Mapping[str | None, tuple[str, ...]] = MappingProxyType(
    {"HTTP11": ("http/1.1",), "MCP": ("http/1.1",), "HTTP2": ("h2",)}
)
"""What is offered in the handshake, also where bytes are carried that nobody looks into."""


class XBackendPort(NamedTuple):
    """What routing needs to know of an XBackend."""

    number: int
    protocol: ir.Protocol | None
    """None where the route decides."""


@query
def xbackend_port(read: Read, backend: ResourceId) -> XBackendPort | None:
    """Its port and what is spoken there; None for one that does not exist."""
    resource: XBackend | None = read.leaf(backend)
    if resource is None:
        return None
    spec = resource.spec
    return XBackendPort(spec.port.port, _PROTOCOLS.get(spec.protocol))


@query
def xbackend_cluster(
    read: Read, gateway: ResourceId, destination: Destination, name: str, protocol: ir.Protocol
) -> ir.Cluster | None:
    """The way of a Gateway there, for requests or (`Protocol.TCP`) bytes; None where it is closed.

    `protocol`: what is spoken where the backend does not say; `name`: that of the cluster.
    """
    backend = destination.resource
    found = xbackend_port(read, backend)
    resource: XBackend | None = read.leaf(backend)
    if resource is None or found is None or found.number != destination.port:
        return None
    spoken = protocol if protocol is ir.Protocol.TCP else found.protocol or protocol
    transport = xbackend_tls(read, backend, spoken)
    hostname = resource.spec.external_hostname
    if isinstance(transport, Unusable) or hostname is None or is_shut_in(read, gateway):
        return None
    return ir.Cluster(
        name=name,
        protocol=spoken,
        transport=transport,
        hosts=(Host(hostname.hostname, destination.port),),
        guarded=True,
        origin=Origin(backend, "spec"),
    )


def xbackend_tls(read: Read, backend: ResourceId, protocol: ir.Protocol) -> ServerTls | Unusable | None:
    """How it is spoken to; None for without TLS, because it wants none."""
    resource: XBackend = read.leaf(backend)
    tls, hostname = resource.spec.tls, resource.spec.external_hostname
    if tls is None or tls.mode == "None" or hostname is None:
        return None
    shown = _shown(read, backend, tls)
    if isinstance(shown, Unusable):
        return shown
    alpn = _ALPN.get(resource.spec.protocol, _of(protocol))
    if tls.validation is None:
        return ServerTls(server_name=hostname.hostname, certificate=shown, alpn=alpn)
    found = trusted(read, backend)
    if not found.is_usable:
        return found.problems[0]
    return server_tls(backend, tls.validation, found, certificate=shown, alpn=alpn)


def is_shut_in(read: Read, gateway: ResourceId) -> bool:
    """Whether a Gateway is in a mesh that has but one way out, which asks who goes it: not this one."""
    mesh = mesh_of(read, gateway.namespace)
    return bool(mesh) and mesh_spec(read, mesh).egress == "Required"


def _of(protocol: ir.Protocol) -> tuple[str, ...]:
    if protocol is ir.Protocol.TCP:
        return ()
    return ("h2",) if protocol in (ir.Protocol.H2C, ir.Protocol.GRPC) else ("http/1.1",)


def _shown(read: Read, backend: ResourceId, tls: XBackendTls) -> str | Unusable:
    """Name of the certificate shown to the server; empty for none."""
    if tls.client_certificate_ref is None:
        return ""
    found = resolve_certificate(read, backend, tls.client_certificate_ref, group=EXPERIMENTAL_GROUP)
    return found if isinstance(found, Unusable) else f"{CLIENT_PREFIX}{found.name}"
