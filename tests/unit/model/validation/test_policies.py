"""`sekisho.model.validation.policies` and its parts: what is refused in a policy, and where."""

from typing import Any

import pytest

from sekisho.model.document import check
from sekisho.model.kinds import POLICY_KINDS
from sekisho.model.problems import Invalid

MESH = {"kind": "Mesh"}
CART = {"kind": "Service", "name": "cart"}


def problems(kind: str, spec: Any, namespace: str = "shop", labels: Any = None) -> dict[str, str]:
    """What is refused, by path."""
    metadata = {"name": "a", "namespace": namespace, "labels": labels or {}}
    document = {"apiVersion": "sekisho.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    try:
        check(kind, document)
    except Invalid as invalid:
        return {problem.path: problem.message for problem in invalid.problems}
    return {}


def to(default: Any, target: Any = None, **spec: Any) -> dict[str, Any]:
    return {"to": [{"targetRef": target or MESH, "default": default}], **spec}


def rules(default: Any, *matches: Any, **spec: Any) -> dict[str, Any]:
    rule = {"default": default, **({"matches": list(matches)} if matches else {})}
    return {"rules": [rule], **spec}


CLIENTS = [
    "Timeout", "Retry", "CircuitBreaker", "HealthCheck", "LoadBalancing", "RateLimit", "FaultInjection",
    "AccessLog",
]  # fmt: skip
SERVERS = ["TrafficPermission", "Timeout", "CircuitBreaker", "RateLimit", "FaultInjection", "AccessLog"]


def pushed(collector: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A `default` of Metrics."""
    return {"backends": [{"type": "OpenTelemetry", "openTelemetry": {"collector": collector, **more}}]}


PLAIN = ["Tracing", "Metrics", "Passthrough", "ProxyPatch"]


@pytest.mark.parametrize("kind", CLIENTS)
def test_clients_have_destinations(kind: str) -> None:
    assert not problems(kind, to({}))
    assert not problems(kind, to({}, targetRef={"kind": "Gateway", "name": "edge"}))
    assert "spec.targetRef.kind" in problems(kind, to({}, targetRef={"kind": "Service", "name": "cart"}))


@pytest.mark.parametrize("kind", SERVERS)
def test_servers_have_rules(kind: str) -> None:
    spec = {"rules": [{"default": {}}]}
    assert not problems(kind, spec)
    assert not problems(kind, {**spec, "targetRef": {**CART, "sectionName": "http"}})
    gateway = problems(kind, {**spec, "targetRef": {"kind": "Gateway", "name": "edge"}})
    assert bool(gateway) == (kind != "TrafficPermission"), "a Gateway says by `to` what else it takes in"


@pytest.mark.parametrize("kind", PLAIN)
def test_what_is_about_a_proxy_has_one_default(kind: str) -> None:
    assert not problems(kind, {"default": {}, "targetRef": {"kind": "Workload", "labels": {"a": "b"}}})
    found = problems(kind, {"default": {}, "targetRef": {"kind": "Workload", "sectionName": "80"}})
    assert "spec.targetRef.sectionName" in found
    assert "spec.targetRef.kind" in problems(kind, {"default": {}, "targetRef": CART})


def test_every_kind_is_one_of_these() -> None:
    assert {*CLIENTS, *SERVERS, *PLAIN} == set(POLICY_KINDS)


@pytest.mark.parametrize("kind", sorted({*CLIENTS, *SERVERS} - {"CircuitBreaker"}))
def test_either_to_or_rules(kind: str) -> None:
    both = {**to({}), "rules": [{"default": {}}]}
    assert problems(kind, both)
    assert problems(kind, {}), "nothing at all is said"


def test_circuit_breaker_may_have_both() -> None:
    assert not problems("CircuitBreaker", {**to({}), "rules": [{"default": {}}]})


def test_roles_do_not_mix() -> None:
    both = [{"targetRef": CART, "default": {}}, {"targetRef": MESH, "default": {}}]
    assert list(problems("Timeout", {"to": both})) == ["spec.to[1]"]
    assert not problems("Timeout", {"to": both}, namespace="sekisho-system")


def test_only_operators_target_other_namespaces() -> None:
    spec = to({}, targetRef={"kind": "Workload", "namespace": "web"})
    assert "spec.targetRef.namespace" in problems("Timeout", spec)
    assert not problems("Timeout", spec, namespace="sekisho-system")


def test_routes_are_meant_by_name() -> None:
    assert "spec.targetRef.name" in problems("Timeout", to({}, targetRef={"kind": "HTTPRoute"}))
    route = {"kind": "HTTPRoute", "name": "r"}
    assert "spec.to[0].targetRef.kind" in problems("Timeout", to({}, CART, targetRef=route))
    assert "spec.to[0].targetRef.name" in problems("Timeout", to({}, {"kind": "HTTPRoute"}))
    section = to({}, {**route, "sectionName": "x"})
    assert "spec.to[0].targetRef.sectionName" in problems("Timeout", section)
    assert "spec.to[0].targetRef.kind" in problems("HealthCheck", to({}, route))


def test_the_effect_is_shadow_or_nothing() -> None:
    assert not problems("Timeout", to({}), labels={"sekisho.dev/effect": "shadow"})
    found = problems("Timeout", to({}), labels={"sekisho.dev/effect": "shade"})
    assert list(found) == ['metadata.labels["sekisho.dev/effect"]']


HASH = {"type": "Header", "cookie": {"name": "a"}}
MATCHED = {"spiffeID": {"value": "spiffe://a.b/c"}}
FILE = {"type": "File", "file": {"path": "/dev/stdout", "format": {"plain": "%A% %b"}}}


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("Timeout", to({"connectionTimeout": "0s"}), "default.connectionTimeout"),
        ("Timeout", rules({"idleTimeout": "1s"}, MATCHED), "default.idleTimeout"),
        ("Timeout", rules({"http": {"maxConnectionDuration": "1s"}}, MATCHED), "http.maxConnectionDuration"),
        ("Retry", to({"http": {"backOff": {"baseInterval": "0s"}}}), "http.backOff.baseInterval"),
        (
            "Retry",
            to({"grpc": {"backOff": {"baseInterval": "2s", "maxInterval": "1s"}}}),
            "grpc.backOff.maxInterval",
        ),
        ("Retry", to({"http": {"retryOn": ["Whatever"]}}), "http.retryOn[0]"),
        (
            "Retry",
            to(
                {
                    "http": {
                        "retriableRequestHeaders": [{"name": "a", "type": "RegularExpression", "value": "("}]
                    }
                }
            ),
            "http.retriableRequestHeaders[0].value",
        ),
        (
            "Retry",
            to({"http": {"retriableResponseHeaders": [{"name": "a", "type": "Present", "value": "b"}]}}),
            "http.retriableResponseHeaders[0].value",
        ),
        (
            "Retry",
            to({"http": {"rateLimitedBackOff": {"resetHeaders": []}}}),
            "http.rateLimitedBackOff.resetHeaders",
        ),
        ("CircuitBreaker", to({"outlierDetection": {"interval": "0s"}}), "outlierDetection.interval"),
        ("CircuitBreaker", {"rules": [{"default": {"outlierDetection": {}}}]}, "default.outlierDetection"),
        (
            "CircuitBreaker",
            to(
                {
                    "outlierDetection": {
                        "splitExternalAndLocalErrors": False,
                        "detectors": {"localOriginFailures": {}},
                    }
                }
            ),
            "outlierDetection.detectors.localOriginFailures",
        ),
        ("HealthCheck", to({"timeout": "0s"}), "default.timeout"),
        ("HealthCheck", to({"http": {"path": "up"}}), "http.path"),
        ("HealthCheck", to({"http": {"expectedStatuses": []}}), "http.expectedStatuses"),
        ("HealthCheck", to({"tcp": {"send": "a"}}), "tcp.send"),
        (
            "LoadBalancing",
            to({"loadBalancer": {"maglev": {"tableSize": 9}}}),
            "loadBalancer.maglev.tableSize",
        ),
        (
            "LoadBalancing",
            to({"loadBalancer": {"ringHash": {"minRingSize": 9, "maxRingSize": 8}}}),
            "loadBalancer.ringHash.maxRingSize",
        ),
        ("LoadBalancing", to({"hashPolicies": [HASH]}), "hashPolicies[0].header"),
        (
            "LoadBalancing",
            to({"hashPolicies": [{"type": "Connection", "connection": {"sourceIP": False}}]}),
            "hashPolicies[0].connection.sourceIP",
        ),
        (
            "LoadBalancing",
            to({"localityAwareness": {"crossZone": {"failover": [{"to": {"type": "Only"}}]}}}),
            "failover[0].to.zones",
        ),
        ("LoadBalancing", to({"localityAwareness": {"crossZone": {}}}, CART), "localityAwareness.crossZone"),
        (
            "LoadBalancing",
            to({"loadBalancer": {}}, {"kind": "HTTPRoute", "name": "r"}),
            "default.loadBalancer",
        ),
        (
            "RateLimit",
            to({"local": {"http": {"requestRate": {"num": 1, "interval": "49ms"}}}}),
            "http.requestRate.interval",
        ),
        ("RateLimit", rules({"local": {"tcp": {"disabled": True}}}, MATCHED), "default.local.tcp"),
        (
            "RateLimit",
            to({"local": {"http": {"onRateLimit": {"status": 418}}}}),
            "local.http.onRateLimit.status",
        ),
        (
            "FaultInjection",
            to({"http": [{"abort": {"httpStatus": 500, "percentage": "100.1"}}]}),
            "http[0].abort.percentage",
        ),
        (
            "FaultInjection",
            to({"http": [{"delay": {"value": "1s", "percentage": "many"}}]}),
            "http[0].delay.percentage",
        ),
        ("AccessLog", to({"backends": [FILE]}), "backends[0].file.format.plain"),
        ("AccessLog", to({"backends": [{"type": "Tcp"}]}), "backends[0].tcp"),
        (
            "AccessLog",
            to({"backends": [{"type": "Tcp", "tcp": {"address": "a:70000"}}]}),
            "backends[0].tcp.address",
        ),
        (
            "AccessLog",
            to({"backends": [{"type": "File", "file": {"path": "/etc/passwd"}}]}),
            "backends[0].file.path",
        ),
        (
            "AccessLog",
            to({"backends": [{"type": "OpenTelemetry", "openTelemetry": {"collector": {"address": "a"}}}]}),
            "openTelemetry.collector.port",
        ),
        (
            "TrafficPermission",
            rules({"allow": [{"sourceRanges": ["10.0.0.1/8"]}]}),
            "allow[0].sourceRanges[0]",
        ),
        ("TrafficPermission", rules({"deny": [{"paths": [{"value": "a"}]}]}), "deny[0].paths[0].value"),
        (
            "TrafficPermission",
            rules({"allowWithShadowDeny": [{"spiffeID": {"value": "a"}}]}),
            "allowWithShadowDeny[0].spiffeID.value",
        ),
    ],
)
def test_values_that_no_proxy_could_use_are_refused_where_they_stand(kind: str, spec: Any, path: str) -> None:
    found = problems(kind, spec)
    assert any(one.endswith(path) for one in found), found


COLLECTOR = {"collector": {}}


def test_who_logs_calls_to_a_service_of_their_own_chooses_nothing_on_the_hosts_of_others() -> None:
    def refused(address: str, target: Any = CART, namespace: str = "shop") -> set[str]:
        tcp = {"type": "Tcp", "tcp": {"address": f"[{address}]:1" if ":" in address else f"{address}:1"}}
        (otel,) = pushed({"address": address, "port": 1})["backends"]
        return set(problems("AccessLog", to({"backends": [tcp, otel]}, target), namespace))

    path = "spec.to[0].default.backends"
    both = {f"{path}[0].tcp.address", f"{path}[1].openTelemetry.collector.address"}
    for address in ("127.0.0.2", "::1", "::ffff:127.0.0.1", "logs.test"):
        assert refused(address) == both
        assert not refused(address, MESH), "proxies of their own"
        assert not refused(address, namespace="sekisho-system"), "operators decide for everybody"
    assert not refused("192.0.2.10")


@pytest.mark.parametrize(
    ("kind", "default", "path"),
    [
        ("Tracing", {"backends": [{"type": "Zipkin"}]}, "backends[0].zipkin"),
        ("Tracing", {"backends": [{"type": "Zipkin", "zipkin": COLLECTOR}]}, "backends[0].zipkin.collector"),
        *(
            (
                "Tracing",
                {"backends": [{"type": "Zipkin", "zipkin": {"collector": {"address": address, "port": 1}}}]},
                "backends[0].zipkin.collector.address",
            )
            for address in ("169.254.169.254", "168.63.129.16", "metadata.google.internal", "[::1]")
        ),
        ("Tracing", {"sampling": {"client": 101}}, "sampling.client"),
        ("Tracing", {"tags": [{"name": "a"}]}, "tags[0]"),
        ("Tracing", {"tags": [{"name": "a", "literal": "1"}, {"name": "a", "literal": "2"}]}, "tags[1].name"),
        (
            "Metrics",
            {"sidecar": {"profiles": {"exclude": [{"type": "Regex", "match": "("}]}}},
            "sidecar.profiles.exclude[0].match",
        ),
        ("Metrics", {"backends": [{"type": "Prometheus"}]}, "backends[0].prometheus"),
        (
            "Metrics",
            pushed({"service": {"name": "a", "port": 1}}),
            "backends[0].openTelemetry.collector.service",
        ),
        (
            "Metrics",
            pushed({"address": "169.254.169.254", "port": 1}),
            "backends[0].openTelemetry.collector.address",
        ),
        (
            "Metrics",
            pushed({"address": "a.b", "port": 1}, refreshInterval="1ms"),
            "backends[0].openTelemetry.refreshInterval",
        ),
        (
            "Metrics",
            {"applications": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]},
            "applications[1].name",
        ),
        *(
            ("Metrics", {"applications": [{"port": 1, **mistake}]}, f"applications[0].{next(iter(mistake))}")
            for mistake in (
                {"address": "169.254.169.254"},
                {"address": "metadata.internal"},
                {"address": "0.0.0.0"},
                {"path": "metrics"},
                {"path": "/m HTTP/1.0\r\nMetadata-Flavor: Google"},
            )
        ),
        ("Passthrough", {"appendMatch": [{"type": "Domain", "value": "a.b"}]}, "appendMatch[0].protocol"),
        (
            "Passthrough",
            {"appendMatch": [{"type": "Domain", "value": "a*.b", "protocol": "tls"}]},
            "[0].value",
        ),
        ("Passthrough", {"appendMatch": [{"type": "IP", "value": "10.0.0.0/8"}]}, "[0].value"),
        ("Passthrough", {"appendMatch": [{"type": "CIDR", "value": "10.0.0.1/8"}]}, "[0].value"),
        (
            "Passthrough",
            {
                "appendMatch": [
                    {"type": "IP", "value": "10.0.0.1", "port": 1},
                    {"type": "IP", "value": "10.0.0.2", "port": 1, "protocol": "tls"},
                ]
            },
            "appendMatch[1].protocol",
        ),
        ("ProxyPatch", {"appendModifications": [{}]}, "appendModifications[0]"),
        (
            "ProxyPatch",
            {"appendModifications": [{"cluster": {"operation": "AddFirst"}}]},
            "cluster.operation",
        ),
        ("ProxyPatch", {"appendModifications": [{"listener": {"operation": "Add"}}]}, "listener.operation"),
        ("ProxyPatch", {"appendModifications": [{"cluster": {"operation": "Add"}}]}, "cluster.value"),
        (
            "ProxyPatch",
            {"appendModifications": [{"httpFilter": {"operation": "AddAfter", "value": {}}}]},
            "httpFilter.match.name",
        ),
        (
            "ProxyPatch",
            {"appendModifications": [{"cluster": {"operation": "Patch", "value": {}, "jsonPatches": []}}]},
            "cluster.jsonPatches",
        ),
        (
            "ProxyPatch",
            {"appendModifications": [{"cluster": {"operation": "Remove", "value": {}}}]},
            "cluster.value",
        ),
    ],
)
def test_so_are_those_of_policies_with_one_default(kind: str, default: Any, path: str) -> None:
    found = problems(kind, {"default": default})
    assert any(one.endswith(path) for one in found), found


def test_an_operator_that_envoy_does_not_know_is_refused_with_the_one_that_was_meant() -> None:
    log = {
        "type": "File",
        "file": {"path": "/dev/stdout", "format": {"plain": "%RESPONSE_CODEE% %REQ(X-A):9%"}},
    }
    (message,) = problems("AccessLog", to({"backends": [log]})).values()
    assert message == "unknown command operator %RESPONSE_CODEE%"


def test_rules_cannot_log_to_a_service() -> None:
    otel = {"collector": {"service": {"name": "otel", "port": 4317}}}
    log = {"backends": [{"type": "OpenTelemetry", "openTelemetry": otel}]}
    (path,) = problems("AccessLog", rules(log))
    assert path == "spec.rules[0].default.backends[0].openTelemetry.collector.service"
    assert not problems("AccessLog", to(log))


def test_what_was_left_out_is_not_filled_in() -> None:
    """Or it would override what another policy says."""
    metadata = {"name": "a", "namespace": "shop"}
    document = {"apiVersion": "sekisho.dev/v1alpha1", "metadata": metadata, "spec": to({"http": {}})}
    for kind in ("Timeout", "Retry", "HealthCheck"):
        stored = check(kind, {**document, "kind": kind}).object["spec"]["to"][0]["default"]
        assert stored == {"http": {}}


@pytest.mark.parametrize("address", ["/../x:1", "../x:1", "a/b:1", "a b:1", "collector", ":1"])
def test_a_log_server_is_a_host_and_a_port(address: str) -> None:
    default = {"backends": [{"type": "Tcp", "tcp": {"address": address}}]}
    found = problems("AccessLog", {"to": [{"targetRef": {"kind": "Mesh"}, "default": default}]})
    assert list(found) == ["spec.to[0].default.backends[0].tcp.address"]
