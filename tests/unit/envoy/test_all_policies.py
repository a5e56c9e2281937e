"""All policies at once: every kind of client and server, down to Envoy's messages."""

from typing import Any

from tests.kit.objects import id_of, manifest

from sekisho.engine import Engine
from sekisho.envoy.lint import lint
from sekisho.envoy.outputs import EMISSIONS
from sekisho.model.document import check
from sekisho.protos import message

SYSTEM = "sekisho-system"
CALLER = [{"spiffeID": {"value": "spiffe://default.default.mesh.local/ns/web/sa/web"}}]
COLLECTOR = {"collector": {"address": "10.0.0.9", "port": 4317}}
LOGS = {
    "backends": [
        {"type": "File", "file": {"path": "/dev/stdout", "format": {"plain": "%RESPONSE_CODE%"}}},
        {"type": "OpenTelemetry", "openTelemetry": COLLECTOR},
    ]
}
RATE = {"requestRate": {"num": 5, "interval": "1s"}}
OUTLIERS = {"detectors": {"totalFailures": {"consecutive": 3}, "successRate": {}, "failurePercentage": {}}}
DETAILS: dict[str, Any] = {
    "Timeout": {"connectionTimeout": "2s", "idleTimeout": "1m", "http": {"requestTimeout": "3s"}},
    "Retry": {
        "tcp": {"maxConnectAttempt": 3},
        "http": {"numRetries": 2, "retryOn": ["5xx", "HttpMethodGet"]},
    },
    "CircuitBreaker": {"connectionLimits": {"maxConnections": 9}, "outlierDetection": OUTLIERS},
    "HealthCheck": {"interval": "5s", "tcp": {}, "http": {"path": "/up"}},
    "LoadBalancing": {
        "loadBalancer": {"type": "RingHash"},
        "hashPolicies": [{"type": "Header", "header": {"name": "x-user"}}],
        "localityAwareness": {"crossZone": {"failoverThreshold": {"percentage": 70}}},
    },
    "RateLimit": {"local": {"http": RATE}},
    "FaultInjection": {"http": [{"delay": {"value": "1s", "percentage": "0.5"}}]},
    "AccessLog": LOGS,
}
RULES: dict[str, Any] = {
    "Timeout": {"http": {"requestTimeout": "9s"}},
    "RateLimit": DETAILS["RateLimit"],
    "FaultInjection": DETAILS["FaultInjection"],
    "AccessLog": LOGS,
}
SINGLE: dict[str, Any] = {
    "Tracing": {"backends": [{"type": "OpenTelemetry", "openTelemetry": COLLECTOR}]},
    "Metrics": {"backends": [{"type": "Prometheus", "prometheus": {}}]},
    "Passthrough": {"appendMatch": [{"type": "Domain", "value": "*.example.com", "protocol": "tls"}]},
}


def objects() -> list[dict[str, Any]]:
    ports = [{"port": 80, "targetPort": 8080, "appProtocol": "http"}]
    service = {"clusterIP": "241.0.0.1", "ports": ports, "selector": {"app": "cart"}}
    found = [manifest("Mesh", "default", spec={}), manifest("Service", "cart", spec=service)]
    for number, capture in enumerate(("None", "Redirect")):
        spec = {"address": f"10.0.0.{number + 1}", "ports": [{"port": 8080}], "sidecar": {"capture": capture}}
        found.append(manifest("Workload", f"cart-{number}", spec=spec, labels={"app": "cart"}))
    deny = {"deny": [{"paths": [{"value": "/admin"}]}], "allow": [{"namespaces": ["shop"]}]}
    found.append(manifest("TrafficPermission", "a", SYSTEM, spec={"rules": [{"default": deny}]}))
    for kind, default in DETAILS.items():
        to = [{"targetRef": {"kind": "Mesh"}, "default": default}]
        found.append(manifest(kind, "calls", SYSTEM, spec={"to": to}))
    for kind, default in RULES.items():
        rules = [{"default": default}, {"matches": CALLER, "default": default}]
        found.append(manifest(kind, "served", SYSTEM, spec={"rules": rules}))
    return found + [manifest(kind, "own", SYSTEM, spec={"default": each}) for kind, each in SINGLE.items()]


def test_all_policies_together_make_messages_that_hold_the_rules() -> None:
    engine = Engine(emission.output for emission in EMISSIONS)
    changes = engine.commit({id_of(one): check(one["kind"], one).resource for one in objects()})
    assert not changes.failures
    names = set()
    for emission in EMISSIONS:
        for resource in (engine.value(emission.output, key) for key in engine.keys(emission.output)):
            names.add(resource.name)
            if ".envoy." in f".{resource.type_url.rpartition('/')[2]}":
                found = message(resource.type_url.rpartition("/")[2]).FromString(resource.body)
                assert not lint(found), resource.name
    assert {"inbound/8080", "outbound/shop/cart/80", "shop/cart/80", "passthrough"} <= names
    assert {"collector/address/10.0.0.9/4317", "inbound/collector/address/10.0.0.9/4317"} <= names
