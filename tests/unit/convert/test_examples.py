"""What each project shows first in its documentation, in our words: it converts, or notes say why not."""

# ruff: noqa: E501  examples stay on one line, as they are shown

from typing import Any, NamedTuple

import pytest

from sekisho.convert import CONVERTERS, Converted
from sekisho.model import yaml
from sekisho.model.document import check

_NGINX = "nginx.ingress.kubernetes.io"


class Example(NamedTuple):
    project: str
    text: str
    kinds: tuple[str, ...]
    """Of what comes of it, in order."""
    notes: tuple[str, ...] = ()
    """Words of the notes, in order."""


def ingress(name: str, path: str = "/", backend: str = "app", tls: str = "", **annotations: str) -> str:
    written = "".join(f"{_NGINX}/{key.replace('_', '-')}: {value!r}, " for key, value in annotations.items())
    return f"""
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: shop, annotations: {{{written}}}}}
spec:
  ingressClassName: nginx
  {f"tls: [{{hosts: [app.example.com], secretName: {tls}}}]" if tls else ""}
  rules:
    - host: app.example.com
      http:
        paths: [{{path: {path}, pathType: Prefix, backend: {{service: {{name: {backend}, port: {{number: 80}}}}}}}}]
"""


def kong(plugin: str) -> str:
    return f"""
_format_version: "3.0"
services:
  - name: app
    url: http://10.0.0.1:8000
    routes: [{{name: app, paths: [/app]}}]
    plugins: [{plugin}]
"""


def kuma(kind: str, spec: str) -> str:
    return f"type: {kind}\nmesh: default\nname: example\nspec: {spec}\n"


def istio(kind: str, spec: str, group: str = "networking") -> str:
    head = f"apiVersion: {group}.istio.io/v1\nkind: {kind}\nmetadata: {{name: example, namespace: books}}\n"
    return f"---\n{head}spec: {spec}\n"


SERVER = "{kind: Dataplane, labels: {app: backend}}"
REVIEWS = "---\napiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: books}\nspec: {selector: {app: reviews}, ports: [{port: 9080}]}\n"
SUBSETS = istio(
    "DestinationRule",
    "{host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v3, labels: {version: v3}}]}",
)
GATEWAY_AND_ROUTE = ("Gateway", "HTTPRoute")

