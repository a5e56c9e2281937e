"""Rules of Ingress and IngressClass, message by message."""

import pytest

from sekisho.model import yaml
from sekisho.model.document import check, check_change
from sekisho.model.problems import Invalid


def messages(kind: str, spec: str) -> list[str]:
    (document,) = yaml.load(
        f"apiVersion: networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec: {{{spec}}}"
    )
    try:
        document.check()
    except Invalid as refused:
        return [str(problem) for problem in refused.problems]
    return []


def path(text: str) -> str:
    return f"rules: [{{http: {{paths: [{text}]}}}}]"


SERVICE = "service: {name: a, port: {number: 80}}"
ANY = f"defaultBackend: {{{SERVICE}}}"
WHERE = "spec.rules[0].http.paths[0]"
INGRESSES = [
    (ANY, []),
    (path(f"{{path: /a, pathType: Exact, backend: {{{SERVICE}}}}}"), []),
    (path(f"{{pathType: ImplementationSpecific, backend: {{{SERVICE}}}}}"), []),
    ("rules: [{host: a.test}]", []),
    ("", ["spec: expected defaultBackend or rules, found neither"]),
    ("rules: [{http: {paths: []}}]", ["spec.rules[0].http.paths: expected at least 1 item, found 0"]),
    (path(f"{{path: /a, backend: {{{SERVICE}}}}}"), [f"{WHERE}.pathType: is required"]),
    (
        path(f"{{path: a, pathType: Prefix, backend: {{{SERVICE}}}}}"),
        [f'{WHERE}.path: expected a path that starts with "/", found "a"'],
    ),
    (
        path(f"{{pathType: Exact, backend: {{{SERVICE}}}}}"),
        [f'{WHERE}.path: expected a path that starts with "/", found ""'],
    ),
    (
        path(f"{{path: /a//b/.., pathType: Prefix, backend: {{{SERVICE}}}}}"),
        [f'{WHERE}.path: must not contain "//"', f'{WHERE}.path: must not end with "/.."'],
    ),
    ("defaultBackend: {}", ["spec.defaultBackend: expected either service or resource, found neither"]),
    (
        f"defaultBackend: {{{SERVICE}, resource: {{kind: Bucket, name: b}}}}",
        ["spec.defaultBackend: expected either service or resource, found both"],
    ),
    (
        "defaultBackend: {service: {name: a, port: {}}}",
        ["spec.defaultBackend.service.port: expected either name or number, found neither"],
    ),
    (
        "defaultBackend: {service: {name: a, port: {name: http, number: 80}}}",
        ["spec.defaultBackend.service.port: expected either name or number, found both"],
    ),
    ("rules: [{host: 10.0.0.1}]", ["spec.rules[0].host: expected a host name, found an IP address"]),
    (
        f"{ANY}, tls: [{{hosts: [1.2.3.4]}}]",
        ["spec.tls[0].hosts[0]: expected a host name, found an IP address"],
    ),
]
CLASSES = [
    ("controller: sekisho.dev/ingress-controller", []),
    ("controller: a.test/b, parameters: {kind: K, name: n, scope: Namespace, namespace: x}", []),
    (
        "controller: a.test/b, parameters: {kind: K, name: n, scope: Namespace}",
        ["spec.parameters.namespace: is required for scope Namespace"],
    ),
    (
        "controller: a.test/b, parameters: {kind: K, name: n, namespace: x}",
        ["spec.parameters.namespace: is for scope Namespace, and the scope is Cluster"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), INGRESSES)
def test_rules_of_ingresses(spec: str, expected: list[str]) -> None:
    assert messages("Ingress", spec) == expected


@pytest.mark.parametrize(("spec", "expected"), CLASSES)
def test_rules_of_ingress_classes(spec: str, expected: list[str]) -> None:
    assert messages("IngressClass", spec) == expected


def test_the_controller_of_a_class_never_changes() -> None:
    def of(controller: str) -> dict[str, object]:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "a"},
            "spec": {"controller": controller},
        }

    before, after = (check("IngressClass", of(one)).resource for one in ("a.test/b", "a.test/c"))
    check_change(before, before)
    with pytest.raises(Invalid, match=r"spec\.controller: can never change"):
        check_change(before, after)
