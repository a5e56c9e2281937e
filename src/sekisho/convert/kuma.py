"""Kuma and Kong Mesh: policies keep their fields, so most of it is other names (docs/compare/kuma.md)."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sekisho.convert.kuma_forms import OURS, made, spec_of
from sekisho.convert.kuma_policies import POLICIES, TARGETS, policy
from sekisho.convert.result import Converted, Object, Report
from sekisho.model.mesh import DEFAULT_MESH

_GATEWAY_API = "gateway.networking.k8s.io/v1"
_UNCHANGED = frozenset({"MeshIdentity", "MeshTrust"})
_NEVER = {
    "MeshService": "Services select Workloads by label here: write a v1 Service",
    "MeshGateway": "write a Gateway of class sekisho, with HTTPRoutes",
    "MeshGatewayRoute": "write HTTPRoutes with the Gateway as parent",
    "ZoneIngress": "write a Gateway of class sekisho-zone-ingress",
    "ZoneEgress": "write a Gateway of class sekisho-zone-egress",
    "Secret": "secrets are brought by hand: `sekisho apply` a v1 Secret",
}


def kuma(documents: Sequence[Object]) -> Converted:
    """Resources of Kuma 2.8 to 3.0, in the form of Kubernetes or of universal mode."""
    report = Report()
    for number, document in enumerate(documents):
        _convert(report, number, copy.deepcopy(dict(document)))
    return report.done()


def _convert(report: Report, number: int, written: dict[str, Any]) -> None:
    kind = str(written.get("kind") or written.get("type") or "")
    if kind in POLICIES:
        policy(report, number, POLICIES[kind], written)
    elif kind in _UNCHANGED:
        report.add(number, made(kind, written, spec_of(written)))
    elif kind in _KINDS:
        _KINDS[kind](report, number, written)
    else:
        advice = _NEVER.get(kind, "there is nothing of the kind here")
        report.note(number, "", f"{kind or 'a document without a kind'} is not converted: {advice}")


def _opa(report: Report, number: int, written: dict[str, Any]) -> None:
    """What decides is not known here."""
    report.note(number, "", "MeshOPA is not converted: nobody is let in until you write whom it lets in")
    target = spec_of(written).get("targetRef") or {"kind": "Mesh"}
    closed = {**written, "spec": {"targetRef": target, "rules": [{"default": {"deny": [{}]}}]}}
    policy(report, number, POLICIES["MeshTrafficPermission"], closed)


def _http_route(report: Report, number: int, written: dict[str, Any]) -> None:
    spec = spec_of(written)
    for index, entry in enumerate(spec.get("to") or ()):
        path = f"spec.to[{index}]"
        parent = _service_reference(report, number, f"{path}.targetRef", entry.get("targetRef") or {})
        if parent is None:
            continue
        rules = [
            _http_rule(report, number, f"{path}.rules[{place}]", rule)
            for place, rule in enumerate(entry.get("rules") or ())
        ]
        route = made("HTTPRoute", written, {"parentRefs": [parent], "rules": rules}, _GATEWAY_API)
        route["metadata"]["name"] += f"-{index}" if index else ""
        report.add(number, route)
    if (spec.get("targetRef") or {}).get("kind", "Mesh") != "Mesh":
        message = "a route for some callers only: put it in their namespace, where it is theirs alone"
        report.note(number, "spec.targetRef", message)


def _http_rule(report: Report, number: int, path: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    conf = rule.get("default") or {}
    backends = [
        _backend(report, number, f"{path}.default.backendRefs[{index}]", one)
        for index, one in enumerate(conf.get("backendRefs") or ())
    ]
    filters = [_filter(report, number, path, one) for one in conf.get("filters") or ()]
    found: dict[str, Any] = {
        "matches": [_match(report, number, path, one) for one in rule.get("matches") or ()],
        "filters": filters,
        "backendRefs": [one for one in backends if one is not None],
    }
    return {key: value for key, value in found.items() if value}


def _match(report: Report, number: int, path: str, match: Mapping[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(dict(match))
    for header in found.get("headers") or ():
        if header.get("type") in {"Present", "Absent", "Prefix"}:
            report.note(
                number, f"{path}.matches", f"a header match of type {header['type']} has no like here"
            )
    found["headers"] = [
        one for one in found.get("headers") or () if one.get("type", "Exact") in _HEADER_MATCHES
    ]
    return {key: value for key, value in found.items() if value}


_HEADER_MATCHES = {"Exact", "RegularExpression"}


def _filter(report: Report, number: int, path: str, written: Mapping[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(dict(written))
    mirror = found.get("requestMirror")
    if mirror:
        percentage = mirror.pop("percentage", None)
        mirror["backendRef"] = _backend(report, number, path, mirror.get("backendRef") or {})
        if percentage is not None:
            mirror["percent"] = int(float(percentage))
    return found


def _tcp_route(report: Report, number: int, written: dict[str, Any]) -> None:
    for index, entry in enumerate(spec_of(written).get("to") or ()):
        path = f"spec.to[{index}]"
        parent = _service_reference(report, number, f"{path}.targetRef", entry.get("targetRef") or {})
        conf = (entry.get("rules") or [{}])[0].get("default") or {}
        backends = [_backend(report, number, path, one) for one in conf.get("backendRefs") or ()]
        if parent is not None:
            rules = [{"backendRefs": [one for one in backends if one is not None]}]
            route = made("TCPRoute", written, {"parentRefs": [parent], "rules": rules}, _GATEWAY_API)
            route["metadata"]["name"] += f"-{index}" if index else ""
            report.add(number, route)


def _backend(report: Report, number: int, path: str, written: Mapping[str, Any]) -> dict[str, Any] | None:
    found = _service_reference(report, number, path, written)
    if found is None:
        return None
    if "weight" in written:
        found["weight"] = written["weight"]
    return found


def _service_reference(
    report: Report, number: int, path: str, written: Mapping[str, Any]
) -> dict[str, Any] | None:
    """By name, as the Gateway API refers to things; None where only labels are given."""
    kind = TARGETS.get(str(written.get("kind")), "")
    labels = written.get("labels") or {}
    name = written.get("name") or labels.get("kuma.io/display-name")
    if kind not in _GROUPS or not name:
        report.note(number, path, "Gateway API routes refer to Services by name; write it in")
        return None
    found = {"group": _GROUPS[kind], "kind": kind, "name": name}
    namespace = written.get("namespace") or labels.get("k8s.kuma.io/namespace")
    port = written.get("port") or written.get("sectionName")
    found |= {"namespace": namespace} if namespace else {}
    if str(port or "").isdigit():
        found["port"] = int(str(port))
    elif port:
        report.note(number, path, f"ports are numbers here, and {port} is a name")
    return found


_GROUPS = {"Service": "", "ExternalService": "sekisho.dev", "MultiZoneService": "sekisho.dev"}


def _mesh(report: Report, number: int, written: dict[str, Any]) -> None:
    """Trust is made by itself; what else a Mesh of 2.x said has kinds of its own."""
    name = str(written.get("name") or (written.get("metadata") or {}).get("name") or DEFAULT_MESH)
    said = {**written, **spec_of(written)}
    for field, advice in _FROM_MESH.items():
        if said.get(field):
            report.note(number, field, advice)
    report.add(number, {"apiVersion": OURS, "kind": "Mesh", "metadata": {"name": name}, "spec": {}})


_FROM_MESH = {
    "mtls": "every Mesh has mutual TLS and authorities of its own here; for other ones write a MeshIdentity",
    "logging": "write an AccessLog",
    "tracing": "write a Tracing",
    "metrics": "write a Metrics",
    "routing": "see LoadBalancing for localities, Gateways of class sekisho-zone-egress for the way out",
    "networking": "write a Passthrough",
}


def _external(report: Report, number: int, written: dict[str, Any]) -> None:
    spec = spec_of(written)
    verification = (spec.get("tls") or {}).get("verification") or {}
    for field in ("caCert", "clientCert", "clientKey"):
        if verification.pop(field, None):
            message = "certificates are in Secrets here: caCertificateRef and clientCertificateRef"
            report.note(number, f"spec.tls.verification.{field}", message)
    report.add(number, made("ExternalService", written, spec))


def _multi_zone(report: Report, number: int, written: dict[str, Any]) -> None:
    spec = spec_of(written)
    selector = spec.get("selector") or {}
    spec["selector"] = {"zoneService": selector.get("meshService") or {}}
    for port in spec.get("ports") or ():
        if "appProtocol" in port:
            port["protocol"] = port.pop("appProtocol")
    report.add(number, made("MultiZoneService", written, spec))


def _generator(report: Report, number: int, written: dict[str, Any]) -> None:
    spec = spec_of(written)
    renamed = {
        "meshService": "service",
        "meshExternalService": "externalService",
        "meshMultiZoneService": "multiZoneService",
    }
    selector = {renamed.get(key, key): value for key, value in (spec.get("selector") or {}).items()}
    report.add(number, made("HostnameGenerator", written, {**spec, "selector": selector}))


def _dataplane(report: Report, number: int, written: dict[str, Any]) -> None:
    networking = spec_of(written).get("networking") or written.get("networking") or {}
    inbounds = [one for one in networking.get("inbound") or () if one.get("port")]
    labels = {**(written.get("labels") or {}), **_tags(inbounds)}
    for key in ("gateway", "outbound"):
        if networking.get(key):
            report.note(number, f"networking.{key}", _FROM_DATAPLANE[key])
    ports = [_workload_port(one) for one in inbounds]
    spec = {"address": networking.get("address", ""), "ports": ports, "sidecar": _sidecar(networking)}
    found = made("Workload", written, spec)
    found["metadata"]["labels"] = {**labels, **(found["metadata"].get("labels") or {})}
    report.add(number, found)


_FROM_DATAPLANE = {
    "gateway": "a gateway of another kind becomes a Workload whose inbound is captured like any other's",
    "outbound": "a sidecar finds what it calls by permission or by spec.sidecar.reachable",
}


def _tags(inbounds: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {key: str(value) for inbound in inbounds for key, value in (inbound.get("tags") or {}).items()}


def _workload_port(inbound: Mapping[str, Any]) -> dict[str, Any]:
    found = {"port": inbound["port"]}
    protocol = inbound.get("protocol") or (inbound.get("tags") or {}).get("kuma.io/protocol")
    found |= {"name": inbound["name"]} if inbound.get("name") else {}
    found |= {"targetPort": inbound["servicePort"]} if inbound.get("servicePort") else {}
    return found | ({"appProtocol": protocol} if protocol else {})


def _sidecar(networking: Mapping[str, Any]) -> dict[str, Any]:
    return {"capture": "Redirect"} if networking.get("transparentProxying") else {}


_KINDS: dict[str, Callable[[Report, int, dict[str, Any]], None]] = {
    "Mesh": _mesh,
    "MeshHTTPRoute": _http_route,
    "MeshTCPRoute": _tcp_route,
    "MeshExternalService": _external,
    "MeshMultiZoneService": _multi_zone,
    "MeshOPA": _opa,
    "HostnameGenerator": _generator,
    "Dataplane": _dataplane,
}
