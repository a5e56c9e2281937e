"""Istio: VirtualServices become routes, DestinationRules policies, AuthorizationPolicies permissions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sekisho.convert import objects
from sekisho.convert.istio_access import authorization, peer_authentication
from sekisho.convert.istio_policies import policies
from sekisho.convert.istio_routes import Known, virtual_service
from sekisho.convert.result import Converted, Object, Report

_INSTEAD = {
    "EnvoyFilter": "write a ProxyPatch",
    "Sidecar": "permissions bound what a sidecar knows; else spec.sidecar.reachable of a Workload",
    "RequestAuthentication": "tokens are said in another way here",
    "Telemetry": "write AccessLog, Tracing and Metrics",
    "WasmPlugin": "write a ProxyPatch",
    "WorkloadGroup": "each instance joins as a Workload of its own",
    "ProxyConfig": "there is nothing of the kind here",
}


def istio(documents: Sequence[Object]) -> Converted:
    """Resources of networking.istio.io and security.istio.io; Services beside them help to find subsets."""
    report = Report()
    known = Known.of(documents)
    for number, document in enumerate(documents):
        kind = str(document.get("kind", ""))
        if kind in _KINDS:
            _KINDS[kind](report, number, document, known)
        elif kind not in {"Service", "Namespace"}:
            report.note(
                number,
                "",
                f"{kind} is not converted: {_INSTEAD.get(kind, 'there is nothing of the kind here')}",
            )
    return report.done()


def _gateway(report: Report, number: int, document: Object, _: Known) -> None:
    """A listener for each host of each server that answers by itself."""
    listeners: list[dict[str, Any]] = []
    callers: dict[int, list[dict[str, str]]] = {}
    for index, server in enumerate(_spec(document).get("servers") or ()):
        tls = server.get("tls") or {}
        report.note_unread(number, f"spec.servers[{index}].tls", tls, _TLS)
        if tls.get("httpsRedirect"):
            told = "left out: write an HTTP listener, and an HTTPRoute with a redirect to https that names it"
            report.note(number, f"spec.servers[{index}]", told)
            continue
        if str(tls.get("mode", "")).upper() in {"MUTUAL", "OPTIONAL_MUTUAL"}:
            port = (server.get("port") or {}).get("number", 443)
            callers.setdefault(port, []).append(
                _authorities(report, number, f"spec.servers[{index}].tls", tls)
            )
        for host in server.get("hosts") or ["*"]:
            listener = _listener(report, number, f"spec.servers[{index}]", server, host.rpartition("/")[2])
            listeners.append({**listener, "name": f"{listener['name']}-{len(listeners)}"})
    namespace, name = _place(document)
    made = objects.gateway(namespace, name, listeners)
    if callers:
        ports = [
            {"port": port, "tls": {"validation": {"caCertificateRefs": references}}}
            for port, references in callers.items()
        ]
        made["spec"]["tls"] = {"frontend": {"default": {}, "perPort": ports}}
    report.add(number, made)


_TLS = frozenset({"mode", "credentialName", "httpsRedirect"})


def _authorities(report: Report, number: int, path: str, tls: Mapping[str, Any]) -> dict[str, str]:
    """Whose certificates callers have: nobody gets in until that is there."""
    name = f"{tls.get('credentialName') or 'callers'}-ca"
    report.note(number, path, f"closed until a ConfigMap {name} has the callers' authorities as ca.crt")
    return {"group": "", "kind": "ConfigMap", "name": name}


def _listener(report: Report, number: int, path: str, server: Mapping[str, Any], host: str) -> dict[str, Any]:
    port, tls = server.get("port") or {}, server.get("tls") or {}
    protocol = str(port.get("protocol", "HTTP")).upper()
    mode = str(tls.get("mode", "")).upper()
    found: dict[str, Any] = {
        "name": str(port.get("name") or protocol).lower(),
        "port": port.get("number", 80),
    }
    found |= {"hostname": host} if host != "*" else {}
    if mode == "PASSTHROUGH":
        return {**found, "protocol": "TLS", "tls": {"mode": "Passthrough"}}
    if protocol in {"HTTPS", "TLS"}:
        secret = tls.get("credentialName")
        if not secret:
            report.note(number, f"{path}.tls", "certificates come from Secrets: bring one, and name it here")
        return {
            **found,
            "protocol": protocol,
            "tls": {"certificateRefs": [{"name": secret or "certificate"}]},
        }
    return {**found, "protocol": "TCP" if protocol not in {"HTTP", "HTTP2", "GRPC"} else "HTTP"}


def _destination_rule(report: Report, number: int, document: Object, known: Known) -> None:
    spec = _spec(document)
    namespace, name = _place(document)
    service = known.service(spec.get("host", ""), namespace)
    if service is None:
        report.note(number, "spec.host", f"{spec.get('host')} is no Service of the cluster")
        return
    for subset in spec.get("subsets") or ():
        if subset.get("trafficPolicy"):
            report.note(
                number, "spec.subsets", f"the policy of subset {subset.get('name')}: write it for its Service"
            )
        _subset(report, number, known, service, subset)
    target = {"kind": "Service", "name": service.name, "namespace": service.namespace}
    for kind, default in policies(report, number, spec.get("trafficPolicy") or {}):
        made = {"to": [{"targetRef": target, "default": default}]}
        report.add(number, objects.resource(objects.SEKISHO, kind, namespace, name, made))


def _subset(report: Report, number: int, known: Known, service: Any, subset: Mapping[str, Any]) -> None:
    """A Service of its own, which selects fewer: that is what routes refer to here."""
    whole = known.spec_of(service)
    if whole is None:
        message = f"subset {subset.get('name')}: give the Service {service.name} beside it, to make one of it"
        report.note(number, "spec.subsets", message)
        return
    selector = {**(whole.get("selector") or {}), **(subset.get("labels") or {})}
    spec = {"selector": selector, "ports": whole.get("ports") or []}
    name = f"{service.name}-{subset.get('name')}"
    report.add(number, objects.resource("v1", "Service", service.namespace, name, spec))


def _service_entry(report: Report, number: int, document: Object, _: Known) -> None:
    """An ExternalService for each port; its host is what is called outside."""
    spec = _spec(document)
    namespace, name = _place(document)
    hosts = spec.get("hosts") or []
    if str(spec.get("location", "")) == "MESH_INTERNAL":
        report.note(number, "spec.location", "what is inside is a Service that selects Workloads")
        return
    addresses = [one.get("address") for one in spec.get("endpoints") or ()] or [
        host for host in hosts if not host.startswith("*")
    ]
    if not addresses:
        report.note(number, "spec.hosts", "only wildcards: write a Passthrough for them")
        return
    ports = spec.get("ports") or []
    for port in ports:
        protocol = _PROTOCOLS.get(str(port.get("protocol", "TCP")).upper(), "tcp")
        endpoints = [{"address": one, "port": port.get("targetPort") or port["number"]} for one in addresses]
        made = {"match": {"port": port["number"], "protocol": protocol}, "endpoints": endpoints}
        own = name if len(ports) == 1 else f"{name}-{port['number']}"
        report.add(number, objects.resource(objects.SEKISHO, "ExternalService", namespace, own, made))
    host = hosts[0] if hosts else name
    message = (
        f"members call it by its name in the mesh, not by {host}; a HostnameGenerator can give it that one"
    )
    report.note(number, "spec.hosts", message)


_PROTOCOLS = {"HTTP": "http", "HTTP2": "http2", "GRPC": "grpc", "HTTPS": "tls", "TLS": "tls", "TCP": "tcp"}


def _workload_entry(report: Report, number: int, document: Object, _: Known) -> None:
    spec = _spec(document)
    namespace, name = _place(document)
    ports = [{"name": key, "port": value} for key, value in (spec.get("ports") or {}).items()]
    made = {
        "address": spec.get("address", ""),
        "ports": ports,
        "serviceAccountName": spec.get("serviceAccount"),
        "weight": spec.get("weight"),
        "zone": spec.get("locality"),
        "sidecar": {},
    }
    found = objects.resource(objects.SEKISHO, "Workload", namespace, name, made)
    found["spec"]["sidecar"] = {}
    found["metadata"]["labels"] = dict(spec.get("labels") or {})
    report.add(number, found)


_Convert = Callable[[Report, int, Object, Known], None]
_KINDS: dict[str, _Convert] = {
    "Gateway": _gateway,
    "VirtualService": virtual_service,
    "DestinationRule": _destination_rule,
    "ServiceEntry": _service_entry,
    "WorkloadEntry": _workload_entry,
    "AuthorizationPolicy": authorization,
    "PeerAuthentication": peer_authentication,
}


def _spec(document: Object) -> Mapping[str, Any]:
    return document.get("spec") or {}


def _place(document: Object) -> tuple[str, str]:
    metadata = document.get("metadata") or {}
    return metadata.get("namespace") or "default", metadata.get("name", "unnamed")
