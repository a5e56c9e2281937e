"""Rules of the mesh's own kinds, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

import json

import pytest
from tests.kit.pki import TestAuthority
from tests.unit.model.messages import messages, ours

AUTHORITY = TestAuthority()

MESHES = [
    ("{}", []),
    ("{inspection: Always, reachable: Listed}", []),
    (
        "{inspection: Never}",
        ['spec.inspection: expected one of "Always", "Auto", found "Never"'],
    ),
    ("{mtls: {}}", ['spec.mtls: unknown field "mtls"']),
]


@pytest.mark.parametrize(("spec", "expected"), MESHES)
def test_a_mesh(spec: str, expected: list[str]) -> None:
    assert ours("Mesh", spec, namespace="") == expected


def test_a_mesh_is_called_like_a_label_and_needs_no_spec() -> None:
    head = "apiVersion: sekisho.dev/v1alpha1\nkind: Mesh\nmetadata: "
    assert messages(head + "{name: default}") == []
    (told,) = messages(head + "{name: a.b}")
    assert told.startswith("metadata.name: expected lower-case letters, digits and `-`, starting")
    assert ours("Mesh", "{}", namespace="shop") == [
        "metadata.namespace: Mesh is cluster-wide and has no namespace (leave it out)"
    ]


def keys(*keys: str) -> list[str]:
    """What is told about the keys of a provider, without where."""
    text = json.dumps({"keys": [json.loads(key) for key in keys]})
    spec = {"jwtProviders": [{"name": "a", "issuer": "i", "jwks": {"inline": text}}]}
    return [
        one.removeprefix("spec.jwtProviders[0].jwks.inline: ") for one in ours("Mesh", json.dumps(spec), "")
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ('{"kty": "RSA", "n": "AQ", "e": "AQAB"}', []),
        ('{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}', []),
        ('{"kty": "OKP", "crv": "Ed25519", "x": "AQ"}', []),
        (
            '{"kty": "oct", "k": "c2VjcmV0"}',
            ["key 1 is a shared secret (kty oct): whoever reads this Mesh could make tokens"],
        ),
        (
            '{"kty": "RSA", "n": "AQ", "e": "AQAB", "d": "c2VjcmV0"}',
            ["key 1 is a private key: replace it, and write public keys only"],
        ),
        ('{"kty": "RSA", "n": ""}', ["key 1 lacks n, e"]),
        ('{"kty": "EC", "crv": "P-192", "x": "a", "y": "b"}', ["key 1 has no crv of P-256, P-384, P-521"]),
        ("{}", ["key 1 has no kty of RSA, EC, OKP"]),
    ],
)
def test_keys_of_tokens_are_public_ones(key: str, expected: list[str]) -> None:
    assert keys(key) == expected
    assert "c2VjcmV0" not in str(expected)


@pytest.mark.parametrize("text", ["x", "{}", '{"keys": []}', '{"keys": [1]}', "[" * 50_000])
def test_what_is_no_set_of_keys_is_not_shown(text: str) -> None:
    spec = {"jwtProviders": [{"name": "a", "issuer": "i", "jwks": {"inline": text}}]}
    assert ours("Mesh", json.dumps(spec), "") == [
        'spec.jwtProviders[0].jwks.inline: expected a JSON Web Key Set: {"keys": [...]} with at least one key'
    ]


def test_providers_and_issuers_are_there_once() -> None:
    key = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AQ"}]}'
    provider = {"name": "a", "issuer": "i", "jwks": {"inline": key}}
    told = ours("Mesh", json.dumps({"jwtProviders": [provider, provider]}), "")
    assert [one.partition(":")[0] for one in told] == [
        "spec.jwtProviders[1].name",
        "spec.jwtProviders[1].issuer",
    ]


IDENTITIES = [
    ("{}", []),
    ("{selector: {workload: {}}}", []),
    ("{selector: {workload: {matchLabels: {app: a}}}, provider: {type: Bundled, bundled: {}}}", []),
    ("{provider: {type: Spire, spire: {socketPath: /run/spire/agent.sock}}}", []),
    ("{provider: {type: Spire, spire: {socketPath: /run/a.sock, bundleSocketPath: /run/a.sock}}}", []),
    (
        "{provider: {type: Spire, spire: {socketPath: /run/a.sock, bundleSocketPath: a.sock}}}",
        ["spec.provider.spire.bundleSocketPath: expected an absolute path"],
    ),
    (
        "{spiffeID: {trustDomain: ..}}",
        [
            "spec.spiffeID.trustDomain: expected a template of a trust domain of lower-case letters, digits, `.`, `-` and `_`, and it makes such as '..'"
        ],
    ),
    ("{provider: {bundled: {ca: {secretRef: {name: issuing}}, certificateParameters: {expiry: 1h}}}}", []),
    (
        "{spiffeID: {trustDomain: '{{ .Mesh }}.example', path: '/{{ label \"team\" }}/{{ .Workload }}'}}",
        [],
    ),
    (
        "{selector: {workload: {matchLabels: {'a b': x}}}}",
        [
            'spec.selector.workload.matchLabels["a b"]: expected a key such as `app` or `example.com/app`, its last part at most 63 characters'
        ],
    ),
    (
        "{spiffeID: {path: '{{ .Workload }}'}}",
        ["spec.spiffeID.path: expected a template of a path that begins with `/`, and it makes such as 'x'"],
    ),
    (
        "{spiffeID: {path: '/a/../{{ .Workload }}'}}",
        [
            "spec.spiffeID.path: expected a template of a path of segments of letters, digits, `.`, `-` and `_`, none of them empty, `.` or `..`, and it makes such as '/a/../x'"
        ],
    ),
    (
        "{spiffeID: {path: '/{{ .Workload'}}",
        ["spec.spiffeID.path: `{{` and `}}` stand in pairs"],
    ),
    (
        "{spiffeID: {path: '/{{ Workload }}'}}",
        [
            'spec.spiffeID.path: expected `{{ .Field }}` or `{{ label "key" }}`, found `{{ Workload }}`',
        ],
    ),
    (
        "{spiffeID: {path: '/{{ .ServiceAcount }}'}}",
        [
            'spec.spiffeID.path: unknown field .ServiceAcount, expected one of .Mesh, .Namespace, .ServiceAccount, .Workload, .Zone (did you mean "ServiceAccount"?)'
        ],
    ),
    (
        "{spiffeID: {trustDomain: '{{ .Namespace }}.local'}}",
        ["spec.spiffeID.trustDomain: unknown field .Namespace, expected one of .Mesh, .Zone"],
    ),
    (
        "{spiffeID: {trustDomain: '{{ label \"team\" }}.local'}}",
        ["spec.spiffeID.trustDomain: labels cannot be used here: it is the same for all"],
    ),
    (
        "{spiffeID: {trustDomain: 'Example.com'}}",
        [
            "spec.spiffeID.trustDomain: expected a template of a trust domain of lower-case letters, digits, `.`, `-` and `_`, and it makes such as 'Example.com'"
        ],
    ),
    ("{provider: {type: Spire}}", ["spec.provider.spire: is required for type Spire"]),
    (
        "{provider: {type: Spire, spire: {socketPath: run/a.sock}, bundled: {}}}",
        [
            "spec.provider.bundled: belongs to type Bundled, and the type is Spire",
            "spec.provider.spire.socketPath: expected an absolute path",
        ],
    ),
    (
        "{provider: {bundled: {certificateParameters: {expiry: 1s}}}}",
        ["spec.provider.bundled.certificateParameters.expiry: expected 1m to 2160h, found 1s"],
    ),
    (
        "{provider: {bundled: {certificateParameters: {expiry: 9999h}}}}",
        ["spec.provider.bundled.certificateParameters.expiry: expected 1m to 2160h, found 9999h"],
    ),
    (
        "{provider: {type: Vault}}",
        ['spec.provider.type: expected one of "Bundled", "Spire", found "Vault"'],
    ),
    ("{selector: {dataplane: {}}}", ['spec.selector.dataplane: unknown field "dataplane"']),
]


@pytest.mark.parametrize(("spec", "expected"), IDENTITIES)
def test_an_identity(spec: str, expected: list[str]) -> None:
    assert ours("MeshIdentity", spec) == expected


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("MeshIdentity", "{}"),
        ("HostnameGenerator", "{selector: {service: {}}, template: '{{ .Name }}.mesh.local'}"),
    ],
)
def test_what_is_for_everybody_is_written_where_only_operators_write(kind: str, spec: str) -> None:
    assert ours(kind, spec) == []
    assert ours(kind, spec, namespace="shop") == [
        f"metadata.namespace: expected sekisho-system: {kind} is for the whole mesh"
    ]


def trust(domain: str, *bundles: str) -> list[str]:
    """What is told about a MeshTrust with these bundles."""
    spec = {"trustDomain": domain, "caBundles": [{"type": "Pem", "pem": {"value": one}} for one in bundles]}
    return ours("MeshTrust", json.dumps(spec))


def test_a_trust() -> None:
    certificate = AUTHORITY.certificate.decode()
    assert trust("default.zone-1.mesh.local", certificate, certificate + certificate) == []
    assert trust("a.b") == ["spec.caBundles: expected at least 1 item, found 0"]
    assert trust("A.b", certificate) == [
        "spec.trustDomain: expected a trust domain of lower-case letters, digits, `.`, `-` and `_`"
    ]
    assert trust("a.b", "hello") == ["spec.caBundles[0].pem.value: expected certificates in PEM"]


def test_a_trust_takes_neither_keys_nor_certificates_of_others_than_authorities() -> None:
    leaf = AUTHORITY.leaf(dns=["a.b"])
    certificate = AUTHORITY.certificate.decode()
    (told,) = trust("a.b", certificate + leaf.key.decode())
    assert told == (
        "spec.caBundles[0].pem.value: holds a private key (replace the key, and write certificates only)"
    )
    assert trust("a.b", certificate, certificate + leaf.certificate.decode()) == [
        "spec.caBundles[1].pem.value: certificate 2 is not of an authority (basicConstraints CA:TRUE)"
    ]


TLS = [
    ("{rules: [{default: {mode: Permissive}}]}", []),
    ("{targetRef: {kind: Workload, labels: {app: a}}, rules: [{default: {mode: Strict}}]}", []),
    (
        "{targetRef: {kind: Mesh}, rules: [{default: {tlsVersion: {min: TLS12}, tlsCiphers: [ECDHE-RSA-AES128-GCM-SHA256]}}]}",
        [],
    ),
    ("{rules: []}", ["spec.rules: expected at least 1 item, found 0"]),
    (
        "{rules: [{default: {mode: permissive}}]}",
        [
            'spec.rules[0].default.mode: expected one of "Permissive", "Strict", found "permissive" (did you mean "Permissive"?)'
        ],
    ),
    (
        "{rules: [{default: {tlsVersion: {min: TLS10}}}]}",
        [
            'spec.rules[0].default.tlsVersion.min: expected one of "TLS12", "TLS13", "TLSAuto", found "TLS10" (did you mean "TLS13"?)'
        ],
    ),
    (
        "{rules: [{default: {tlsVersion: {min: TLS13, max: TLS12}}}]}",
        ["spec.rules[0].default.tlsVersion.min: expected a version not newer than max, TLS12"],
    ),
    (
        "{targetRef: {kind: Workload}, rules: [{default: {tlsVersion: {}}}]}",
        [
            "spec.rules[0].default.tlsVersion: can be said for the whole mesh only, because both ends must agree (write a MeshTLS with targetRef.kind Mesh)"
        ],
    ),
    (
        "{targetRef: {kind: Gateway}, rules: [{default: {mode: Strict}}]}",
        ["spec.targetRef.kind: this policy cannot be for Gateway, only for Mesh, Workload, Service"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), TLS)
def test_mesh_tls(spec: str, expected: list[str]) -> None:
    assert ours("MeshTLS", spec) == expected


GENERATORS = [
    (
        "{selector: {service: {matchLabels: {app: a}}}, template: '{{ .Name }}.{{ .Namespace }}.svc.mesh.local'}",
        [],
    ),
    ("{selector: {externalService: {}}, template: '{{ label \"team\" }}.mesh.local'}", []),
    (
        "{selector: {}, template: a.b}",
        [
            "spec.selector: expected exactly one of service, zoneService, externalService, multiZoneService, found 0 (write {} for all of a kind)"
        ],
    ),
    (
        "{selector: {service: {}, externalService: {}}, template: a.b}",
        [
            "spec.selector: expected exactly one of service, zoneService, externalService, multiZoneService, found 2 (write {} for all of a kind)"
        ],
    ),
    (
        "{selector: {service: {}}, template: '{{ .Name }}'}",
        [
            "spec.template: expected a template of a lower-case host name with a dot such as {{ .Name }}.mesh.local, and it makes such as 'x'"
        ],
    ),
    (
        "{selector: {service: {}}, template: '*.{{ .Name }}.local'}",
        [
            "spec.template: expected a template of a lower-case host name with a dot such as {{ .Name }}.mesh.local, and it makes such as '*.x.local'"
        ],
    ),
    (
        "{selector: {meshService: {}}, template: a.b}",
        [
            'spec.selector.meshService: unknown field "meshService" (did you mean "service"?)',
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), GENERATORS)
def test_a_generator_of_host_names(spec: str, expected: list[str]) -> None:
    assert ours("HostnameGenerator", spec) == expected


def test_a_service_account_is_kubernetes_own() -> None:
    head = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: cart}\n"
    assert messages(head + "automountServiceAccountToken: false\nsecrets: [{name: a}]\n") == []
    assert messages(head + "automountToken: false\n") == [
        'automountToken: unknown field "automountToken" (did you mean "automountServiceAccountToken"?)'
    ]