EXAMPLES = {
    "nginx: a host and a path": Example("ingress-nginx", ingress("app"), GATEWAY_AND_ROUTE),
    "nginx: rewrite with a group": Example(
        "ingress-nginx",
        ingress("app", "/app(/|$)(.*)", use_regex="true", rewrite_target="/$2"),
        GATEWAY_AND_ROUTE,
    ),
    "nginx: canary by weight": Example(
        "ingress-nginx",
        ingress("app") + ingress("next", backend="next", canary="true", canary_weight="20"),
        GATEWAY_AND_ROUTE,
    ),
    "nginx: canary by header": Example(
        "ingress-nginx",
        ingress("app") + ingress("next", backend="next", canary="true", canary_by_header="X-Canary"),
        GATEWAY_AND_ROUTE,
    ),
    "nginx: to https": Example(
        "ingress-nginx", ingress("app", tls="cert"), ("Gateway", "HTTPRoute", "HTTPRoute")
    ),
    "nginx: cors": Example("ingress-nginx", ingress("app", enable_cors="true"), GATEWAY_AND_ROUTE),
    "nginx: sticky sessions": Example(
        "ingress-nginx", ingress("app", affinity="cookie", session_cookie_name="route"), GATEWAY_AND_ROUTE
    ),
    "nginx: external authentication": Example(
        "ingress-nginx",
        ingress("app", auth_url="http://auth.shop.svc.cluster.local/check", auth_response_headers="X-User"),
        GATEWAY_AND_ROUTE,
        ("takes 200 alone",),
    ),
    "nginx: authentication elsewhere": Example(
        "ingress-nginx", ingress("app", auth_url="https://auth.example.com"), GATEWAY_AND_ROUTE, ("closed",)
    ),
    "nginx: passwords": Example(
        "ingress-nginx",
        ingress("app", auth_type="basic", auth_secret="users", auth_realm="Who?"),
        GATEWAY_AND_ROUTE,
        ("closed", "is not converted", "is not converted"),
    ),
    "nginx: a snippet that sends callers away": Example(
        "ingress-nginx",
        ingress("app", configuration_snippet="if ($http_x) { return 403; }"),
        GATEWAY_AND_ROUTE,
        ("closed",),
    ),
    "nginx: a snippet about something else": Example(
        "ingress-nginx",
        ingress("app", configuration_snippet="more_set_headers X-A;"),
        GATEWAY_AND_ROUTE,
        ("is not converted",),
    ),
    "nginx: source ranges": Example(
        "ingress-nginx",
        ingress("app", whitelist_source_range="10.0.0.0/8, 172.16.0.0/12"),
        ("Gateway", "HTTPRoute", "TrafficPermission"),
    ),
    "kong: key-auth": Example("kong", kong("{name: key-auth}"), ("Gateway", "Service", "EndpointSlice", "HTTPRoute"), ("closed",)),
    "kong: rate-limiting": Example(
        "kong", kong("{name: rate-limiting, config: {minute: 5, policy: local}}"),
        ("Gateway", "Service", "EndpointSlice", "HTTPRoute", "RateLimit"), ("one bucket",),
    ),
    "kong: request-transformer": Example(
        "kong", kong("{name: request-transformer, config: {add: {headers: ['x-a:b']}}}"),
        ("Gateway", "Service", "EndpointSlice", "HTTPRoute"),
    ),
    "kong: ip-restriction": Example(
        "kong", kong("{name: ip-restriction, config: {allow: [10.0.0.0/8]}}"),
        ("Gateway", "Service", "EndpointSlice", "HTTPRoute", "TrafficPermission"),
    ),
    "kuma: permission for everybody": Example(
        "kuma",
        kuma("MeshTrafficPermission", "{targetRef: {kind: Mesh}, from: [{targetRef: {kind: Mesh}, default: {action: Allow}}]}"),
        ("TrafficPermission",),
    ),
    "kuma: permission by identity": Example(
        "kuma",
        kuma(
            "MeshTrafficPermission",
            f"{{targetRef: {SERVER}, rules: [{{default: {{allow: [{{spiffeID: {{type: Prefix, value: 'spiffe://default.east.mesh.local/ns/a'}}}}]}}}}]}}",
        ),
        ("TrafficPermission",),
    ),
    "kuma: a split": Example(
        "kuma",
        kuma(
            "MeshHTTPRoute",
            "{to: [{targetRef: {kind: MeshService, name: backend, namespace: shop, sectionName: '80'}, rules: [{matches: [{path: {type: PathPrefix, value: /}}], default: {backendRefs: [{kind: MeshService, name: v0, namespace: shop, port: 80, weight: 90}, {kind: MeshService, name: v1, namespace: shop, port: 80, weight: 10}]}}]}]}",
        ),
        ("HTTPRoute",),
    ),
    "kuma: timeouts": Example(
        "kuma",
        kuma(
            "MeshTimeout",
            f"{{targetRef: {SERVER}, to: [{{targetRef: {{kind: Mesh}}, default: {{idleTimeout: 20s, connectionTimeout: 2s, http: {{requestTimeout: 2s}}}}}}]}}",
        ),
        ("Timeout",),
    ),
    "kuma: tries": Example(
        "kuma",
        kuma("MeshRetry", "{to: [{targetRef: {kind: Mesh}, default: {http: {numRetries: 10, retryOn: [5xx], backOff: {baseInterval: 15s}}}}]}"),
        ("Retry",),
    ),
    "istio: the door": Example(
        "istio",
        istio("Gateway", "{servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]}")
        + istio(
            "VirtualService",
            "{hosts: ['*'], gateways: [example], http: [{match: [{uri: {exact: /page}}, {uri: {prefix: /static}}], route: [{destination: {host: page, port: {number: 9080}}}]}]}",
        ),
        GATEWAY_AND_ROUTE,
    ),
    "istio: subsets by weight, a caller by header, time": Example(
        "istio",
        REVIEWS
        + SUBSETS
        + istio(
            "VirtualService",
            "{hosts: [reviews], http: [{match: [{headers: {end-user: {exact: ann}}}], route: [{destination: {host: reviews, subset: v3}}]}, {route: [{destination: {host: reviews, subset: v1}, weight: 50}, {destination: {host: reviews, subset: v3}, weight: 50}], timeout: 0.5s}]}",
        ),
        ("Service", "Service", "HTTPRoute"),
    ),
    "istio: a delay on purpose": Example(
        "istio",
        istio(
            "VirtualService",
            "{hosts: [ratings], http: [{fault: {delay: {percentage: {value: 100}, fixedDelay: 7s}}, route: [{destination: {host: ratings, port: {number: 9080}}}]}]}",
        ),
        ("HTTPRoute",),
        ("FaultInjection",),
    ),
    "istio: nobody": Example("istio", istio("AuthorizationPolicy", "{}", "security"), ("TrafficPermission",)),
    "istio: who may read": Example(
        "istio",
        istio(
            "AuthorizationPolicy",
            "{selector: {matchLabels: {app: details}}, rules: [{from: [{source: {principals: [cluster.local/ns/books/sa/page]}}], to: [{operation: {methods: [GET]}}]}]}",
            "security",
        ),
        ("TrafficPermission",),
    ),
    "istio: somebody else decides": Example(
        "istio",
        istio(
            "AuthorizationPolicy",
            "{action: CUSTOM, provider: {name: opa}, rules: [{to: [{operation: {paths: [/admin]}}]}]}",
            "security",
        ),
        ("TrafficPermission",),
        ("denied until",),
    ),
    "istio: strict": Example(
        "istio", istio("PeerAuthentication", "{mtls: {mode: STRICT}}", "security"), ("MeshTLS",)
    ),
}  # fmt: skip


