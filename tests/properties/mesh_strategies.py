"""Made-up resources of a mesh, from the same small vocabulary: members, permissions, routes, names."""

from typing import Any

from hypothesis import strategies as st
from tests.properties.zone_strategies import ZONE_BACKENDS
from tests.unit.translate.world import Document, backend, document, http_route, namespace, rule

from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.translate.facts import (
    SYNCED,
    AssignedVip,
    Authority,
    AuthorityState,
    ProxyState,
    Readiness,
    Rejection,
)
from sekisho.translate.mesh.rejections import ROUTES_TYPE
from sekisho.translate.mesh.worlds import World

DOMAIN = "spiffe://default.default.mesh.local"
NAMESPACES = st.sampled_from(["shop", "bank"])
OWNERS = st.sampled_from(["shop", "bank", SYSTEM_NAMESPACE])
SERVICES = st.sampled_from(["web", "api"])
WORKLOADS = st.sampled_from(["w1", "w2", "w3"])
MESHES = st.sampled_from(["default", "other"])

SIDECARS = st.sampled_from(
    [
        {},
        {"capture": "Redirect"},
        {"capture": "TransparentProxy"},
        {"capture": "Redirect", "reachable": [{"name": "web"}]},
        {"capture": "Redirect", "reachable": [{"name": "web"}], "onDemand": True},
        {"capture": "Redirect", "reachable": [{"namespace": "bank"}, {"kind": "ExternalService"}]},
        {"capture": "None", "outboundAddresses": "127.9.0.0/16"},
    ]
)
PORTS = st.sampled_from(
    [
        {"port": 80, "targetPort": 3000, "name": "http"},
        {"port": 80, "targetPort": "main"},
        {"port": 81, "targetPort": 3000, "appProtocol": "grpc"},
    ]
)
CALLERS = st.sampled_from(
    [
        {},
        {"namespaces": ["shop"]},
        {"spiffeID": {"value": f"{DOMAIN}/ns/bank/sa/api"}},
        {"spiffeID": {"type": "Prefix", "value": f"{DOMAIN}/ns/shop"}},
        {"paths": [{"value": "/a"}]},
    ]
)
TARGETS = st.sampled_from(
    [
        {},
        {"targetRef": {"kind": "Workload", "labels": {"app": "web"}}},
        {"targetRef": {"kind": "Service", "name": "web"}},
    ]
)


def _member(name: str, space: str, app: str, sidecar: Document, probe: Document) -> Document:
    return document(
        "Workload", name, space, metadata={"labels": {"app": app}},
        spec={
            "address": "10.0.0.9", "serviceAccountName": app, "sidecar": sidecar,
            "ports": [{"port": 3000, "name": "main", "targetPort": 13000}], **probe,
        },
    )  # fmt: skip


def _service(name: str, space: str, port: Document, vip: str) -> Document:
    spec = {"ports": [port], "selector": {"app": name}, "clusterIP": vip}
    return document("Service", name, space, metadata={"labels": {"public": name}}, spec=spec)


def _route(name: str, space: str, parent: Document, to: Document) -> Document:
    parents = [{"group": "", "kind": "Service", **parent}]
    return http_route(name, rule(to), namespace=space, parents=parents)


def _permission(kind: str, space: str, callers: list[Document], target: Document) -> Document:
    rules = [{"default": {kind: callers}}]
    return document("TrafficPermission", "p", space, spec={"rules": rules, **target})


