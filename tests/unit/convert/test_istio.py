"""Istio's resources: routes for Gateways and Services, policies, permissions, what is outside."""

from typing import Any

from sekisho.convert import CONVERTERS, Converted
from sekisho.model import yaml

REVIEWS = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
"""


def converted(*texts: str) -> Converted:
    return CONVERTERS["istio"]([one.value for text in texts for one in yaml.load(text)])


def made(found: Converted, kind: str) -> Any:
    return [one for one in found.objects if one["kind"] == kind]


def test_a_virtual_service_in_the_mesh_is_a_route_of_its_service() -> None:
    found = converted(
        REVIEWS,
        """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
    - match: [{uri: {prefix: /v2}, headers: {end-user: {exact: ann}}}]
      rewrite: {uri: /}
      timeout: 3s
      route: [{destination: {host: reviews, subset: v2}}]
    - route:
        - {destination: {host: reviews, port: {number: 9080}}, weight: 75}
        - {destination: {host: ratings.other.svc.cluster.local, port: {number: 80}}, weight: 25}
""",
    )
    assert found.notes == ()
    (route,) = made(found, "HTTPRoute")
    parent = {"group": "", "kind": "Service", "name": "reviews", "namespace": "shop"}
    assert route["spec"]["parentRefs"] == [parent]
    first, second = route["spec"]["rules"]
    assert first["matches"][0]["path"] == {"type": "PathPrefix", "value": "/v2"}
    assert first["filters"][0]["urlRewrite"]["path"]["type"] == "ReplacePrefixMatch"
    assert first["timeouts"] == {"request": "3s"}
    assert first["backendRefs"] == [{"name": "reviews-v2", "port": 9080}]
    assert [(one["name"], one.get("namespace"), one["weight"]) for one in second["backendRefs"]] == [
        ("reviews", None, 75),
        ("ratings", "other", 25),
    ]


def test_a_subset_is_a_service_that_selects_fewer() -> None:
    found = converted(
        REVIEWS,
        """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {consistentHash: {httpHeaderName: x-user}}
    connectionPool: {tcp: {maxConnections: 100, connectTimeout: 1s}}
    outlierDetection: {consecutive5xxErrors: 7, interval: 5s}
  subsets: [{name: v2, labels: {version: v2}}]
""",
    )
    assert found.notes == ()
    (service,) = made(found, "Service")
    assert service["metadata"]["name"] == "reviews-v2"
    assert service["spec"]["selector"] == {"app": "reviews", "version": "v2"}
    balancing = made(found, "LoadBalancing")[0]["spec"]["to"][0]["default"]
    assert balancing["hashPolicies"] == [{"type": "Header", "header": {"name": "x-user"}}]
    breaker = made(found, "CircuitBreaker")[0]["spec"]["to"][0]["default"]
    assert breaker["connectionLimits"] == {"maxConnections": 100}
    assert breaker["outlierDetection"]["detectors"] == {"totalFailures": {"consecutive": 7}}
    assert made(found, "Timeout")[0]["spec"]["to"][0]["default"] == {"connectionTimeout": "1s"}


def test_a_gateway_has_a_listener_for_each_host_and_routes_find_it() -> None:
    found = converted("""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: shop}
spec:
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      tls: {mode: SIMPLE, credentialName: shop-tls}
      hosts: ["shop.example.com", "*.api.example.com"]
    - port: {number: 8443, name: raw, protocol: TLS}
      tls: {mode: PASSTHROUGH}
      hosts: ["raw.example.com"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [door]
  http: [{redirect: {uri: /new, redirectCode: 302}}]
""")
    assert found.notes == ()
    listeners = made(found, "Gateway")[0]["spec"]["listeners"]
    assert [(one["hostname"], one["protocol"]) for one in listeners] == [
        ("shop.example.com", "HTTPS"),
        ("*.api.example.com", "HTTPS"),
        ("raw.example.com", "TLS"),
    ]
    (route,) = made(found, "HTTPRoute")
    assert route["spec"]["parentRefs"] == [{"name": "door"}]
    assert route["spec"]["hostnames"] == ["shop.example.com"]
    assert route["spec"]["rules"][0]["filters"][0]["requestRedirect"]["statusCode"] == 302


def test_permissions_keep_who_may_what_and_drop_whole_rules_never_conditions() -> None:
    found = converted("""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: catalog}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
      to: [{operation: {methods: [GET], paths: [/items*]}}]
    - from: [{source: {principals: [cluster.local/ns/shop/sa/other]}}]
      when: [{key: "request.auth.claims[a]", values: [b]}]
