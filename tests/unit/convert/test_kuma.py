"""Kuma's policies and routes: names change, what they say does not."""

from typing import Any

from sekisho.convert import CONVERTERS, Converted
from sekisho.model import yaml


def converted(text: str) -> Converted:
    return CONVERTERS["kuma"]([one.value for one in yaml.load(text)])


def only(found: Converted) -> Any:
    assert len(found.objects) == 1, found
    return found.objects[0]


def test_a_policy_keeps_what_it_says_under_its_name_here() -> None:
    found = converted("""
apiVersion: kuma.io/v1alpha1
kind: MeshTimeout
metadata: {name: slow, namespace: kuma-system, labels: {kuma.io/mesh: default, team: a}}
spec:
  targetRef: {kind: Dataplane, labels: {app: web}}
  to:
    - targetRef: {kind: MeshService, name: stock, namespace: shop}
      default: {connectionTimeout: 2s, http: {requestTimeout: 5s}}
""")
    policy = only(found)
    assert found.notes == ()
    assert (policy["apiVersion"], policy["kind"]) == ("sekisho.dev/v1alpha1", "Timeout")
    assert policy["metadata"]["namespace"] == "sekisho-system"
    assert policy["metadata"]["labels"] == {"team": "a"}
    assert policy["spec"]["targetRef"] == {"kind": "Workload", "labels": {"app": "web"}}
    assert policy["spec"]["to"][0]["targetRef"]["kind"] == "Service"
    assert policy["spec"]["to"][0]["default"]["http"]["requestTimeout"] == "5s"


def test_universal_resources_have_no_metadata_and_get_it() -> None:
    policy = only(
        converted("""
type: MeshTrafficPermission
mesh: payments
name: allow
labels: {kuma.io/effect: shadow}
spec:
  rules:
    - default:
        allow: [{spiffeID: {type: Prefix, value: "spiffe://payments.zone-1.mesh.local/"}}]
""")
    )
    assert policy["kind"] == "TrafficPermission"
    assert policy["metadata"]["labels"] == {"sekisho.dev/effect": "shadow", "sekisho.dev/mesh": "payments"}


def test_fields_that_are_not_here_are_left_out_and_told_and_the_rest_stays() -> None:
    found = converted("""
apiVersion: kuma.io/v1alpha1
kind: MeshHealthCheck
metadata: {name: look, namespace: shop}
spec:
  to:
    - targetRef: {kind: Mesh}
      default: {interval: 10s, eventLogPath: /tmp/x, tcp: {}}
""")
    default = only(found)["spec"]["to"][0]["default"]
    assert default["interval"] == "10s"
    assert "eventLogPath" not in default
    assert "eventLogPath" in found.notes[0].message


def test_callers_by_tags_become_nobody_in_particular_and_that_is_told() -> None:
    found = converted("""
type: MeshRateLimit
name: limit
spec:
  targetRef: {kind: MeshSubset, tags: {app: web}}
  from:
    - targetRef: {kind: Mesh}
      default: {local: {http: {requestRate: {num: 5, interval: 1s}}}}
    - targetRef: {kind: MeshSubset, tags: {app: other}}
      default: {local: {http: {requestRate: {num: 1, interval: 1s}}}}
""")
    spec = only(found)["spec"]
    assert spec["targetRef"] == {"kind": "Workload", "labels": {"app": "web"}}
    assert len(spec["rules"]) == 1
    assert {note.path for note in found.notes} == {"spec.from", "spec.targetRef"}


def test_routes_of_services_are_routes_of_the_gateway_api() -> None:
    route = only(
        converted("""
apiVersion: kuma.io/v1alpha1
kind: MeshHTTPRoute
metadata: {name: split, namespace: shop}
spec:
  to:
    - targetRef: {kind: MeshService, name: catalog, port: 80}
      rules:
        - matches: [{path: {type: PathPrefix, value: /v2}}]
          default:
            backendRefs:
              - {kind: MeshService, name: catalog, port: 80, weight: 9}
              - {kind: MeshService, name: catalog-next, port: 80, weight: 1}
""")
    )
    assert (route["kind"], route["metadata"]["namespace"]) == ("HTTPRoute", "shop")
    assert route["spec"]["parentRefs"][0]["kind"] == "Service"
    assert [one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]] == [9, 1]


def test_a_dataplane_is_a_workload_with_a_sidecar() -> None:
    workload = only(
        converted("""
type: Dataplane
mesh: default
name: web-1
networking:
  address: 10.0.0.7
  inbound: [{port: 8080, servicePort: 80, tags: {kuma.io/service: web, kuma.io/protocol: http, app: web}}]
  transparentProxying: {redirectPortInbound: 15006, redirectPortOutbound: 15001}
""")
    )
    assert workload["kind"] == "Workload"
    assert workload["spec"]["ports"][0]["targetPort"] == 80
    assert workload["spec"]["ports"][0]["appProtocol"] == "http"
    assert workload["spec"]["sidecar"]["capture"] == "Redirect"


def test_kinds_without_a_like_are_told_with_what_to_write() -> None:
    found = converted("type: MeshGateway\nname: edge\n---\ntype: Secret\nname: s\n---\nhello: there\n")
    assert found.objects == ()
    assert [note.source for note in found.notes] == [0, 1, 2]
    assert "Gateway of class sekisho" in found.notes[0].message


def test_whom_another_program_lets_in_nobody_does_here() -> None:
    found = converted("""
type: MeshOPA
name: opa
mesh: default
spec: {targetRef: {kind: Dataplane, labels: {app: cart}}, default: {}}
""")
    permission = only(found)
    assert permission["spec"]["targetRef"] == {"kind": "Workload", "labels": {"app": "cart"}}
    assert permission["spec"]["rules"] == [{"default": {"deny": [{}]}}]
    assert "nobody is let in" in found.notes[0].message