MESH_DOCUMENTS: st.SearchStrategy[Document] = st.one_of(
    st.builds(
        lambda name, inspection, reachable, on_demand: document(
            "Mesh", name, spec={"inspection": inspection, "reachable": reachable, "onDemand": on_demand}
        ),
        MESHES, st.sampled_from(["Auto", "Always"]), st.sampled_from(["Permitted", "Namespace", "Listed"]),
        st.booleans(),
    ),
    st.builds(
        _member, WORKLOADS, NAMESPACES, SERVICES, SIDECARS,
        st.sampled_from([{}, {"readinessProbe": {"tcpSocket": {"port": 3000}}}]),
    ),
    st.builds(
        _service, SERVICES, NAMESPACES, PORTS, st.sampled_from(["241.0.0.1", "241.0.0.2", "None", ""])
    ),
    st.builds(
        _route, st.sampled_from(["r", "q"]), NAMESPACES,
        st.sampled_from([{"name": "web"}, {"name": "web", "namespace": "shop"}, {"name": "api", "port": 80}]),
        st.one_of(st.builds(lambda to, at: backend(to, namespace=at), SERVICES, NAMESPACES), ZONE_BACKENDS),
    ),
    st.builds(
        _permission, st.sampled_from(["allow", "allow", "deny"]), OWNERS,
        st.lists(CALLERS, min_size=1, max_size=2), TARGETS,
    ),
    st.builds(
        lambda labels, path: document(
            "MeshIdentity", "i", SYSTEM_NAMESPACE,
            spec={"selector": {"workload": {"matchLabels": labels}}, "spiffeID": {"path": path}},
        ),
        st.sampled_from([{}, {"app": "web"}]), st.sampled_from(["/x", "/ns/{{ .Namespace }}"]),
    ),
    st.builds(
        lambda space, mode, target: document(
            "MeshTLS", "t", space, spec={"rules": [{"default": {"mode": mode}}], **target}
        ),
        OWNERS, st.sampled_from(["Strict", "Permissive"]), TARGETS,
    ),
    st.builds(
        lambda space, tls: document(
            "ExternalService", "out", space,
            spec={
                "match": {"port": 80, "protocol": "http"},
                "endpoints": [{"address": "out.example", "port": 443}], **tls,
            },
        ),
        NAMESPACES,
        st.sampled_from(
            [{}, {"tls": {"enabled": True, "verification": {"clientCertificateRef": {"name": "cert"}}}}]
        ),
    ),
    st.builds(
        lambda name, template, created: document(
            "HostnameGenerator", name, SYSTEM_NAMESPACE, metadata={"creationTimestamp": created},
            spec={"selector": {"service": {}}, "template": template},
        ),
        st.sampled_from(["g", "h"]), st.sampled_from(["{{ .Name }}.corp", "the.corp"]),
        st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    ),
    st.builds(lambda space, name: namespace(space, **{"sekisho.dev/mesh": name}), NAMESPACES, MESHES),
)  # fmt: skip

MEMBER_IDS = st.builds(lambda space, name: ResourceId("Workload", space, name), NAMESPACES, WORKLOADS)
MESH_FACTS: st.SearchStrategy[dict[Any, Any]] = st.one_of(
    st.builds(
        lambda id_, said: {Readiness.of(id_): said}, MEMBER_IDS, st.sampled_from([True, False, None])
    ),
    st.builds(lambda id_, state: {ProxyState.of(id_): state}, MEMBER_IDS, st.sampled_from([SYNCED, None])),
    st.builds(
        lambda space, address: {AssignedVip.of(ResourceId("ExternalService", space, "out")): address},
        NAMESPACES, st.sampled_from(["242.0.128.1", "", None]),
    ),
    st.builds(
        lambda name, state: {Authority.of(name): state},
        MESHES, st.sampled_from([AuthorityState(bundles=(("default.default.mesh.local", b"CA"),)), None]),
    ),
    st.builds(
        lambda message: {Rejection.of(World.of("default"), ROUTES_TYPE, "outbound/shop/web/80"): message},
        st.sampled_from(["no", None]),
    ),
)  # fmt: skip

A_MESH: tuple[Document, ...] = (
    document("Mesh", "default", spec={}),
    _permission("allow", SYSTEM_NAMESPACE, [{"namespaces": ["shop"]}], {}),
    _service("web", "shop", {"port": 80, "targetPort": 3000, "name": "http"}, "241.0.0.1"),
    _member("w1", "shop", "web", {"capture": "Redirect"}, {}),
)
"""Something to begin with, in which a workload sees a service."""
