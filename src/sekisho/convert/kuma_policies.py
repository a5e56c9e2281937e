"""Policies of Kuma: most of it is other names; who may call is told in our way, and nobody more is let in."""

from collections.abc import Mapping
from typing import Any

from sekisho.convert.kuma_forms import made, spec_of
from sekisho.convert.result import Report

POLICIES = {
    "MeshTrafficPermission": "TrafficPermission",
    "MeshTimeout": "Timeout",
    "MeshRetry": "Retry",
    "MeshCircuitBreaker": "CircuitBreaker",
    "MeshHealthCheck": "HealthCheck",
    "MeshLoadBalancingStrategy": "LoadBalancing",
    "MeshRateLimit": "RateLimit",
    "MeshFaultInjection": "FaultInjection",
    "MeshAccessLog": "AccessLog",
    "MeshTrace": "Tracing",
    "MeshMetric": "Metrics",
    "MeshPassthrough": "Passthrough",
    "MeshProxyPatch": "ProxyPatch",
    "MeshTLS": "MeshTLS",
}
"""Kuma's kinds, and ours."""
TARGETS = {
    "Mesh": "Mesh",
    "Dataplane": "Workload",
    "MeshService": "Service",
    "MeshExternalService": "ExternalService",
    "MeshMultiZoneService": "MultiZoneService",
    "MeshHTTPRoute": "HTTPRoute",
    "MeshGateway": "Gateway",
}
"""Kinds in references."""
_ACTIONS = {"Allow": "allow", "Deny": "deny", "Allowwithshadowdeny": "allowWithShadowDeny"}
"""Of a MeshTrafficPermission with `from`, in any spelling of capitals."""


def policy(report: Report, number: int, kind: str, written: dict[str, Any]) -> None:
    """A policy; `kind` is ours."""
    spec = spec_of(written)
    if kind == "TrafficPermission":
        _permissions(report, number, spec)
    _from_to_rules(report, number, spec)
    if "targetRef" in spec:
        spec["targetRef"] = _target(report, number, "spec.targetRef", spec["targetRef"])
    for index, entry in enumerate(spec.get("to") or ()):
        path = f"spec.to[{index}].targetRef"
        entry["targetRef"] = _target(report, number, path, entry.get("targetRef") or {"kind": "Mesh"})
    report.add(number, made(kind, written, spec))


def _permissions(report: Report, number: int, spec: dict[str, Any]) -> None:
    """`from` with an action, the older way to say who may call: of the whole mesh only. Who is picked by tags
    is not known here, so where one of them is denied everybody is."""
    entries = spec.pop("from", None)
    if not entries:
        return
    default: dict[str, Any] = {}
    for index, entry in enumerate(entries):
        path, kind = f"spec.from[{index}]", (entry.get("targetRef") or {}).get("kind", "Mesh")
        action = str((entry.get("default") or {}).get("action", "Deny")).capitalize()
        if kind == "Mesh" and action in _ACTIONS:
            default = {_ACTIONS[action]: [{}]}
        elif kind != "Mesh" and action == "Allow":
            report.note(number, path, f"callers by {kind}: write `rules` that allow their SPIFFE IDs")
        else:
            report.note(
                number, path, f"callers by {kind}: nobody is let in until you write `rules` that deny them"
            )
            spec["rules"] = [{"default": {"deny": [{}]}}]
            return
    spec["rules"] = [{"default": default}]


def _from_to_rules(report: Report, number: int, spec: dict[str, Any]) -> None:
    """`from` was the older way to say `rules`: by the callers' tags, which there are not any more."""
    entries = spec.pop("from", None)
    if not entries:
        return
    kept = [entry for entry in entries if (entry.get("targetRef") or {}).get("kind") == "Mesh"]
    if len(kept) < len(entries):
        report.note(number, "spec.from", "callers that are not the whole mesh: write `rules` with matches")
    spec["rules"] = [{"default": entry.get("default") or {}} for entry in kept]


def _target(report: Report, number: int, path: str, target: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(target)
    kind = str(found.get("kind", "Mesh"))
    if kind in {"MeshSubset", "MeshServiceSubset"}:
        found["kind"] = "Workload"
        found["labels"] = {**(found.pop("tags", None) or {}), **(found.get("labels") or {})}
        if name := found.pop("name", ""):
            found["labels"]["kuma.io/service"] = name
        report.note(number, path, f"{kind} picks by tags; here by labels of Workloads with the same names")
        return found
    found["kind"] = TARGETS.get(kind, kind)
    if found.pop("tags", None):
        report.note(number, f"{path}.tags", "tags pick nothing here: use labels")
    return found
