"""Made-up records of other zones, services over several of them, and policies about who is called first."""

from typing import Any

from hypothesis import strategies as st
from tests.unit.translate.mesh.mesh import mesh
from tests.unit.translate.world import (
    Document,
    document,
    gateway,
    gateway_class,
    http,
    namespace,
    passthrough,
)
from tests.unit.translate.zone.zones import (
    zone,
    zone_ingress,
    zone_ingress_gateway,
    zone_service,
    zone_trust,
)

from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.model.origin import EXPORT_LABEL
from sekisho.model.zone_ingress import ADVERTISED_ADDRESSES, ZONE_EGRESS_CLASS, ZONE_INGRESS_CLASS
from sekisho.translate.facts import AssignedVip, Settings, SettingsKey

ZONES = st.sampled_from(["gcp", "aws", "azure"])
"""One of them is this one, where `ZONE_FACTS` say so."""
NAMESPACES = st.sampled_from(["shop", "bank"])
SERVICES = st.sampled_from(["web", "api"])
PORTS = st.sampled_from(
    [{}, {"protocol": "tcp"}, {"protocol": "grpc", "inspected": True}, {"protocol": "tls"}, {"name": "main"}]
)
DOORS = st.lists(
    st.sampled_from(["203.0.113.7:443", "203.0.113.8:443", "gcp.example.com:443"]), max_size=2, unique=True
)
AWARENESS: st.SearchStrategy[Document] = st.sampled_from(
    [
        {"disabled": True},
        {"localZone": {"affinityTags": [{"key": "app"}]}},
        {
            "localZone": {
                "affinityTags": [{"key": "topology.kubernetes.io/zone", "weight": 3}, {"key": "app"}]
            }
        },
        {"crossZone": {"failover": [{"to": {"type": "Only", "zones": ["aws"]}}]}},
        {"crossZone": {"failoverThreshold": {"percentage": 70}, "failover": [{"to": {"type": "Any"}}]}},
    ]
)


def _several(space: str, wanted: Document, port: Document) -> Document:
    spec = {"selector": {"zoneService": {"matchLabels": wanted}}, "ports": [{"port": 80, **port}]}
    return document("MultiZoneService", "all", space, spec=spec)


def _advertised(ingress: Document, places: str) -> Document:
    annotations = {ADVERTISED_ADDRESSES: places} if places else {}
    return {**ingress, "metadata": {**ingress["metadata"], "annotations": annotations}}


def _near(space: str, target: Document, to: Document, awareness: Document) -> Document:
    item = {"targetRef": to, "default": {"localityAwareness": awareness}}
    return document("LoadBalancing", "near", space, spec={"to": [item], **target})


ZONE_DOCUMENTS: st.SearchStrategy[Document] = st.one_of(
    st.builds(lambda name, enabled: zone(name, enabled=enabled), ZONES, st.booleans()),
    st.builds(
        lambda service, instances, of, space, port: zone_service(
            service, instances, of=of, namespace=space, **port
        ),
        SERVICES, st.sampled_from([0, 1, 5]), ZONES, NAMESPACES, PORTS,
    ),
    st.builds(
        lambda of, doors, ready: zone_ingress(*doors, of=of, ready=ready), ZONES, DOORS, st.booleans()
    ),
    st.builds(
        _several, NAMESPACES,
        st.sampled_from([{"sekisho.dev/service": "web"}, {"app": "web"}, {"sekisho.dev/zone": "gcp"}]),
        st.sampled_from(
            [
                {"protocol": "http"}, {"protocol": "http", "name": "http"},
                {"protocol": "tcp"}, {"protocol": "tls"},
            ]
        ),
    ),
    st.builds(
        _near, st.sampled_from(["shop", "bank", SYSTEM_NAMESPACE]),
        st.sampled_from(
            [
                {},
                {"targetRef": {"kind": "Workload", "labels": {"app": "web"}}},
                {"targetRef": {"kind": "Gateway", "name": "edge"}},
            ]
        ),
        st.sampled_from(
            [
                {"kind": "Mesh"}, {"kind": "MultiZoneService", "name": "all"},
                {"kind": "Service", "name": "web"},
            ]
        ),
        AWARENESS,
    ),
    st.builds(
        lambda space, service: document(
            "BackendTLSPolicy", "far", space,
            spec={
                "targetRefs": [{"group": "sekisho.dev", "kind": "ZoneService", "name": service}],
                "validation": {"hostname": "far.example.com", "wellKnownCACertificates": "System"},
            },
        ),
        NAMESPACES, st.sampled_from(["web.gcp", "api.aws"]),
    ),
    st.builds(lambda of: zone_trust(of=of), ZONES),
    st.sampled_from([gateway_class(ZONE_EGRESS_CLASS), mesh(egress="Required")]),
    st.just(
        gateway(passthrough("out", 8081), name="inner", gatewayClassName=ZONE_EGRESS_CLASS)
    ),
    st.sampled_from([gateway_class(ZONE_INGRESS_CLASS), namespace("shop", **{EXPORT_LABEL: "false"})]),
    st.builds(
        lambda listeners, advertised: _advertised(zone_ingress_gateway(*listeners), advertised),
        st.sampled_from([[], [passthrough("a", 8080), http("b", 8081)]]),
        st.sampled_from(["", "203.0.113.9:443, nowhere"]),
    ),
    st.builds(
        lambda space: document(
            "HealthCheck", "h", space, spec={"to": [{"targetRef": {"kind": "Mesh"}, "default": {"tcp": {}}}]}
        ),
        NAMESPACES,
    ),
)  # fmt: skip

ZONE_BACKENDS: st.SearchStrategy[Document] = st.builds(
    lambda named, space: {"group": "sekisho.dev", "port": 80, "namespace": space, **named},
    st.sampled_from(
        [
            {"kind": "MultiZoneService", "name": "all"},
            {"kind": "ZoneService", "name": "web.gcp"},
            {"kind": "ZoneService", "name": "web.azure"},
        ]
    ),
    NAMESPACES,
)

ZONE_FACTS: st.SearchStrategy[dict[Any, Any]] = st.one_of(
    st.builds(
        lambda kind, name, space, address: {AssignedVip.of(ResourceId(kind, space, name)): address},
        st.just("MultiZoneService"), st.just("all"), NAMESPACES, st.sampled_from(["243.128.192.1", "", None]),
    ),
    st.builds(
        lambda space, address: {AssignedVip.of(ResourceId("ZoneService", space, "web.gcp")): address},
        NAMESPACES, st.sampled_from(["243.0.224.1", None]),
    ),
    st.builds(lambda linked: {SettingsKey(): Settings(zone="azure", linked=linked)}, st.booleans()),
)  # fmt: skip
