"""Istio's AuthorizationPolicies as TrafficPermissions, and PeerAuthentications as MeshTLS.

What cannot be said here closes: of an ALLOW the whole rule goes, of a DENY only the condition, so that it
denies more. What a CUSTOM policy would ask somebody about is denied.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from sekisho.convert import objects
from sekisho.convert.istio_routes import Known
from sekisho.convert.result import Object, Report
from sekisho.model.mesh import SYSTEM_NAMESPACE

_ROOT = "istio-system"
_EFFECTS = {"ALLOW": "allow", "DENY": "deny", "CUSTOM": "deny"}
_TRUST_DOMAIN = "cluster.local/"
_AT_THE_DOOR = "istio"
"""The label that Istio's own gateways have."""


def authorization(report: Report, number: int, document: Object, known: Known) -> None:
    """Each source with each operation is a match; no rules at all is nobody, an empty one everybody."""
    spec = document.get("spec") or {}
    namespace, name = _place(document)
    action = str(spec.get("action", "ALLOW"))
    effect = _EFFECTS.get(action)
    if effect is None:
        report.note(number, "spec.action", f"{action} is not converted")
        return
    if action == "CUSTOM":
        report.note(
            number, "spec.action", "nobody is asked here: denied until you write ExternalAuth filters"
        )
    matches = []
    for index, rule in enumerate(spec.get("rules") or ()):
        denies = effect == "deny"
        found = list(_matches(report, number, f"spec.rules[{index}]", rule, denies=denies))
        if rule.get("when"):
            outcome = "denied whatever they say" if denies else "the whole rule is left out"
            report.note(number, f"spec.rules[{index}].when", f"{outcome}: conditions have no like here")
        matches += found if denies or not rule.get("when") else []
    if not matches and effect == "deny":
        return
    rules = [{"default": {effect: matches}}]
    for place, target in _targets(report, number, namespace, spec, known, denies=effect == "deny"):
        made = {"rules": rules, **({"targetRef": target} if target else {})}
        own = f"{name}-{target['name']}" if "name" in target else name
        report.add(number, objects.resource(objects.SEKISHO, "TrafficPermission", place, own, made))


def _targets(
    report: Report, number: int, namespace: str, spec: Mapping[str, Any], known: Known, *, denies: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Namespace and target of each permission: whom a policy is about is Workloads, or the Gateways of ours
    that stand for them. Of what is neither, all of the namespace is denied, and nobody let in."""
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    named = spec.get("targetRefs") or ([spec["targetRef"]] if spec.get("targetRef") else [])
    for one in named:
        if one.get("kind") == "Gateway":
            yield namespace, {"kind": "Gateway", "name": one.get("name")}
            continue
        outcome = "denied to all of the namespace" if denies else "left out, which lets in nobody"
        report.note(number, "spec.targetRefs", f"{one.get('kind')} {one.get('name')}: {outcome}")
        if denies:
            yield namespace, {}
    if named:
        return
    gateways = known.gateways(labels) if labels else []
    for place, name in gateways:
        yield place, {"kind": "Gateway", "name": name}
    if labels and not gateways:
        if _AT_THE_DOOR in labels:
            report.note(
                number, "spec.selector", "give the Gateway that it selects beside it: none is guarded"
            )
        yield namespace, {"kind": "Workload", "labels": labels}
    if not labels:
        yield namespace, {}


def _matches(
    report: Report, number: int, path: str, rule: Mapping[str, Any], *, denies: bool
) -> Iterator[dict[str, Any]]:
    sources = [one.get("source") or {} for one in rule.get("from") or ()] or [{}]
    operations = [one.get("operation") or {} for one in rule.get("to") or ()] or [{}]
    for source, operation in product(sources, operations):
        told = {**source, **operation}
        unknown = sorted(name for name, values in told.items() if not _can_be_said(name, values))
        if unknown:
            outcome = "denied without it" if denies else "left out"
            report.note(number, path, f"{outcome}, as {', '.join(unknown)} has no like here")
            if not denies:
                continue
        told = {name: values for name, values in told.items() if name not in unknown}
        where = {
            "sourceRanges": list(told.get("ipBlocks") or ()),
            "namespaces": list(told.get("namespaces") or ()),
            "methods": list(told.get("methods") or ()),
            "paths": [_path(one, denies=denies) for one in told.get("paths") or ()],
        }
        callers = [_caller(one) for one in told.get("principals") or ()] or [{}]
        for caller in callers:
            yield objects.present({"spiffeID": caller, **where})


_SAID = {"principals", "namespaces", "ipBlocks", "methods", "paths"}


def _can_be_said(name: str, values: Any) -> bool:
    """`*` only at the end: of what ends like this there is no match."""
    return name in _SAID and not any("*" in str(one)[:-1] for one in values or ())


def _caller(principal: str) -> dict[str, str]:
    """`cluster.local/ns/shop/sa/web` has another trust domain here."""
    path = principal.removeprefix(_TRUST_DOMAIN)
    identity = f"spiffe://default.default.mesh.local/{path}"
    if identity.endswith("*"):
        return {"type": "Prefix", "value": identity.rstrip("*")}
    return {"type": "Exact", "value": identity}


def _path(text: str, *, denies: bool) -> dict[str, str]:
    """`/items*` is any path that begins so; what is let in is only what is below `/items`."""
    if denies and text.endswith("*"):
        return {"type": "RegularExpression", "value": f"{re.escape(text[:-1])}.*"}
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