""")
    spec = made(found, "TrafficPermission")[0]["spec"]
    assert spec["targetRef"] == {"kind": "Workload", "labels": {"app": "catalog"}}
    (match,) = spec["rules"][0]["default"]["allow"]
    assert match["spiffeID"]["value"] == "spiffe://default.default.mesh.local/ns/shop/sa/web"
    assert match["paths"] == [{"type": "PathPrefix", "value": "/items"}]
    assert [note.path for note in found.notes] == ["spec.rules[1].when"], (
        "a rule without its condition would open"
    )


def test_an_allow_without_rules_permits_nobody_and_a_deny_that_cannot_be_said_denies_more() -> None:
    nobody = converted("""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: none, namespace: shop}
spec: {}
""")
    assert made(nobody, "TrafficPermission")[0]["spec"]["rules"] == [{"default": {"allow": []}}]
    unsaid = converted("""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: some, namespace: shop}
spec:
  action: DENY
  rules:
    - to: [{operation: {notPaths: [/healthz]}}]
    - from: [{source: {principals: ["*/sa/bad"]}}]
      to: [{operation: {paths: [/admin*]}}]
      when: [{key: "request.headers[x]", values: [y]}]
""")
    (denied,) = made(unsaid, "TrafficPermission")[0]["spec"]["rules"]
    everybody, admin = denied["default"]["deny"]
    assert everybody == {}, "without its condition it denies more"
    assert admin == {"paths": [{"type": "RegularExpression", "value": "/admin.*"}]}
    told = [note.message for note in unsaid.notes]
    assert [("notPaths" in one, "principals" in one, "conditions" in one) for one in told] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


def test_modes_of_mutual_tls_are_mesh_tls() -> None:
    found = converted("""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}
""")
    first, second = made(found, "MeshTLS")
    assert first["metadata"]["namespace"] == "sekisho-system"
    assert first["spec"]["rules"] == [{"default": {"mode": "Strict"}}]
    assert second["spec"]["targetRef"]["sectionName"] == "8080"
    assert second["spec"]["rules"] == [{"default": {"mode": "Permissive"}}]


def test_what_is_outside_is_an_external_service() -> None:
    found = converted("""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: bank, namespace: shop}
spec:
  hosts: [api.bank.example]
  ports: [{number: 443, name: tls, protocol: TLS}]
  location: MESH_EXTERNAL
  resolution: DNS
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: patch}
""")
    (outside,) = made(found, "ExternalService")
    assert outside["spec"]["match"] == {"port": 443, "protocol": "tls"}
    assert outside["spec"]["endpoints"] == [{"address": "api.bank.example", "port": 443}]
    assert any("ProxyPatch" in note.message for note in found.notes)


def test_a_gateway_that_asks_for_certificates_is_closed_until_it_is_known_whose() -> None:
    found = converted("""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g, namespace: shop}
spec:
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      tls: {mode: MUTUAL, credentialName: shop}
      hosts: [a.test]
    - port: {number: 80, name: http, protocol: HTTP}
      tls: {httpsRedirect: true}
      hosts: ["*"]
""")
    (gateway,) = made(found, "Gateway")
    (port,) = gateway["spec"]["tls"]["frontend"]["perPort"]
    reference = {"group": "", "kind": "ConfigMap", "name": "shop-ca"}
    assert port == {"port": 443, "tls": {"validation": {"caCertificateRefs": [reference]}}}
    assert [one["port"] for one in gateway["spec"]["listeners"]] == [443], "what redirected serves nothing"
    assert len(found.notes) == 2


ALLOW = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: door, namespace: istio-system}
spec: {action: ALLOW, rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}], %s}
"""


def test_a_policy_of_istios_gateways_is_one_of_ours() -> None:
    beside = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g, namespace: shop}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, protocol: HTTP}, hosts: ["*"]}]}
"""
    selecting = ALLOW % "selector: {matchLabels: {istio: ingressgateway}}"
    (permission,) = made(converted(selecting, beside), "TrafficPermission")
    assert permission["metadata"]["namespace"] == "shop"
    assert permission["spec"]["targetRef"] == {"kind": "Gateway", "name": "g"}
    alone = converted(selecting)
    assert any("give the Gateway" in note.message for note in alone.notes)


def test_of_a_policy_for_one_service_nothing_lets_others_in() -> None:
    target = "targetRefs: [{kind: %s, group: '', name: web}]"
    assert not made(converted(ALLOW % (target % "Service")), "TrafficPermission")
    denied = converted((ALLOW % (target % "Service")).replace("ALLOW", "DENY"))
    assert "targetRef" not in made(denied, "TrafficPermission")[0]["spec"]
    (at_gateway,) = made(converted(ALLOW % (target % "Gateway")), "TrafficPermission")
    assert at_gateway["spec"]["targetRef"] == {"kind": "Gateway", "name": "web"}
