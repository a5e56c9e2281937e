"""Rules of ExternalService, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

import pytest
from tests.unit.model.messages import ours

MATCH = "match: {port: 443, protocol: http}"
HOST = "endpoints: [{address: api.example.com, port: 443}]"

CASES = [
    (f"{{{MATCH}, {HOST}}}", []),
    (f"{{{MATCH}, {HOST}, tls: {{enabled: true}}}}", []),
    (
        f"{{{MATCH}, endpoints: [{{address: 10.0.0.1, port: 1, priority: 1}}, {{address: 'fd00::1', port: 1}}], tls: {{enabled: true, version: {{min: TLS13}}, verification: {{serverName: a.b, caCertificateRef: {{name: ca}}, clientCertificateRef: {{name: me}}}}}}}}",
        [],
    ),
    ("{match: {port: 80}, endpoints: []}", ["spec.endpoints: expected at least 1 item, found 0"]),
    (f"{{{HOST}}}", ["spec.match: is required"]),
    (
        f"{{match: {{port: 80, protocol: udp}}, {HOST}}}",
        ['spec.match.protocol: expected one of "grpc", "http", "http2", "tcp", "tls", found "udp"'],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: 169.254.169.254, port: 80}}]}}",
        ["spec.endpoints[0].address: 169.254.169.254 is link-local, where only the host itself has business"],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: metadata.google.internal, port: 80}}]}}",
        ["spec.endpoints[0].address: metadata.google.internal is the metadata service of a cloud"],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: db.localhost, port: 80}}]}}",
        [
            (
                "spec.endpoints[0].address: db.localhost is the host of whichever proxy looks it up "
                "(write its address, if that is meant)"
            )
        ],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: '*.example.com', port: 80}}, {{address: 10.0.0.300, port: 80}}]}}",
        [
            'spec.endpoints[0].address: expected an IP address or a lower-case host name, found "*.example.com"',
            'spec.endpoints[1].address: expected an IP address or a lower-case host name, found "10.0.0.300"',
        ],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: a.b, port: 80}}, {{address: a.b, port: 80}}]}}",
        ["spec.endpoints[1]: address and port must be unique, the same as in spec.endpoints[0]"],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: a.b, port: 80, priority: 129}}]}}",
        ["spec.endpoints[0].priority: expected 0 to 128, found 129"],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: 10.0.0.1, port: 80}}], tls: {{enabled: true}}}}",
        [
            "spec.tls.verification.serverName: is required where an endpoint is an IP address: the certificate is checked by name"
        ],
    ),
    (
        f"{{{MATCH}, endpoints: [{{address: 10.0.0.1, port: 80}}], tls: {{enabled: true, verification: {{mode: SkipSAN}}}}}}",
        [],
    ),
    (
        f"{{{MATCH}, {HOST}, tls: {{enabled: true, verification: {{mode: SkipAll, subjectAltNames: [{{value: a}}], caCertificateRef: {{name: ca}}}}}}}}",
        [
            "spec.tls.verification.subjectAltNames: mode SkipAll checks no names",
            "spec.tls.verification.caCertificateRef: mode SkipAll checks no authority",
        ],
    ),
    (
        f"{{match: {{port: 443, protocol: tls}}, {HOST}, tls: {{enabled: true}}}}",
        [
            "spec.tls.enabled: protocol tls is passed through: members speak TLS themselves (use protocol tcp, or http where it is)"
        ],
    ),
    (
        f"{{{MATCH}, {HOST}, tls: {{version: {{min: TLS13, max: TLS12}}}}}}",
        ["spec.tls.version.min: expected a version not newer than max, TLS12"],
    ),
    (
        f"{{{MATCH}, {HOST}, tls: {{verification: {{caCert: x}}}}}}",
        ['spec.tls.verification.caCert: unknown field "caCert"'],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), CASES)
def test_an_external_service(spec: str, expected: list[str]) -> None:
    assert ours("ExternalService", spec, namespace="shop") == expected


def test_its_name_is_a_label_of_host_names() -> None:
    (told,) = ours("ExternalService", f"{{{MATCH}, {HOST}}}", namespace="shop", name="a.b")
    assert told.startswith("metadata.name: expected lower-case letters, digits and `-`")
