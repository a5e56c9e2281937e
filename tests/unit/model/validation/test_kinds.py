"""Rules of the other kinds, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

import pytest

from sekisho.model import yaml
from sekisho.model.problems import Invalid


def messages(text: str) -> list[str]:
    (document,) = yaml.load(text)
    try:
        document.check()
    except Invalid as refused:
        return [str(problem) for problem in refused.problems]
    return []


def gateway(spec: str) -> list[str]:
    return messages(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: web}\n"
        f"spec: {{gatewayClassName: sekisho, {spec}}}"
    )


DOOR = "listeners: [{name: a, port: 80, protocol: HTTP}]"
REFS = "certificateRefs: [{name: key}]"

GATEWAYS = [
    (DOOR, []),
    ("listeners: []", ["spec.listeners: expected at least 1 item, found 0"]),
    (
        f"listeners: [{{name: a, port: 80, protocol: HTTP, tls: {{{REFS}}}}}]",
        ["spec.listeners[0].tls: protocol HTTP has no TLS (use protocol HTTPS or TLS)"],
    ),
    (
        f"listeners: [{{name: a, port: 443, protocol: HTTPS, tls: {{mode: Passthrough, {REFS}}}}}]",
        [
            (
                'spec.listeners[0].tls.mode: expected "Terminate" for protocol HTTPS '
                "(use protocol TLS to pass TLS through)"
            )
        ],
    ),
    (
        "listeners: [{name: a, port: 443, protocol: HTTPS, tls: {}}]",
        ["spec.listeners[0].tls.certificateRefs: expected at least one certificate for mode Terminate"],
    ),
    (
        "listeners: [{name: a, port: 443, protocol: TLS}]",
        ["spec.listeners[0].tls: is required for protocol TLS"],
    ),
    (
        "listeners: [{name: a, port: 53, protocol: UDP, hostname: a.b}]",
        ["spec.listeners[0].hostname: protocol UDP knows no host names"],
    ),
    (
        "listeners: [{name: a, port: 80, protocol: HTTP, hostname: 10.0.0.1}]",
        ["spec.listeners[0].hostname: expected a host name, found an IP address"],
    ),
    (
        "listeners: [{name: a, port: 80, protocol: HTTP}, {name: a, port: 81, protocol: HTTP}]",
        ["spec.listeners[1].name: listener name must be unique, the same as in spec.listeners[0]"],
    ),
    (
        "listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP}]",
        [
            (
                "spec.listeners[1]: combination of port, protocol and hostname must be unique, "
                "the same as in spec.listeners[0]"
            )
        ],
    ),
    (
        "listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP, hostname: a.b}]",
        [],
    ),
    (f"{DOOR}, addresses: [{{value: x}}]", ['spec.addresses[0].value: expected an IP address, found "x"']),
    (f"{DOOR}, addresses: [{{}}, {{}}]", []),
    (
        f"{DOOR}, addresses: [{{value: 10.0.0.1}}, {{value: 10.0.0.1}}]",
        ["spec.addresses[1].value: address must be unique, the same as in spec.addresses[0]"],
    ),
    (
        f"{DOOR}, tls: {{frontend: {{default: {{}}, perPort: [{{port: 1, tls: {{}}}}, {{port: 1, tls: {{}}}}]}}}}",
        [
            "spec.tls.frontend.perPort[1].port: port must be unique, the same as in spec.tls.frontend.perPort[0]"
        ],
    ),
    (
        f"{DOOR}, infrastructure: {{labels: {{'a b': x}}}}",
        [
            (
                'spec.infrastructure.labels["a b"]: expected a key such as `app` or `example.com/app`, '
                "its last part at most 63 characters"
            )
        ],
    ),
    (f"{DOOR}, defaultScope: All", []),
]


@pytest.mark.parametrize(("spec", "expected"), GATEWAYS)
def test_a_gateway(spec: str, expected: list[str]) -> None:
    assert gateway(spec) == expected


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        ("[{name: a, port: 80, protocol: HTTP}]", []),
        ("[]", ["spec.listeners: expected at least 1 item, found 0"]),
        (
            "[{name: a, port: 80, protocol: HTTP}, {name: a, port: 81, protocol: HTTP}]",
            ["spec.listeners[1].name: listener name must be unique, the same as in spec.listeners[0]"],
        ),
        (
            "[{name: a, port: 443, protocol: TLS}]",
            ["spec.listeners[0].tls: is required for protocol TLS"],
        ),
    ],
)
def test_a_listener_set_has_the_rules_of_a_gateways_listeners(listeners: str, expected: list[str]) -> None:
    head = "apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {name: more}\n"
    assert messages(f"{head}spec: {{parentRef: {{name: web}}, listeners: {listeners}}}") == expected


SERVICES = [
    ("{}", ["spec.ports: expected at least one port"]),
    ("{clusterIP: None}", []),
    ("{type: ExternalName}", ["spec.externalName: is required for type ExternalName"]),
    ("{type: ExternalName, externalName: a.b}", []),
    (
        "{ports: [{port: 1}, {port: 2, name: b}]}",
        ["spec.ports[0].name: is required when there are several ports"],
    ),
    (
        "{ports: [{port: 1, name: a}, {port: 1, name: a}]}",
        [
            "spec.ports[1].name: port name must be unique, the same as in spec.ports[0]",
            "spec.ports[1].port: port and protocol must be unique, the same as in spec.ports[0]",
        ],
    ),
    ("{ports: [{port: 53, name: a}, {port: 53, name: b, protocol: UDP}]}", []),
    ("{ports: [{port: 1, targetPort: 0}]}", ["spec.ports[0].targetPort: expected 1 to 65535, found 0"]),
    ("{ports: [{port: 1, targetPort: http}]}", []),
    (
        "{ports: [{port: 1, targetPort: [1]}]}",
        ["spec.ports[0].targetPort: expected an integer or a string, found a list"],
    ),
    (
        "{ports: [{port: 1}], clusterIP: x}",
        ['spec.clusterIP: expected an IP address or "None", found "x"'],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), SERVICES)
def test_a_service(spec: str, expected: list[str]) -> None:
    assert messages(f"apiVersion: v1\nkind: Service\nmetadata: {{name: cart}}\nspec: {spec}") == expected


OTHERS = [
    (
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, type: kubernetes.io/tls, stringData: {tls.crt: x}}",
        ['data["tls.key"]: is required for type kubernetes.io/tls'],
    ),
    (
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a/b: x}}",
        ['data["a/b"]: expected a key of letters, digits, `-`, `_` and `.`'],
    ),
    (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: x}, binaryData: {k: eA==}}",
        ['binaryData["k"]: the key stands in data, too'],
    ),
    (
        (
            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, addressType: IPv4, "
            "endpoints: [{addresses: ['::1']}, {addresses: [127.0.0.1]}], ports: [{port: 1}, {port: 2}]}"
        ),
        [
            'endpoints[0].addresses[0]: expected an IPv4 address, found "::1"',
            "ports[1].name: port name must be unique, the same as in ports[0]",
        ],
    ),
    (
        "{apiVersion: sekisho.dev/v1alpha1, kind: Workload, metadata: {name: a}, spec: {address: localhost}}",
        [
            (
                'spec.address: expected an IP address, found "localhost" '
                "(names are not looked up: write the address itself)"
            )
        ],
    ),
    (
        (
            "{apiVersion: sekisho.dev/v1alpha1, kind: Workload, metadata: {name: a}, "
            "spec: {address: '::1', weight: 2, zone: west, ports: [{name: http, port: 80}]}}"
        ),
        [],
    ),
    (
        (
            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, addressType: IPv4, "
            "endpoints: [{addresses: [169.254.169.254]}, {addresses: [0.0.0.0]}, {addresses: [10.0.0.1]}]}"
        ),
        [
            (
                "endpoints[0].addresses[0]: 169.254.169.254 is link-local, where only the host itself has "
                "business"
            ),
            "endpoints[1].addresses[0]: 0.0.0.0 is not the address of an instance",
        ],
    ),
    *(
        (
            (
                "{apiVersion: sekisho.dev/v1alpha1, kind: Workload, metadata: {name: a}, "
                f"spec: {{address: '{address}'}}}}"
            ),
            [f"spec.address: {address} is link-local, where only the host itself has business"],
        )
        for address in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1")
    ),
    *(
        (
            f"{{apiVersion: sekisho.dev/v1alpha1, kind: Workload, metadata: {{name: a}}, spec: {{address: '{address}'}}}}",
            [f"spec.address: {address} is the metadata service of a cloud"],
        )
        for address in ("fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192")
    ),
    (
        "{apiVersion: v1, kind: Namespace, metadata: {name: a.b, namespace: c}}",
        [
            (
                "metadata.name: expected lower-case letters, digits and `-`, starting and ending with a letter "
                'or digit, found "a.b"'
            ),
            "metadata.namespace: Namespace is cluster-wide and has no namespace (leave it out)",
        ],
    ),
    (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: A, labels: {x: 'a b'}}}",
        [
            (
                "metadata.namespace: expected lower-case letters, digits and `-`, starting and ending with a letter "
                'or digit, found "A"'
            ),
            (
                'metadata.labels["x"]: expected letters, digits, `-`, `_` and `.`, starting and ending with a letter '
                'or digit, found "a b"'
            ),
        ],
    ),
    (
        f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, annotations: {{x: {'y' * 262144}}}}}}}",
        ["metadata.annotations: expected at most 262144 bytes in all, found 262145"],
    ),
    (
        f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{x: {'y' * 1048577}}}}}",
        ["data: expected at most 1048576 bytes in all, found 1048577"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), OTHERS)
def test_other_kinds(text: str, expected: list[str]) -> None:
    assert messages(text) == expected
