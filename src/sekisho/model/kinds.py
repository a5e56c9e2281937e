"""The kinds we serve, and what the API needs to know about each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sekisho.model.backend_tls_policy import BackendTLSPolicy
from sekisho.model.byteroutes import TCPRoute, TLSRoute, UDPRoute
from sekisho.model.core import ConfigMap, Namespace, Secret, Service, ServiceAccount
from sekisho.model.discovery import EndpointSlice
from sekisho.model.external_service import ExternalService
from sekisho.model.gateway import GATEWAY_GROUP, Gateway, GatewayClass
from sekisho.model.grpcroute import GRPCRoute
from sekisho.model.hostname_generator import HostnameGenerator
from sekisho.model.httproute import HTTPRoute
from sekisho.model.identity import MeshIdentity, MeshTrust
from sekisho.model.ingress import INGRESS_GROUP, Ingress, IngressClass
from sekisho.model.listener_set import ListenerSet
from sekisho.model.mesh import Mesh
from sekisho.model.mesh_tls import MeshTLS
from sekisho.model.meta import Resource
from sekisho.model.multi_zone_service import MultiZoneService
from sekisho.model.names import api_version
from sekisho.model.policies.access_log import AccessLog
from sekisho.model.policies.circuit_breaker import CircuitBreaker
from sekisho.model.policies.fault_injection import FaultInjection
from sekisho.model.policies.health_check import HealthCheck
from sekisho.model.policies.load_balancing import LoadBalancing
from sekisho.model.policies.metrics import Metrics
from sekisho.model.policies.passthrough import Passthrough
from sekisho.model.policies.proxy_patch import ProxyPatch
from sekisho.model.policies.rate_limit import RateLimit
from sekisho.model.policies.retry import Retry
from sekisho.model.policies.timeout import Timeout
from sekisho.model.policies.tracing import Tracing
from sekisho.model.policies.traffic_permission import TrafficPermission
from sekisho.model.reference_grant import ReferenceGrant
from sekisho.model.workload import Workload
from sekisho.model.xbackend import XBackend
from sekisho.model.xbackend_traffic_policy import XBackendTrafficPolicy
from sekisho.model.xmesh import EXPERIMENTAL_GROUP, XMesh
from sekisho.model.zone import Zone
from sekisho.model.zone_ingress import ZoneIngress
from sekisho.model.zone_service import ZoneService

SEKISHO_GROUP = "sekisho.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of resource."""

    kind: str
    """As users write it; unique over all groups."""
    group: str
    """API group; empty for core."""
    version: str
    """The version resources are stored and answered in."""
    type: type[Resource]
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    served_versions: tuple[str, ...] = ("v1",)
    """All versions a user may write, newest first; their fields are the same."""
    namespaced: bool = True
    has_status: bool = True
    """Whether it has the `/status` subresource."""
    default_status: Mapping[str, Any] | None = None
    """What a fresh resource's status is until a controller writes it (the CRD's default)."""

    @property
    def api_version(self) -> str:
        """`v1`, `gateway.networking.k8s.io/v1`: what is stored as `apiVersion`."""
        return self.api_version_of(self.version)

    def api_version_of(self, version: str) -> str:
        """`apiVersion` of one of the served versions."""
        return api_version(self.group, version)


def _pending(*types: str) -> Mapping[str, Any]:
    """Conditions as the Gateway API CRDs default them: nobody has looked yet."""
    return {
        "conditions": [
            {
                "type": type_,
                "status": "Unknown",
                "reason": "Pending",
                "message": "Waiting for controller",
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            }
            for type_ in types
        ]
    }


_GATEWAY: dict[str, Any] = {
    "group": GATEWAY_GROUP,
    "version": "v1",
    "served_versions": ("v1", "v1beta1"),
    "categories": ("gateway-api",),
}


def _newer(type_: type[Resource]) -> Kind:
    """A kind of the Gateway API that was never served in a beta version."""
    singular = type_.__name__.lower()
    return Kind(
        kind=type_.__name__, group=GATEWAY_GROUP, version="v1", type=type_,
        plural=f"{singular}s", singular=singular, categories=("gateway-api",),
    )  # fmt: skip


def _experimental(type_: type[Resource], plural: str, *short_names: str) -> Kind:
    """A kind that the Gateway API tries out, in a group of its own."""
    return Kind(
        kind=type_.__name__, group=EXPERIMENTAL_GROUP, version="v1alpha1", type=type_, plural=plural,
        singular=type_.__name__.lower(), short_names=short_names, served_versions=("v1alpha1",),
        categories=("gateway-api",),
    )  # fmt: skip


def _ours(type_: type[Resource], plural: str, *short_names: str, namespaced: bool = True) -> Kind:
    return Kind(
        kind=type_.__name__, group=SEKISHO_GROUP, version="v1alpha1", type=type_,
        served_versions=("v1alpha1",), plural=plural, singular=type_.__name__.lower(),
        short_names=short_names, categories=("sekisho",), namespaced=namespaced,
    )  # fmt: skip