def converted(name: str) -> Converted:
    example = EXAMPLES[name]
    return CONVERTERS[example.project]([one.value for one in yaml.load(example.text)])


def only(found: Converted, kind: str) -> Any:
    (spec,) = [one["spec"] for one in found.objects if one["kind"] == kind]
    return spec


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_converts_to_valid_resources_and_the_notes_say_the_rest(name: str) -> None:
    found, example = converted(name), EXAMPLES[name]
    assert tuple(one["kind"] for one in found.objects) == example.kinds
    assert len(found.notes) == len(example.notes), found.notes
    for note, words in zip(found.notes, example.notes, strict=True):
        assert words in note.message
    for one in found.objects:
        assert check(str(one["kind"]), dict(one)).resource.kind == one["kind"]


@pytest.mark.parametrize(
    "name",
    [
        "nginx: authentication elsewhere",
        "nginx: passwords",
        "nginx: a snippet that sends callers away",
        "kong: key-auth",
    ],
)
def test_what_let_in_some_callers_only_and_cannot_here_lets_nobody_in(name: str) -> None:
    (rule,) = only(converted(name), "HTTPRoute")["rules"]
    assert rule["matches"]
    assert rule.keys() == {"matches"}, "a rule without backends is answered 500"


def test_external_authentication_is_asked_of_the_service() -> None:
    (rule,) = only(converted("nginx: external authentication"), "HTTPRoute")["rules"]
    auth = rule["filters"][0]["externalAuth"]
    assert auth["backendRef"] == {"name": "auth", "namespace": "shop", "port": 80}
    assert auth["http"] == {
        "path": "/check",
        "allowedHeaders": ["Cookie"],
        "allowedResponseHeaders": ["X-User"],
    }


def test_sticky_sessions_are_sessions_of_the_rule() -> None:
    (rule,) = only(converted("nginx: sticky sessions"), "HTTPRoute")["rules"]
    assert rule["sessionPersistence"] == {"sessionName": "route"}


@pytest.mark.parametrize("name", ["nginx: source ranges", "kong: ip-restriction"])
def test_addresses_are_permitted_by_a_policy_of_the_route(name: str) -> None:
    spec = only(converted(name), "TrafficPermission")
    assert spec["targetRef"] == {"kind": "HTTPRoute", "name": "app"}
    assert spec["rules"][0]["default"]["allow"][0]["sourceRanges"][0] == "10.0.0.0/8"


def test_half_a_second_is_written_as_it_is_here() -> None:
    rules = only(converted("istio: subsets by weight, a caller by header, time"), "HTTPRoute")["rules"]
    assert rules[1]["timeouts"] == {"request": "500ms"}


def test_a_denial_by_tags_denies_everybody_beside_whom_the_mesh_lets_in() -> None:
    spec = "{from: [{targetRef: {kind: Mesh}, default: {action: Allow}}, {targetRef: {kind: MeshSubset, tags: {a: b}}, default: {action: Deny}}]}"
    found = CONVERTERS["kuma"]([one.value for one in yaml.load(kuma("MeshTrafficPermission", spec))])
    assert only(found, "TrafficPermission")["rules"] == [{"default": {"deny": [{}]}}]
    assert "nobody is let in" in found.notes[0].message
