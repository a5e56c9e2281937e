"""Rules of XBackend and XBackendTrafficPolicy, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

from typing import Any

import pytest
from tests.unit.model.messages import experimental

HERE: dict[str, Any] = {
    "type": "ExternalHostname",
    "port": {"port": 443},
    "externalHostname": {"hostname": "api.example.com"},
}
SYSTEM = {"hostname": "api.example.com", "wellKnownCACertificates": "System"}
TARGETS = [{"group": "", "kind": "Service", "name": "cart"}]

BACKENDS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"tls": {"mode": "ServerOnly", "validation": SYSTEM}, "protocol": "HTTP2"}, []),
    ({"tls": {"mode": "ServerOnly"}}, []),
    ({"tls": {"mode": "ClientAndServer", "clientCertificateRef": {"name": "me"}}}, []),
    ({"tls": {"mode": "None"}, "protocol": "H2C", "port": {"name": "", "port": 80}}, []),
    ({"externalHostname": None}, ["spec.externalHostname: is required for type ExternalHostname"]),
    (
        {"externalHostname": {"hostname": "10.0.0.1"}},
        ["spec.externalHostname.hostname: expected a host name, found an IP address"],
    ),
    (
        {"externalHostname": {"hostname": "cart.shop.svc.cluster.local"}},
        [
            "spec.externalHostname.hostname: cart.shop.svc.cluster.local is inside: use a backendRef to what it is the name of"
        ],
    ),
    (
        {"externalHostname": {"hostname": "cart.shop.svc.mesh.local"}},
        [
            "spec.externalHostname.hostname: cart.shop.svc.mesh.local is inside: use a backendRef to what it is the name of"
        ],
    ),
    (
        {"externalHostname": {"hostname": "metadata.google.internal"}},
        ["spec.externalHostname.hostname: metadata.google.internal is the metadata service of a cloud"],
    ),
    (
        {"tls": {"mode": "ClientAndServer"}},
        ["spec.tls.clientCertificateRef: is required for mode ClientAndServer"],
    ),
    (
        {"tls": {"mode": "ServerOnly", "clientCertificateRef": {"name": "me"}}},
        ["spec.tls.clientCertificateRef: belongs to mode ClientAndServer, and the mode is ServerOnly"],
    ),
    (
        {"tls": {"mode": "ServerOnly"}, "protocol": "H2C"},
        ["spec.protocol: H2C is HTTP/2 without TLS (use protocol HTTP2)"],
    ),
    (
        {"tls": {"mode": "ServerOnly", "validation": {"hostname": "a.b"}}},
        ["spec.tls.validation: expected caCertificateRefs or wellKnownCACertificates"],
    ),
    (
        {"port": {"port": 443, "name": "a.b"}},
        [
            'spec.port.name: expected lower-case letters, digits and `-`, starting and ending with a letter or digit, found "a.b"'
        ],
    ),
]

POLICIES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"retryConstraint": {}}, []),
    ({"retryConstraint": {"budget": {"percent": 0, "interval": "1h"}, "minRetryRate": {"count": 1}}}, []),
    ({"sessionPersistence": {"sessionName": "s", "type": "Header"}}, []),
    ({"targetRefs": []}, ["spec.targetRefs: expected at least 1 item, found 0"]),
    (
        {"targetRefs": TARGETS * 2},
        ["spec.targetRefs[1]: target must be unique, the same as in spec.targetRefs[0]"],
    ),
    (
        {"retryConstraint": {"budget": {"interval": "500ms"}}},
        ["spec.retryConstraint.budget.interval: expected 1s to 1h, found 500ms"],
    ),
    (
        {"retryConstraint": {"minRetryRate": {"interval": "0s"}}},
        ["spec.retryConstraint.minRetryRate.interval: expected more than 0s and at most 1h, found 0s"],
    ),
    (
        {"retryConstraint": {"budget": {"percent": 101}}},
        ["spec.retryConstraint.budget.percent: expected 0 to 100, found 101"],
    ),
    (
        {"sessionPersistence": {"cookieConfig": {"lifetimeType": "Permanent"}}},
        ["spec.sessionPersistence.absoluteTimeout: is required for lifetimeType Permanent"],
    ),
]


@pytest.mark.parametrize(("changed", "expected"), BACKENDS)
def test_xbackend(changed: dict[str, Any], expected: list[str]) -> None:
    assert experimental("XBackend", HERE | changed) == expected


@pytest.mark.parametrize(("changed", "expected"), POLICIES)
def test_xbackend_traffic_policy(changed: dict[str, Any], expected: list[str]) -> None:
    assert experimental("XBackendTrafficPolicy", {"targetRefs": TARGETS} | changed) == expected