def _policy(type_: type[Resource], plural: str, singular: str, *short_names: str) -> Kind:
    return replace(_ours(type_, plural, *short_names), singular=singular, categories=("sekisho", "policies"))


_MESH = (
    _ours(Workload, "workloads", "wl"),
    _ours(Mesh, "meshes", namespaced=False),
    _ours(MeshIdentity, "meshidentities", "mid"),
    _ours(MeshTrust, "meshtrusts", "mtrust"),
    _policy(MeshTLS, "meshtlses", "meshtls", "mtls"),
    _ours(ExternalService, "externalservices", "extsvc"),
    _ours(HostnameGenerator, "hostnamegenerators", "hg"),
    _ours(Zone, "zones", namespaced=False),
    _ours(ZoneService, "zoneservices", "zsvc"),
    _ours(ZoneIngress, "zoneingresses", "zing"),
    _ours(MultiZoneService, "multizoneservices", "mzsvc"),
)
_POLICIES = (
    _policy(TrafficPermission, "trafficpermissions", "trafficpermission", "tp"),
    _policy(Timeout, "timeouts", "timeout"),
    _policy(Retry, "retries", "retry"),
    _policy(CircuitBreaker, "circuitbreakers", "circuitbreaker"),
    _policy(HealthCheck, "healthchecks", "healthcheck"),
    _policy(LoadBalancing, "loadbalancings", "loadbalancing"),
    _policy(RateLimit, "ratelimits", "ratelimit"),
    _policy(FaultInjection, "faultinjections", "faultinjection"),
    _policy(AccessLog, "accesslogs", "accesslog"),
    _policy(Tracing, "tracings", "tracing"),
    _policy(Metrics, "metrics", "metric"),
    _policy(Passthrough, "passthroughs", "passthrough"),
    _policy(ProxyPatch, "proxypatches", "proxypatch"),
)

_ALL = (
    Kind(
        kind="Namespace", group="", version="v1", type=Namespace,
        plural="namespaces", singular="namespace", short_names=("ns",), namespaced=False,
    ),
    Kind(
        kind="Service", group="", version="v1", type=Service,
        plural="services", singular="service", short_names=("svc",), categories=("all",),
    ),
    Kind(
        kind="Secret", group="", version="v1", type=Secret,
        plural="secrets", singular="secret", has_status=False,
    ),
    Kind(
        kind="ConfigMap", group="", version="v1", type=ConfigMap,
        plural="configmaps", singular="configmap", short_names=("cm",), has_status=False,
    ),
    Kind(
        kind="ServiceAccount", group="", version="v1", type=ServiceAccount,
        plural="serviceaccounts", singular="serviceaccount", short_names=("sa",), has_status=False,
    ),
    Kind(
        kind="EndpointSlice", group="discovery.k8s.io", version="v1", type=EndpointSlice,
        plural="endpointslices", singular="endpointslice", has_status=False,
    ),
    Kind(
        kind="GatewayClass", type=GatewayClass, plural="gatewayclasses", singular="gatewayclass",
        short_names=("gc",), namespaced=False, default_status=_pending("Accepted"), **_GATEWAY,
    ),
    Kind(
        kind="Gateway", type=Gateway, plural="gateways", singular="gateway",
        short_names=("gtw",), default_status=_pending("Accepted", "Programmed"), **_GATEWAY,
    ),
    Kind(kind="HTTPRoute", type=HTTPRoute, plural="httproutes", singular="httproute", **_GATEWAY),
    *(_newer(type_) for type_ in (GRPCRoute, TLSRoute, TCPRoute, UDPRoute)),
    replace(
        _newer(ListenerSet), short_names=("lset",), default_status=_pending("Accepted", "Programmed")
    ),
    Kind(
        kind="ReferenceGrant", type=ReferenceGrant, plural="referencegrants", singular="referencegrant",
        short_names=("refgrant",), has_status=False, **_GATEWAY,
    ),
    replace(
        _newer(BackendTLSPolicy), plural="backendtlspolicies", short_names=("btlspolicy",)
    ),
    replace(_experimental(XMesh, "xmeshes"), namespaced=False, default_status=_pending("Accepted")),
    _experimental(XBackend, "xbackends", "xbackend"),
    _experimental(XBackendTrafficPolicy, "xbackendtrafficpolicies", "xbtrafficpolicy"),
    Kind(
        kind="IngressClass", group=INGRESS_GROUP, version="v1", type=IngressClass,
        plural="ingressclasses", singular="ingressclass", namespaced=False, has_status=False,
    ),
    Kind(
        kind="Ingress", group=INGRESS_GROUP, version="v1", type=Ingress,
        plural="ingresses", singular="ingress", short_names=("ing",),
    ),
    *_MESH,
    *_POLICIES,
)  # fmt: skip

KINDS: Mapping[str, Kind] = MappingProxyType({kind.kind: kind for kind in _ALL})
"""By kind name."""

POLICY_KINDS = tuple(kind.kind for kind in _POLICIES)
"""Kinds that say how proxies treat traffic: with a targetRef, and `to`, `rules` or `default`."""
