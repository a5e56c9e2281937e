"""What the trafficPolicy of an Istio DestinationRule is as policies."""

from collections.abc import Mapping
from typing import Any

from sekisho.convert import objects
from sekisho.convert.result import Report


def policies(report: Report, number: int, written: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Kind and values of each."""
    path = "spec.trafficPolicy"
    for place, read in _READ.items():
        part: Any = written
        for step in place.split("."):
            part = (part.get(step) or {}) if step else part
        report.note_unread(number, f"{path}.{place}".rstrip("."), part, read)
    found = []
    if balancer := _load_balancer(report, number, written.get("loadBalancer") or {}):
        found.append(("LoadBalancing", balancer))
    pool = written.get("connectionPool") or {}
    if breaker := _breaker(pool, written.get("outlierDetection") or {}):
        found.append(("CircuitBreaker", breaker))
    tcp, http = pool.get("tcp") or {}, pool.get("http") or {}
    times: dict[str, Any] = {
        "connectionTimeout": tcp.get("connectTimeout"),
        "idleTimeout": http.get("idleTimeout"),
    }
    if times := objects.present(times):
        found.append(("Timeout", times))
    mode = (written.get("tls") or {}).get("mode")
    if mode not in {None, "ISTIO_MUTUAL"}:
        message = f"mode {mode}: the mesh's own TLS needs no words here; for others write a BackendTLSPolicy"
        report.note(number, "spec.trafficPolicy.tls", message)
    if written.get("portLevelSettings"):
        report.note(number, "spec.trafficPolicy.portLevelSettings", "write a policy with sectionName")
    return found


_READ = {
    "": frozenset({"loadBalancer", "connectionPool", "outlierDetection", "tls", "portLevelSettings"}),
    "loadBalancer": frozenset({"simple", "consistentHash"}),
    "loadBalancer.consistentHash": frozenset(
        {"httpHeaderName", "httpCookie", "httpQueryParameterName", "useSourceIp", "maglev", "ringHash"}
    ),
    "connectionPool": frozenset({"tcp", "http"}),
    "connectionPool.tcp": frozenset({"maxConnections", "connectTimeout"}),
    "connectionPool.http": frozenset(
        {"http1MaxPendingRequests", "http2MaxRequests", "maxRetries", "idleTimeout"}
    ),
    "outlierDetection": frozenset(
        {"consecutive5xxErrors", "consecutiveErrors", "consecutiveGatewayErrors", "interval",
         "baseEjectionTime", "maxEjectionPercent"}
    ),
}  # fmt: skip
"""Fields of a trafficPolicy that are converted, or told of in words of their own."""
_BALANCERS = {
    "ROUND_ROBIN": "RoundRobin",
    "LEAST_REQUEST": "LeastRequest",
    "LEAST_CONN": "LeastRequest",
    "RANDOM": "Random",
}


def _load_balancer(report: Report, number: int, written: Mapping[str, Any]) -> dict[str, Any]:
    if simple := _BALANCERS.get(str(written.get("simple", ""))):
        return {"loadBalancer": {"type": simple}}
    if written.get("simple"):
        report.note(number, "spec.trafficPolicy.loadBalancer.simple", f"{written['simple']} has no like here")
    by = written.get("consistentHash") or {}
    if not by:
        return {}
    policies: list[dict[str, Any]] = []
    if name := by.get("httpHeaderName"):
        policies.append({"type": "Header", "header": {"name": name}})
    if cookie := by.get("httpCookie"):
        policies.append({"type": "Cookie", "cookie": objects.present(cookie)})
    if name := by.get("httpQueryParameterName"):
        policies.append({"type": "QueryParameter", "queryParameter": {"name": name}})
    if by.get("useSourceIp"):
        policies.append({"type": "Connection", "connection": {"sourceIP": True}})
    kind = "Maglev" if "maglev" in by else "RingHash"
    return {"loadBalancer": {"type": kind}, "hashPolicies": policies}


def _breaker(pool: Mapping[str, Any], outliers: Mapping[str, Any]) -> dict[str, Any]:
    tcp, http = pool.get("tcp") or {}, pool.get("http") or {}
    limits = objects.present(
        {
            "maxConnections": tcp.get("maxConnections"),
            "maxPendingRequests": http.get("http1MaxPendingRequests"),
            "maxRequests": http.get("http2MaxRequests"),
            "maxRetries": http.get("maxRetries"),
        }
    )
    detectors = objects.present(
        {
            "totalFailures": _consecutive(
                outliers.get("consecutive5xxErrors", outliers.get("consecutiveErrors"))
            ),
            "gatewayFailures": _consecutive(outliers.get("consecutiveGatewayErrors")),
        }
    )
    outlier = objects.present(
        {
            "interval": outliers.get("interval"),
            "baseEjectionTime": outliers.get("baseEjectionTime"),
            "maxEjectionPercent": outliers.get("maxEjectionPercent"),
            "detectors": detectors,
        }
    )
    return objects.present({"connectionLimits": limits, "outlierDetection": outlier})


def _consecutive(count: int | None) -> dict[str, int]:
    return {"consecutive": count} if count else {}
