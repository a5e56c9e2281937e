"""`sekisho.model.document`: each class of mistake has its message, and all come together."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

from typing import Any

import msgspec
import pytest

from sekisho.model import yaml
from sekisho.model.document import check, check_change, decode, engine_view, kind_of
from sekisho.model.kinds import KINDS
from sekisho.model.problems import Invalid

ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {"parentRefs": [{"name": "web"}], "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}]},
}


def with_spec(**spec: object) -> dict[str, Any]:
    return {**ROUTE, "spec": {**ROUTE["spec"], **spec}}


def messages(kind: str, written: object) -> list[str]:
    with pytest.raises(Invalid) as refused:
        check(kind, written)  # type: ignore[arg-type]  what users send is anything
    return [str(problem) for problem in refused.value.problems]


def test_a_route_comes_back_with_the_defaults_of_its_crd() -> None:
    assert check("HTTPRoute", ROUTE).object["spec"] == {
        "parentRefs": [{"name": "web", "group": "gateway.networking.k8s.io", "kind": "Gateway"}],
        "rules": [
            {
                "backendRefs": [{"name": "cart", "port": 80, "group": "", "kind": "Service", "weight": 1}],
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            }
        ],
    }


def test_what_was_written_is_left_alone() -> None:
    before = msgspec.json.encode(ROUTE)
    check("HTTPRoute", ROUTE)
    assert msgspec.json.encode(ROUTE) == before


def test_nulls_mean_left_out() -> None:
    written = with_spec(hostnames=None)
    written["metadata"] = {
        **ROUTE["metadata"],
        "creationTimestamp": None,
        "labels": {"app": None, "tier": "web"},
    }
    checked = check("HTTPRoute", written).object
    assert checked["metadata"] == {"name": "cart", "namespace": "shop", "labels": {"tier": "web"}}
    assert "hostnames" not in checked["spec"]


def test_an_older_served_version_is_stored_as_the_newest() -> None:
    written = {**ROUTE, "apiVersion": "gateway.networking.k8s.io/v1beta1"}
    assert check("HTTPRoute", written).object["apiVersion"] == "gateway.networking.k8s.io/v1"


MISTAKES = [
    (
        with_spec(hostname=["a.b"]),
        ['spec.hostname: unknown field "hostname" (did you mean "hostnames"?)'],
    ),
    (with_spec(hostnames="a.b"), ["spec.hostnames: expected a list, found a string"]),
    (with_spec(hostnames={"a": 1}), ["spec.hostnames: expected a list, found an object"]),
    (with_spec(rules=[7]), ["spec.rules[0]: expected an object, found an integer"]),
    (with_spec(rules=[]), ["spec.rules: expected at least 1 item, found 0"]),
    (with_spec(hostnames=["a"] * 17), ["spec.hostnames: expected at most 16 items, found 17"]),
    (with_spec(parentRefs=[{}]), ["spec.parentRefs[0].name: is required"]),
    (
        with_spec(parentRefs=[{"name": "web", "port": "80"}]),
        ["spec.parentRefs[0].port: expected an integer, found a string (remove the quotes)"],
    ),
    (
        with_spec(parentRefs=[{"name": "web", "port": 70000}]),
        ["spec.parentRefs[0].port: expected 1 to 65535, found 70000"],
    ),
    (
        with_spec(parentRefs=[{"name": "web", "port": True}]),
        ["spec.parentRefs[0].port: expected an integer, found a boolean"],
    ),
    (
        with_spec(parentRefs=[{"name": 5}]),
        ["spec.parentRefs[0].name: expected a string, found an integer (put it in quotes)"],
    ),
    (with_spec(parentRefs=[{"name": ""}]), ["spec.parentRefs[0].name: must not be empty"]),
    (
        with_spec(parentRefs=[{"name": "x" * 254}]),
        ["spec.parentRefs[0].name: expected at most 253 characters, found 254"],
    ),
    (
        with_spec(hostnames=["Shop.example.com:80"]),
        [
            (
                "spec.hostnames[0]: expected a lower-case host name such as `shop.example.com` or "
                '`*.example.com`, without a port, found "Shop.example.com:80"'
            )
        ],
    ),
    (
        with_spec(rules=[{"matches": [{"method": "get"}]}]),
        [
            (
                'spec.rules[0].matches[0].method: expected one of "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", '
                '"PATCH", "POST", "PUT", "TRACE", found "get" (did you mean "GET"?)'
            )
        ],
    ),
    (
        with_spec(rules=[{"filters": [{"type": "RequestRedirect", "requestRedirect": {"statusCode": 309}}]}]),
        [
            (
                "spec.rules[0].filters[0].requestRedirect.statusCode: "
                "expected one of 301, 302, 303, 307, 308, found 309"
            )
        ],
    ),
    (
        {**ROUTE, "metadata": {"name": "cart", "labels": {"a.b/c": 1}}},
        ['metadata.labels["a.b/c"]: expected a string, found an integer (put it in quotes)'],
    ),
    ({**ROUTE, "spec": "x"}, ["spec: expected an object, found a string"]),
    ({**ROUTE, "strange key": 1}, ['["strange key"]: unknown field "strange key"']),
    (
        {key: value for key, value in ROUTE.items() if key != "apiVersion"},
        ["apiVersion: is required (write gateway.networking.k8s.io/v1)"],
    ),
    ({key: value for key, value in ROUTE.items() if key != "kind"}, ["kind: is required (write HTTPRoute)"]),
    ({**ROUTE, "kind": "Gateway"}, ['kind: expected "HTTPRoute", found "Gateway"']),
    (
        {**ROUTE, "apiVersion": "v1"},
        [
            (
                'apiVersion: expected "gateway.networking.k8s.io/v1" or "gateway.networking.k8s.io/v1beta1" '
                'for kind HTTPRoute, found "v1" (write gateway.networking.k8s.io/v1)'
            )
        ],
    ),
    (["a"], ["expected an object, found a list"]),
]


@pytest.mark.parametrize(("written", "expected"), MISTAKES)
def test_each_mistake_is_told_with_path_expectation_and_next_step(
    written: object, expected: list[str]
) -> None:
    assert messages("HTTPRoute", written) == expected


def test_all_mistakes_are_told_together() -> None:
    written = with_spec(
        hostname=["x"],
        parentRefs="x",
        rules=[{"backendRefs": [{"port": "80", "weight": -1}], "matches": [{"path": {"type": "Prefix"}}]}],
    )
    assert messages("HTTPRoute", written) == [
        "spec.parentRefs: expected a list, found a string",
        "spec.rules[0].backendRefs[0].port: expected an integer, found a string (remove the quotes)",
        "spec.rules[0].backendRefs[0].weight: expected 0 to 1000000, found -1",
        "spec.rules[0].backendRefs[0].name: is required",
        (
            'spec.rules[0].matches[0].path.type: expected one of "Exact", "PathPrefix", "RegularExpression", '
            'found "Prefix" (did you mean "PathPrefix"?)'
        ),
        'spec.hostname: unknown field "hostname" (did you mean "hostnames"?)',
    ]


def test_a_huge_wrong_value_is_shown_short() -> None:
    (message,) = messages("HTTPRoute", with_spec(hostnames=["_" * 200]))
    assert len(message) < 250
    (message,) = messages("HTTPRoute", with_spec(parentRefs=[{"name": "a", "port": 10**5000}]))
    assert message.endswith("found a very large number")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"kind": "HttpRoute"}, 'kind: unknown kind "HttpRoute" (did you mean "HTTPRoute"?)'),
        ({"kind": "Zebra"}, 'kind: unknown kind "Zebra"'),
        ({}, "kind: is required (such as HTTPRoute)"),
        ("text", "expected an object with apiVersion and kind"),
        ({"kind": "Service"}, "apiVersion: is required (write v1)"),
        (
            {"kind": "Workload", "apiVersion": "sekisho.dev/v1"},
            (
                'apiVersion: expected "sekisho.dev/v1alpha1" for kind Workload, found "sekisho.dev/v1" '
                "(write sekisho.dev/v1alpha1)"
            ),
        ),
    ],
)
def test_a_wrong_kind_gets_a_suggestion(written: object, expected: str) -> None:
    with pytest.raises(Invalid) as refused:
        kind_of(written)
    assert [str(problem) for problem in refused.value.problems] == [expected]


SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "key"},
    "stringData": {"token": "hunter2"},
    "data": {"token": "b2xk", "other": "b2s=\n"},
}


def test_string_data_of_a_secret_becomes_data() -> None:
    checked = check("Secret", SECRET)
    assert checked.object["data"] == {"token": "aHVudGVyMg==", "other": "b2s="}
    assert "stringData" not in checked.object
    assert checked.object["type"] == "Opaque"
    assert getattr(checked.resource, "data") == {"token": b"hunter2", "other": b"ok"}  # noqa: B009  Resource has no data


def test_a_secret_never_shows_its_values() -> None:
    assert "hunter2" not in repr(check("Secret", SECRET).resource)
    written = {**SECRET, "stringData": {}, "data": {"token": "hunter2!"}, "typ": "x"}
    assert messages("Secret", written) == [
        'data["token"]: expected base64 (plain text goes into stringData)',
        'typ: unknown field "typ" (did you mean "type"?)',
    ]


def test_a_namespace_is_labelled_with_its_name() -> None:
    written = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert check("Namespace", written).object["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}


def test_target_port_of_a_service_is_the_port_when_left_out() -> None:
    written = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 80}]},
    }
    (port,) = check("Service", written).object["spec"]["ports"]
    assert port == {"port": 80, "protocol": "TCP", "targetPort": 80}


def test_the_engine_does_not_see_status_and_bookkeeping() -> None:
    checked = check("HTTPRoute", ROUTE).object
    later = {
        **checked,
        "metadata": {
            **checked["metadata"],
            "resourceVersion": "7",
            "managedFields": [{"manager": "kubectl"}],
        },
        "status": {"parents": []},
    }
    old, new = (decode("HTTPRoute", msgspec.json.encode(body)) for body in (checked, later))
    assert old != new
    assert engine_view(old) == engine_view(new)
    moved = decode("HTTPRoute", msgspec.json.encode({**later, "spec": with_spec(hostnames=["a.b"])["spec"]}))
    assert engine_view(moved) != engine_view(new)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_explains_an_empty_document(kind: str) -> None:
    assert "metadata: is required" in messages(kind, {})


CHANGES = [
    (
        {
            "kind": "GatewayClass",
            "apiVersion": "gateway.networking.k8s.io/v1",
            "spec": {"controllerName": "a.b/c"},
        },
        {"spec": {"controllerName": "a.b/d"}},
        "spec.controllerName: can never change",
    ),
    ({"kind": "Secret", "apiVersion": "v1"}, {"type": "x"}, "type: can never change"),
    (
        {"kind": "Secret", "apiVersion": "v1", "immutable": True},
        {"immutable": False},
        "data: can never change, because the Secret is immutable",
    ),
    (
        {"kind": "ConfigMap", "apiVersion": "v1", "immutable": True},
        {"data": {"a": "b"}},
        "data: can never change, because the ConfigMap is immutable",
    ),
    (
        {
            "kind": "Workload",
            "apiVersion": "sekisho.dev/v1alpha1",
            "spec": {"address": "10.0.0.1", "sidecar": {"capture": "Redirect"}},
        },
        {"spec": {"address": "10.0.0.1"}},
        "spec.sidecar: cannot be taken away: it would be called in plain text from then on",
    ),
]


@pytest.mark.parametrize(("old", "change", "expected"), CHANGES)
def test_some_fields_never_change(old: dict[str, Any], change: dict[str, Any], expected: str) -> None:
    old = {**old, "metadata": {"name": "a"}}
    before, after = check(old["kind"], old).resource, check(old["kind"], {**old, **change}).resource
    check_change(before, before)
    with pytest.raises(Invalid) as refused:
        check_change(before, after)
    assert [str(problem) for problem in refused.value.problems] == [
        f"{expected} (delete the resource and create it anew)"
    ]


def test_yaml_tells_file_and_line_of_each_mistake() -> None:
    text = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: cart
  labels:
    example.com/x: 1
spec:
  hostname: [a.b]
  rules:
  - backendRefs:
    - port: 80
    - name: b
      port: "80"
"""
    (document,) = yaml.load(text, "route.yaml")
    with pytest.raises(Invalid) as refused:
        document.check()
    assert [f"{problem.file}:{problem.line} {problem.path}" for problem in refused.value.problems] == [
        'route.yaml:6 metadata.labels["example.com/x"]',
        "route.yaml:8 spec.hostname",
        "route.yaml:11 spec.rules[0].backendRefs[0].name",
        "route.yaml:13 spec.rules[0].backendRefs[1].port",
    ]
    assert str(refused.value.problems[2]) == ("route.yaml:11: spec.rules[0].backendRefs[0].name: is required")
