"""Everything translation gives: what proxies must do, and what resources' statuses should say."""

from collections.abc import Callable
from typing import Any

from sekisho.engine import Output, Read, output
from sekisho.model.kinds import POLICY_KINDS
from sekisho.model.names import ResourceId
from sekisho.model.routes import ROUTE_KINDS
from sekisho.translate.gateway.backend_tls_status import backend_tls_status
from sekisho.translate.gateway.certificates import EXPIRIES
from sekisho.translate.gateway.class_status import class_status
from sekisho.translate.gateway.clusters import CLUSTERS, ENDPOINTS, TUNNELS
from sekisho.translate.gateway.gateway_status import gateway_status
from sekisho.translate.gateway.infrastructure import INFRASTRUCTURE
from sekisho.translate.gateway.listener_set_status import listener_set_status
from sekisho.translate.gateway.openings import OPENINGS
from sekisho.translate.gateway.route_status import route_status
from sekisho.translate.gateway.sockets import CALLER_AUTHORITIES, CERTIFICATES, LISTENERS, UDP_LISTENERS
from sekisho.translate.gateway.virtual_hosts import VIRTUAL_HOSTS, WILDCARD_TABLES
from sekisho.translate.gateway.xbackend_status import traffic_policy_status, xbackend_status
from sekisho.translate.ingress.status import ingress_status
from sekisho.translate.mesh.collectors import COLLECTORS
from sekisho.translate.mesh.content import (
    DIRECT_CLUSTERS,
    DIRECT_OUTBOUNDS,
    HOSTNAMES,
    MEMBERS,
    MESH_CLUSTERS,
    MESH_ENDPOINTS,
    OUTBOUNDS,
    ROUTE_TABLES,
)
from sekisho.translate.mesh.inbounds import CAPTURED_INBOUNDS, INBOUNDS
from sekisho.translate.mesh.mesh_tls_status import mesh_tls_status
from sekisho.translate.mesh.policy_status import policy_status
from sekisho.translate.mesh.secrets import AUTHORITIES, CLIENT_CERTIFICATES, TRUST
from sekisho.translate.mesh.sidecars import PASSTHROUGHS, SIDECARS
from sekisho.translate.mesh.sight import SEEN
from sekisho.translate.mesh.status import (
    external_service_status,
    hostname_generator_status,
    mesh_status,
    workload_status,
)
from sekisho.translate.mesh.xmesh_status import xmesh_status
from sekisho.translate.mesh.zone_status import multi_zone_service_status, zone_service_status
from sekisho.translate.zone.ingress import INGRESS_CLUSTERS, INGRESS_ENDPOINTS
from sekisho.translate.zone.outlets import OUTLET_CLUSTERS, OUTLET_NAMES, OUTLETS, PASSAGES
from sekisho.translate.zone.records import RECORDS
from sekisho.translate.zone.ways import WAY_CLUSTERS, WAY_ENDPOINTS, WAYS

__all__ = [
    "AUTHORITIES", "CALLER_AUTHORITIES", "CAPTURED_INBOUNDS", "CERTIFICATES", "CLIENT_CERTIFICATES",
    "CLUSTERS", "COLLECTORS", "DIRECT_CLUSTERS", "DIRECT_OUTBOUNDS", "ENDPOINTS", "EXPIRIES", "HOSTNAMES",
    "INBOUNDS", "INFRASTRUCTURE", "INGRESS_CLUSTERS", "INGRESS_ENDPOINTS", "LISTENERS", "MEMBERS",
    "MESH_CLUSTERS", "MESH_ENDPOINTS", "OPENINGS", "OUTBOUNDS", "OUTLETS", "OUTLET_CLUSTERS", "OUTLET_NAMES",
    "OUTPUTS", "PASSAGES", "PASSTHROUGHS", "RECORDS", "ROUTE_TABLES", "SEEN", "SIDECARS", "STATUSES", "TRUST",
    "TUNNELS", "UDP_LISTENERS", "VIRTUAL_HOSTS", "WAYS", "WAY_CLUSTERS", "WAY_ENDPOINTS", "WILDCARD_TABLES",
]  # fmt: skip

_STATUSES: dict[str, Callable[[Read, ResourceId], dict[str, Any] | None]] = {
    "GatewayClass": class_status,
    "Gateway": gateway_status,
    "ListenerSet": listener_set_status,
    **dict.fromkeys(ROUTE_KINDS, route_status),
    "BackendTLSPolicy": backend_tls_status,
    "XBackend": xbackend_status,
    "XBackendTrafficPolicy": traffic_policy_status,
    "Ingress": ingress_status,
    "Workload": workload_status,
    "ExternalService": external_service_status,
    "ZoneService": zone_service_status,
    "MultiZoneService": multi_zone_service_status,
    "HostnameGenerator": hostname_generator_status,
    "Mesh": mesh_status,
    "MeshTLS": mesh_tls_status,
    "XMesh": xmesh_status,
    **dict.fromkeys(POLICY_KINDS, policy_status),
}


def _status(read: Read, resource: ResourceId) -> dict[str, Any] | None:
    return _STATUSES[resource.kind](read, resource)


STATUSES: Output[dict[str, Any]] = output("statuses", source=tuple(_STATUSES), build=_status)
"""Resource → desired status without transition times; none for what is not ours to speak about."""

OUTPUTS: tuple[Output[Any], ...] = (
    LISTENERS, UDP_LISTENERS, VIRTUAL_HOSTS, WILDCARD_TABLES, CLUSTERS, ENDPOINTS, CERTIFICATES,
    CALLER_AUTHORITIES, EXPIRIES, OPENINGS,
    INFRASTRUCTURE, INBOUNDS, CAPTURED_INBOUNDS, PASSTHROUGHS, SIDECARS, SEEN, MEMBERS, OUTBOUNDS,
    ROUTE_TABLES, DIRECT_OUTBOUNDS, DIRECT_CLUSTERS, MESH_CLUSTERS, MESH_ENDPOINTS, HOSTNAMES, TRUST,
    AUTHORITIES, CLIENT_CERTIFICATES, COLLECTORS,
    INGRESS_CLUSTERS, INGRESS_ENDPOINTS, RECORDS, TUNNELS, OUTLETS, OUTLET_CLUSTERS, OUTLET_NAMES,
    PASSAGES, WAYS, WAY_CLUSTERS, WAY_ENDPOINTS,
    STATUSES,
)  # fmt: skip
