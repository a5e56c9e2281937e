"""What types cannot say: rules between fields, one file per kind, told as problems in field order."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from sekisho.model.kinds import POLICY_KINDS
from sekisho.model.meta import Resource
from sekisho.model.mistakes import MAX_TOLD
from sekisho.model.problems import Problem
from sekisho.model.validation import (
    backend_tls_policy,
    byteroutes,
    changes,
    core,
    discovery,
    external_service,
    gateway,
    grpcroute,
    hostname_generator,
    httproute,
    identity,
    ingress,
    mesh,
    mesh_tls,
    metadata,
    policies,
    workload,
    xbackends,
    zones,
)

__all__ = ["changes", "problems"]

_RULES: Mapping[str, Callable[[Any], Iterable[Problem]]] = MappingProxyType(
    {
        "Service": core.service,
        "Secret": core.secret,
        "ConfigMap": core.config_map,
        "EndpointSlice": discovery.endpoint_slice,
        "Gateway": gateway.gateway,
        "ListenerSet": gateway.listener_set,
        "HTTPRoute": httproute.http_route,
        "GRPCRoute": grpcroute.grpc_route,
        "BackendTLSPolicy": backend_tls_policy.backend_tls_policy,
        "XBackend": xbackends.xbackend,
        "XBackendTrafficPolicy": xbackends.xbackend_traffic_policy,
        **dict.fromkeys(("TLSRoute", "TCPRoute", "UDPRoute"), byteroutes.byte_route),
        "Ingress": ingress.ingress,
        "IngressClass": ingress.ingress_class,
        "Workload": workload.workload,
        "Mesh": mesh.mesh,
        "MeshIdentity": identity.mesh_identity,
        "MeshTrust": identity.mesh_trust,
        "MeshTLS": mesh_tls.mesh_tls,
        "ExternalService": external_service.external_service,
        "HostnameGenerator": hostname_generator.hostname_generator,
        "Zone": zones.zone,
        "ZoneService": zones.zone_service,
        "ZoneIngress": zones.zone_ingress,
        "MultiZoneService": zones.multi_zone_service,
        **dict.fromkeys(POLICY_KINDS, policies.policy),
    }
)


def problems(resource: Resource) -> list[Problem]:
    """The mistakes in a resource whose fields have the right types; the first MAX_TOLD."""
    rules = _RULES.get(resource.kind)
    found = chain(metadata.problems(resource), rules(resource) if rules else ())
    return list(islice(found, MAX_TOLD))
