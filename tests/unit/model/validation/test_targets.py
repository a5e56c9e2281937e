"""Rules of target references and of conditions on callers, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

import pytest
from tests.unit.model.messages import ours

TARGETS = [
    ("{kind: Mesh}", []),
    ("{kind: Workload}", []),
    ("{kind: Workload, labels: {app: a}, sectionName: http}", []),
    ("{kind: Workload, name: a, sectionName: '8080'}", []),
    ("{kind: Service, name: cart}", []),
    (
        "{kind: Mesh, name: default, sectionName: http}",
        [
            "spec.targetRef.name: kind Mesh takes no name (it is the mesh of the policy's namespace)",
            "spec.targetRef.sectionName: kind Mesh takes no sectionName (it is the mesh of the policy's namespace)",
        ],
    ),
    (
        "{kind: Workload, name: a, labels: {app: a}}",
        ["spec.targetRef.labels: name and labels exclude each other"],
    ),
    (
        "{kind: Workload, labels: {app: 'a b'}}",
        [
            'spec.targetRef.labels["app"]: expected letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit, found "a b"'
        ],
    ),
    (
        "{kind: Dataplane}",
        [
            'spec.targetRef.kind: expected one of "ExternalService", "Gateway", "HTTPRoute", "Mesh", "Service", "Workload", "ZoneService", found "Dataplane"'
        ],
    ),
    ("{name: a}", ["spec.targetRef.kind: is required"]),
]


@pytest.mark.parametrize(("target", "expected"), TARGETS)
def test_a_target(target: str, expected: list[str]) -> None:
    assert ours("MeshTLS", f"{{targetRef: {target}, rules: [{{default: {{}}}}]}}", "shop") == expected


def test_only_the_operators_policies_are_about_other_namespaces() -> None:
    spec = "{targetRef: {kind: Workload, namespace: shop}, rules: [{default: {}}]}"
    assert ours("MeshTLS", spec, "sekisho-system") == []
    assert ours("MeshTLS", spec, "shop") == []
    assert ours("MeshTLS", spec, "other") == [
        "spec.targetRef.namespace: expected the policy's own namespace (a policy in sekisho-system can be for any)"
    ]


CALLERS = [
    ("{}", []),
    ("{spiffeID: {value: 'spiffe://a.b/ns/shop/sa/cart'}}", []),
    ("{spiffeID: {type: Prefix, value: 'spiffe://a.b'}}", []),
    (
        "{namespaces: [shop, pay], sourceRanges: [10.0.0.0/8], sni: {value: a.b}, methods: [GET], paths: [{value: /x}], headers: [{name: X-A, value: b}], claims: [{name: realm.role, type: Present}]}",
        [],
    ),
    (
        "{paths: [{value: '/a/{b}'}, {type: Exact, value: /}, {type: RegularExpression, value: '/[a-z]+'}]}",
        [],
    ),
    (
        "{spiffeID: {value: 'spiffe://a.b'}}",
        [".spiffeID.value: expected a path that begins with `/`"],
    ),
    (
        "{spiffeID: {type: Prefix, value: 'https://a.b'}}",
        [".spiffeID.value: expected an identity that begins with `spiffe://`"],
    ),
    (
        "{namespaces: [a, a], sourceRanges: [10.0.0.1/8], methods: [GET, GET]}",
        [
            ".namespaces[1]: namespace must be unique, the same as in {}.namespaces[0]",
            ".sourceRanges[0]: 10.0.0.1/8 has bits after its prefix (write 10.0.0.0/8)",
            ".methods[1]: method must be unique, the same as in {}.methods[0]",
        ],
    ),
    (
        "{paths: [{value: x}, {value: /a/../b}, {value: /a//b}, {value: '/a?b'}, {type: RegularExpression, value: '('}]}",
        [
            ".paths[0].value: expected a path that begins with `/`",
            ".paths[1].value: expected a path without `//`, `/./` and `/../` (paths are normalised first)",
            ".paths[2].value: expected a path without `//`, `/./` and `/../` (paths are normalised first)",
            ".paths[3].value: expected a path without query and fragment",
            ".paths[4].value: is no valid RE2 expression: missing ): ( (see the syntax at github.com/google/re2)",
        ],
    ),
    (
        "{headers: [{name: a}, {name: a, type: Present, value: x}, {name: a, type: RegularExpression, value: '('}]}",
        [
            ".headers[0].value: is required for type Exact",
            ".headers[1].value: type Present takes no value",
            ".headers[2].value: is no valid RE2 expression: missing ): ( (see the syntax at github.com/google/re2)",
        ],
    ),
]


@pytest.mark.parametrize(("match", "expected"), CALLERS)
def test_conditions_on_callers(match: str, expected: list[str]) -> None:
    path = "spec.rules[0].default.allow[0]"
    told = ours("TrafficPermission", f"{{rules: [{{default: {{allow: [{match}]}}}}]}}", "shop")
    assert told == [f"{path}{each}".replace("{}", path) for each in expected]
