"""Istio's AuthorizationPolicies as TrafficPermissions, and PeerAuthentications as MeshTLS."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from sekisho.convert import objects
from sekisho.convert.istio_routes import Known
from sekisho.convert.result import Object, Report
from sekisho.model.mesh import SYSTEM_NAMESPACE

_ROOT = "istio-system"
_EFFECTS = {"ALLOW": "allow", "DENY": "deny"}
_TRUST_DOMAIN = "cluster.local/"


def authorization(report: Report, number: int, document: Object, _: Known) -> None:
    """Each source with each operation is a match; no rules at all is nobody, an empty one everybody."""
    spec = document.get("spec") or {}
    namespace, name = _place(document)
    action = str(spec.get("action", "ALLOW"))
    effect = _EFFECTS.get(action)
    if effect is None:
        report.note(number, "spec.action", f"{action} is not converted")
        return
    matches = []
    for index, rule in enumerate(spec.get("rules") or ()):
        found = list(_matches(report, number, f"spec.rules[{index}]", rule))
        if rule.get("when"):
            report.note(
                number,
                f"spec.rules[{index}].when",
                "the whole rule is left out: conditions have no like here",
            )
            found = []
        matches += found
    made: dict[str, Any] = {"rules": [{"default": {effect: matches}}]}
    if labels := (spec.get("selector") or {}).get("matchLabels"):
        made["targetRef"] = {"kind": "Workload", "labels": labels}
    if matches or effect == "allow":
        report.add(number, objects.resource(objects.SEKISHO, "TrafficPermission", namespace, name, made))


def _matches(report: Report, number: int, path: str, rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    sources = [one.get("source") or {} for one in rule.get("from") or ()] or [{}]
    operations = [one.get("operation") or {} for one in rule.get("to") or ()] or [{}]
    for source, operation in product(sources, operations):
        unknown = (source.keys() - _SOURCES) | (operation.keys() - _OPERATIONS)
        if unknown:
            message = f"left out, as {', '.join(sorted(unknown))} has no like here"
            report.note(number, path, message)
            continue
        where = {
            "sourceRanges": list(source.get("ipBlocks") or ()),
            "namespaces": list(source.get("namespaces") or ()),
            "methods": list(operation.get("methods") or ()),
            "paths": [_path(one) for one in operation.get("paths") or ()],
        }
        callers = [_caller(one) for one in source.get("principals") or ()] or [{}]
        for caller in callers:
            yield objects.present({"spiffeID": caller, **where})


_SOURCES = {"principals", "namespaces", "ipBlocks"}
_OPERATIONS = {"methods", "paths"}


def _caller(principal: str) -> dict[str, str]:
    """`cluster.local/ns/shop/sa/web` has another trust domain here."""
    path = principal.removeprefix(_TRUST_DOMAIN)
    identity = f"spiffe://default.default.mesh.local/{path}"
    if identity.endswith("*"):
        return {"type": "Prefix", "value": identity.rstrip("*")}
    return {"type": "Exact", "value": identity}


def _path(text: str) -> dict[str, str]:
    if text.endswith("*"):
        return {"type": "PathPrefix", "value": text.rstrip("*").rstrip("/") or "/"}
    return {"type": "Exact", "value": text}


def peer_authentication(report: Report, number: int, document: Object, _: Known) -> None:
    """DISABLE becomes permissive: a member always takes mutual TLS here."""
    spec = document.get("spec") or {}
    namespace, name = _place(document)
    mode = str((spec.get("mtls") or {}).get("mode", "UNSET"))
    labels = (spec.get("selector") or {}).get("matchLabels")
    target = {"kind": "Workload", "labels": labels} if labels else {"kind": "Mesh"}
    if mode == "DISABLE":
        report.note(number, "spec.mtls.mode", "DISABLE becomes Permissive: both are taken")
    if mode != "UNSET":
        _mesh_tls(report, number, (namespace, name), target, mode)
    for port, said in (spec.get("portLevelMtls") or {}).items():
        everybody = {"kind": "Workload"}  # a Mesh has no ports
        section = {**(target if labels else everybody), "sectionName": str(port)}
        _mesh_tls(report, number, (namespace, f"{name}-{port}"), section, str(said.get("mode", "STRICT")))


def _mesh_tls(
    report: Report, number: int, place: tuple[str, str], target: Mapping[str, Any], mode: str
) -> None:
    default = {"mode": "Strict" if mode == "STRICT" else "Permissive"}
    spec = {"targetRef": dict(target), "rules": [{"default": default}]}
    report.add(number, objects.resource(objects.SEKISHO, "MeshTLS", *place, spec))


def _place(document: Object) -> tuple[str, str]:
    """What is of Istio's root namespace holds everywhere, as in our system namespace."""
    metadata = document.get("metadata") or {}
    namespace = metadata.get("namespace") or "default"
    return SYSTEM_NAMESPACE if namespace == _ROOT else namespace, metadata.get("name", "unnamed")
