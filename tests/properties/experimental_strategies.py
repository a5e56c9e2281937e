"""What the Gateway API tries out, for `strategies`: XBackends, their policies, sessions of rules."""

from typing import Any

from hypothesis import strategies as st
from tests.unit.translate.world import Document, document

NAMESPACES = st.sampled_from(["shop", "bank"])
_GROUP = "gateway.networking.x-k8s.io"
_CREATED = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
_SESSIONS: list[dict[str, Any]] = [
    {},
    {"sessionName": "s"},
    {"sessionName": "X-S", "type": "Header"},
    {"absoluteTimeout": "1h"},
    {"absoluteTimeout": "1h", "cookieConfig": {"lifetimeType": "Permanent"}},
]
RULE_SESSIONS = st.sampled_from(
    [*({} for _ in _SESSIONS), *({"sessionPersistence": one} for one in _SESSIONS)]
)
"""Fields of a rule; mostly none."""
_TLS: list[dict[str, Any]] = [
    {},
    {"tls": {"mode": "ServerOnly"}},
    {
        "tls": {
            "mode": "ServerOnly",
            "validation": {
                "hostname": "a.example.com",
                "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}],
            },
        }
    },
    {"tls": {"mode": "ClientAndServer", "clientCertificateRef": {"name": "cert", "namespace": "bank"}}},
]
XBACKENDS: st.SearchStrategy[Document] = st.builds(
    lambda space, port, tls, protocol: document(
        "XBackend",
        "outside",
        space,
        spec={
            "type": "ExternalHostname",
            "externalHostname": {"hostname": "api.example.com"},
            "port": {"port": port},
            **tls,
            **protocol,
        },
    ),
    NAMESPACES,
    st.sampled_from([443, 444]),
    st.sampled_from(_TLS),
    st.sampled_from([{}, {"protocol": "TCP"}, {"protocol": "HTTP2"}, {"protocol": "HTTP11"}]),
)
XBACKEND_REFERENCES = st.builds(
    lambda weight, space: {"group": _GROUP, "kind": "XBackend", "name": "outside", "weight": weight, **space},
    st.sampled_from([0, 1]),
    st.sampled_from([{}, {"namespace": "bank"}]),
)
TRAFFIC_POLICIES: st.SearchStrategy[Document] = st.builds(
    lambda name, space, target, constraint, session, created: document(
        "XBackendTrafficPolicy",
        name,
        space,
        metadata={"creationTimestamp": created},
        spec={"targetRefs": [target], **constraint, **session},
    ),
    st.sampled_from(["p", "q"]),
    NAMESPACES,
    st.sampled_from(
        [
            {"group": "", "kind": "Service", "name": "web"},
            {"group": _GROUP, "kind": "XBackend", "name": "outside"},
            {"group": "", "kind": "Odd", "name": "web"},
        ]
    ),
    st.sampled_from([{}, {"retryConstraint": {"budget": {"percent": 1}}}]),
    RULE_SESSIONS,
    _CREATED,
)
