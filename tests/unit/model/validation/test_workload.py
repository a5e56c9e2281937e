"""Rules of Workload, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

import pytest
from tests.unit.model.messages import ours

HERE = "address: 10.0.0.1, ports: [{port: 80, name: http}]"

CASES = [
    (f"{{{HERE}}}", []),
    (f"{{{HERE}, sidecar: {{}}}}", []),
    (
        f"{{{HERE}, sidecar: {{capture: Redirect, reachable: [], exclude: {{inboundPorts: [22], outboundPorts: [25], outboundRanges: [10.1.0.0/16, 'fd00::/8'], users: [0, proxy]}}}}}}",
        [],
    ),
    (
        f"{{{HERE}, sidecar: {{reachable: [{{name: cart}}, {{namespace: shop}}, {{labels: {{app: a}}, port: 80}}, {{kind: ExternalService, name: pay}}]}}}}",
        [],
    ),
    (
        "{address: 127.0.0.1, ports: [{port: 80, targetPort: 8080, appProtocol: http}], appAddress: 127.0.0.1, sidecar: {}}",
        [],
    ),
    (
        "{address: 127.0.0.1, ports: [{port: 80}], sidecar: {}}",
        [
            "spec.ports[0]: the proxy and the application cannot both listen on 127.0.0.1:80 (set targetPort or spec.appAddress to where the application listens)"
        ],
    ),
    ("{address: 127.0.0.1, ports: [{port: 80}], sidecar: {capture: Redirect}}", []),
    ("{address: 127.0.0.1, ports: [{port: 80}], appAddress: 127.0.0.2, sidecar: {}}", []),
    ("{address: 127.0.0.1, ports: [{port: 53, protocol: UDP}], sidecar: {}}", []),
    (
        f"{{{HERE}, appAddress: localhost, sidecar: {{}}}}",
        [
            'spec.appAddress: expected an IP address, found "localhost" (names are not looked up: write the address itself)'
        ],
    ),
    (
        "{address: 10.0.0.1, ports: [{port: 80, targetPort: 8080}], appAddress: 127.0.0.1, readinessProbe: {tcpSocket: {port: 80}}}",
        [
            "spec.readinessProbe: needs a proxy beside the workload (add spec.sidecar)",
            "spec.appAddress: needs a proxy beside the workload (add spec.sidecar)",
            "spec.ports[0].targetPort: needs a proxy beside the workload (add spec.sidecar)",
        ],
    ),
    (
        "{address: 10.0.0.1, ports: [{port: 80, name: a}, {port: 81, name: a}, {port: 80}]}",
        [
            "spec.ports[1].name: port name must be unique, the same as in spec.ports[0]",
            "spec.ports[2].port: port and protocol must be unique, the same as in spec.ports[0]",
        ],
    ),
    (
        f"{{{HERE}, sidecar: {{capture: redirect}}}}",
        [
            'spec.sidecar.capture: expected one of "None", "Redirect", "TransparentProxy", found "redirect" (did you mean "Redirect"?)'
        ],
    ),
    (
        f"{{{HERE}, sidecar: {{outboundAddresses: 127.2.0.0/24}}}}",
        [
            "spec.sidecar.outboundAddresses: expected a prefix of at most 16 bits, found 24 (each service has an address in it)"
        ],
    ),
    (
        f"{{{HERE}, sidecar: {{outboundAddresses: 10.0.0.0/16}}}}",
        ["spec.sidecar.outboundAddresses: expected a part of 127.0.0.0/8, found 10.0.0.0/16"],
    ),
    (
        f"{{{HERE}, sidecar: {{outboundAddresses: 'fd00::/64'}}}}",
        ["spec.sidecar.outboundAddresses: expected a part of 127.0.0.0/8, found fd00::/64"],
    ),
    (
        f"{{{HERE}, sidecar: {{outboundAddresses: 127.2.0.1/16}}}}",
        ["spec.sidecar.outboundAddresses: 127.2.0.1/16 has bits after its prefix (write 127.2.0.0/16)"],
    ),
    (
        f"{{{HERE}, sidecar: {{exclude: {{inboundPorts: [22]}}}}}}",
        ["spec.sidecar.exclude: nothing is captured, so nothing can be excluded from it (set capture)"],
    ),
    (
        f"{{{HERE}, sidecar: {{capture: Redirect, exclude: {{inboundPorts: [22, 22], outboundPorts: [0], outboundRanges: [10.0.0.1, x], users: [-1, 'a b']}}}}}}",
        ["spec.sidecar.exclude.outboundPorts[0]: expected 1 to 65535, found 0"],
    ),
    (
        f"{{{HERE}, sidecar: {{capture: Redirect, exclude: {{inboundPorts: [22, 22], outboundRanges: [10.0.0.1, x, 'fe80::%1/64'], users: [-1, 'a b']}}}}}}",
        [
            "spec.sidecar.exclude.inboundPorts[1]: port must be unique, the same as in spec.sidecar.exclude.inboundPorts[0]",
            'spec.sidecar.exclude.outboundRanges[0]: expected a range such as 10.0.0.0/8 or fd00::/8, found "10.0.0.1"',
            'spec.sidecar.exclude.outboundRanges[1]: expected a range such as 10.0.0.0/8 or fd00::/8, found "x"',
            'spec.sidecar.exclude.outboundRanges[2]: expected a range such as 10.0.0.0/8 or fd00::/8, found "fe80::%1/64"',
            "spec.sidecar.exclude.users[0]: expected 0 to 4294967294, found -1",
            'spec.sidecar.exclude.users[1]: expected the number or name of a user, found "a b"',
        ],
    ),
    (
        f"{{{HERE}, sidecar: {{reachable: [{{name: cart, labels: {{app: cart}}}}]}}}}",
        ["spec.sidecar.reachable[0].labels: name and labels exclude each other"],
    ),
    (
        f"{{{HERE}, sidecar: {{reachable: [{{kind: Pod, name: cart}}]}}}}",
        [
            'spec.sidecar.reachable[0].kind: expected one of "ExternalService", "MultiZoneService", "Service", "ZoneService", found "Pod"'
        ],
    ),
    (
        f"{{{HERE}, sidecars: {{}}}}",
        ['spec.sidecars: unknown field "sidecars" (did you mean "sidecar"?)'],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), CASES)
def test_a_workload(spec: str, expected: list[str]) -> None:
    assert ours("Workload", spec, namespace="shop") == expected


PROBES = [
    ("{httpGet: {port: 80, path: /ready}}", []),
    (
        "{httpGet: {port: http, scheme: HTTPS, host: a.b, httpHeaders: [{name: x, value: y}]}, periodSeconds: 1}",
        [],
    ),
    ("{tcpSocket: {port: http}, failureThreshold: 1, successThreshold: 2}", []),
    ("{grpc: {port: 80, service: cart}, timeoutSeconds: 5, initialDelaySeconds: 0}", []),
    ("{}", ["expected exactly one of httpGet, tcpSocket, grpc, found none"]),
    (
        "{tcpSocket: {port: 80}, grpc: {port: 80}}",
        ["expected exactly one of httpGet, tcpSocket, grpc, found tcpSocket, grpc"],
    ),
    (
        "{httpGet: {port: web, path: ready}}",
        [
            '.httpGet.port: no port of the workload is called "web" (its ports: http)',
            ".httpGet.path: expected a path that begins with `/`",
        ],
    ),
    ("{tcpSocket: {port: 0}}", [".tcpSocket.port: expected 1 to 65535, found 0"]),
    ("{tcpSocket: {port: 80}, periodSeconds: 0}", [".periodSeconds: expected 1 to 86400, found 0"]),
    (
        "{exec: {command: [true]}}",
        ['.exec: unknown field "exec"'],
    ),
]


@pytest.mark.parametrize(("probe", "expected"), PROBES)
def test_a_readiness_probe(probe: str, expected: list[str]) -> None:
    told = ours("Workload", f"{{{HERE}, sidecar: {{}}, readinessProbe: {probe}}}", namespace="shop")
    path = "spec.readinessProbe"
    assert told == [f"{path}{each}" if each.startswith(".") else f"{path}: {each}" for each in expected]
