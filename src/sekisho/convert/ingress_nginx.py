"""ingress-nginx: Ingresses with its annotations become HTTPRoutes of one Gateway in each namespace."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sekisho.convert import objects
from sekisho.convert.annotations import Annotations
from sekisho.convert.nginx_filters import filters_of, is_closed, limits_addresses, policies_of, session_of
from sekisho.convert.result import Converted, Object, Report

_GROUPS = {"networking.k8s.io", "extensions"}
_PATH_TYPES = {"Exact": "Exact", "Prefix": "PathPrefix", "ImplementationSpecific": "PathPrefix"}
_REST = "(/|$)(.*)"
"""Behind a path: with the rewrite-target /$2 the usual way to say a prefix that is taken away."""
_REGEX = frozenset("()[]{}^$*+?|\\")
"""Signs of a regular expression. A dot is none: paths have them as they are."""


@dataclass(slots=True)
class _Namespace:
    """What the Ingresses of one namespace need of its Gateway."""

    source: int
    classes: set[str] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    """Host (empty for all) → Secret."""


@dataclass(frozen=True, slots=True)
class _Ingress:
    source: int
    namespace: str
    name: str
    spec: Mapping[str, Any]
    annotations: Annotations


def ingress_nginx(documents: Sequence[Object]) -> Converted:
    """Ingresses of the class nginx, also such as name no class."""
    report = Report()
    found = [
        _ingress(report, number, document)
        for number, document in enumerate(documents)
        if _is_ingress(report, number, document)
    ]
    _gateways(report, found)
    canaries = [one for one in found if one.annotations.flag("canary")]
    for ingress in found:
        if ingress not in canaries:
            _routes(report, ingress, [one for one in canaries if one.namespace == ingress.namespace])
    for ingress in found:
        ingress.annotations.note_unread()
    return report.done()


def _is_ingress(report: Report, number: int, document: Object) -> bool:
    group = str(document.get("apiVersion", "")).partition("/")[0]
    if document.get("kind") == "Ingress" and group in _GROUPS:
        return True
    if document.get("kind") != "IngressClass":
        report.note(number, "", f"{document.get('kind')} is not converted: only Ingresses are")
    return False


def _ingress(report: Report, number: int, document: Object) -> _Ingress:
    metadata = document.get("metadata") or {}
    annotations = Annotations(report, number, metadata.get("annotations") or {})
    namespace = metadata.get("namespace") or "default"
    return _Ingress(
        number, namespace, metadata.get("name", "ingress"), document.get("spec") or {}, annotations
    )


def _gateways(report: Report, ingresses: Sequence[_Ingress]) -> None:
    """One in each namespace, as certificates are there."""
    namespaces: dict[str, _Namespace] = {}
    for ingress in ingresses:
        found = namespaces.setdefault(ingress.namespace, _Namespace(ingress.source))
        for index, entry in enumerate(ingress.spec.get("tls") or ()):
            for host in entry.get("hosts") or [""]:
                if not entry.get("secretName"):
                    report.note(ingress.source, f"spec.tls[{index}]", "names no Secret: no HTTPS for it")
                elif found.secrets.setdefault(host, entry["secretName"]) != entry["secretName"]:
                    report.note(ingress.source, f"spec.tls[{index}]", f"{host} has another Secret already")
    for namespace, found in namespaces.items():
        listeners = [objects.http_listener()]
        listeners += [
            objects.https_listener(_listener(host), host, secret)
            for host, secret in sorted(found.secrets.items())
        ]
        report.add(found.source, objects.gateway(namespace, "ingress", listeners))


def _listener(host: str) -> str:
    return f"https-{host.replace('*', 'any').replace('.', '-')}"[:63].strip("-") if host else "https"


def _routes(report: Report, ingress: _Ingress, canaries: Sequence[_Ingress]) -> None:
    """An HTTPRoute for each host, as hosts may be secured or not."""
    paths: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for rule in ingress.spec.get("rules") or ():
        paths[rule.get("host") or ""] += (rule.get("http") or {}).get("paths") or ()
    backend = ingress.spec.get("defaultBackend") or ingress.spec.get("backend")
    if backend:
        paths[""].append({"path": "/", "pathType": "Prefix", "backend": backend})
    secured = {host for entry in ingress.spec.get("tls") or () for host in entry.get("hosts") or [""]}
    for number, (host, entries) in enumerate(paths.items()):
        name = ingress.name if number == 0 else f"{ingress.name}-{number}"
        if host.startswith("*."):
            report.note(
                ingress.source, "spec.rules", f"{host} matches one label in nginx and any number here"
            )
        is_secure = host in secured or "" in secured
        _route(report, ingress, name, host, entries, canaries, is_secure=is_secure)


def _route(
    report: Report,
    ingress: _Ingress,
    name: str,
    host: str,
    entries: Sequence[Mapping[str, Any]],
    canaries: Sequence[_Ingress],
    *,
    is_secure: bool,
) -> None:
    hostnames = [host] if host else []
    sections: list[str] = []
    if is_secure and ingress.annotations.flag("ssl-redirect", default=True):
        sections = [_listener(host)]
        parents = [{"name": "ingress", "sectionName": "http"}]
        rules = [{"filters": [objects.redirect(scheme="https", statusCode=308)]}]
        spec = {"parentRefs": parents, "hostnames": hostnames, "rules": rules}
        made = objects.resource(objects.GATEWAY_API, "HTTPRoute", ingress.namespace, f"{name}-to-https", spec)
        report.add(ingress.source, made)
    protocol = ingress.annotations.text("backend-protocol").upper()
    kind = "GRPCRoute" if protocol in {"GRPC", "GRPCS"} else "HTTPRoute"
    if protocol in {"HTTPS", "GRPCS"}:
        message = "nginx does not verify backends; write a BackendTLSPolicy that says whom to believe"
        ingress.annotations.note("backend-protocol", message)
    rules = _app_root(ingress) + [
        rule for entry in entries for rule in _rules(report, ingress, kind, host, entry, canaries)
    ]
    parents = [{"name": "ingress", "sectionName": one} for one in sections] or [{"name": "ingress"}]
    spec = {"parentRefs": parents, "hostnames": hostnames, "rules": rules}
    report.add(ingress.source, objects.resource(objects.GATEWAY_API, kind, ingress.namespace, name, spec))
    for policy in policies_of(ingress.annotations, ingress.namespace, name):
        if kind == "HTTPRoute":
            report.add(ingress.source, policy)
        else:
            report.note(ingress.source, "metadata.annotations", f"{policy['kind']} is for HTTPRoutes alone")


def _app_root(ingress: _Ingress) -> list[dict[str, Any]]:
    root = ingress.annotations.text("app-root")
    if not root:
        return []
    path = {"type": "ReplaceFullPath", "replaceFullPath": root}
    match = {"path": {"type": "Exact", "value": "/"}}
    return [{"matches": [match], "filters": [objects.redirect(path=path, statusCode=302)]}]


def _rules(
    report: Report,
    ingress: _Ingress,
    kind: str,
    host: str,
    entry: Mapping[str, Any],
    canaries: Sequence[_Ingress],
) -> list[dict[str, Any]]:
    """One for the path, and one before it for each canary that a header chooses."""
    if kind == "GRPCRoute":
        closed = is_closed(ingress.annotations) or limits_addresses(ingress.annotations)
        backends = [] if closed else _backends(report, ingress, entry.get("backend") or {})
        return [objects.present({"matches": [] if backends else [{}], "backendRefs": backends})]
    match = {"path": _path(report, ingress, entry)}
    if is_closed(ingress.annotations):
        return [{"matches": [match]}]
    filters = filters_of(ingress.annotations, match["path"]["value"])
    backends = _backends(report, ingress, entry.get("backend") or {})
    redirects = any(one["type"] == "RequestRedirect" for one in filters)
    rules = []
    for canary in canaries:
        for other in _same_path(canary, host, entry):
            chosen = _backends(report, canary, other.get("backend") or {})
            rules += _by_header(canary.annotations, match, filters, chosen)
            backends = _by_weight(canary.annotations, backends, chosen)
    rule = {
        "matches": [match],
        "filters": filters,
        "backendRefs": [] if redirects else backends,
        "sessionPersistence": session_of(ingress.annotations),
    }
    return [*rules, objects.present(rule)]


def _same_path(canary: _Ingress, host: str, entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        other
        for rule in canary.spec.get("rules") or ()
        if (rule.get("host") or "") == host
        for other in (rule.get("http") or {}).get("paths") or ()
        if other.get("path", "/") == entry.get("path", "/")
    ]


def _by_header(
    annotations: Annotations,
    match: Mapping[str, Any],
    filters: Sequence[Mapping[str, Any]],
    backends: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    name = annotations.text("canary-by-header")
    if not name:
        return []
    value = annotations.text("canary-by-header-value") or "always"
    header = {"name": name, "value": value}
    rule = {
        "matches": [{**match, "headers": [header]}],
        "filters": list(filters),
        "backendRefs": list(backends),
    }
    return [objects.present(rule)]


def _by_weight(
    annotations: Annotations, usual: list[dict[str, Any]], canary: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    weight = annotations.number("canary-weight")
    if not weight:
        return usual
    total = annotations.number("canary-weight-total") or 100
    return [
        *({**one, "weight": total - weight} for one in usual if "weight" not in one),
        *(one for one in usual if "weight" in one),
        *({**one, "weight": weight} for one in canary),
    ]


def _path(report: Report, ingress: _Ingress, entry: Mapping[str, Any]) -> dict[str, str]:
    value = entry.get("path") or "/"
    is_regex = ingress.annotations.flag("use-regex")
    if value.endswith(_REST) and not set(prefix := value.removesuffix(_REST)) & _REGEX:
        return {"type": "PathPrefix", "value": prefix or "/"}
    if is_regex or "(" in value:
        if not is_regex:
            report.note(ingress.source, "spec.rules", f"path {value}: taken as a regular expression")
        return {"type": "RegularExpression", "value": f"(?i){value}.*"}
    return {"type": _PATH_TYPES[entry.get("pathType", "ImplementationSpecific")], "value": value}


def _backends(report: Report, ingress: _Ingress, backend: Mapping[str, Any]) -> list[dict[str, Any]]:
    service = backend.get("service") or {}
    name = service.get("name") or backend.get("serviceName")
    port = (service.get("port") or {}).get("number") or backend.get("servicePort")
    if not name:
        report.note(ingress.source, "spec.rules", "a backend that is no Service is not converted")
        return []
    if port is None or not str(port).isdigit():
        named = (service.get("port") or {}).get("name") or port
        report.note(ingress.source, "spec.rules", f"port {named} of {name}: write its number, routes need it")
        return []
    return [{"name": name, "port": int(port)}]
