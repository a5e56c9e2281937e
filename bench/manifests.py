"""Resources of the benchmarks, as a user would write them."""

from collections.abc import Sequence
from typing import Any

from tests.kit.pki import Leaf

Manifest = dict[str, Any]

NAMESPACE = "bench"
"""Where the Gateway is, and what has no namespace of its own."""
GATEWAY = "gateway"
ROUTING = "gateway.networking.k8s.io/v1"
SERVICE_PORT = 80


def namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def gateway(port: int, *, https: tuple[int, str] | None = None) -> Manifest:
    """One HTTP listener on the loopback, open to the routes of all namespaces.

    `https`: the port of an HTTPS listener beside it, and the Secret with its certificate.
    """
    allowed = {"namespaces": {"from": "All"}}
    listeners: list[Manifest] = [{"name": "http", "port": port, "protocol": "HTTP", "allowedRoutes": allowed}]
    if https:
        tls = {"certificateRefs": [{"name": https[1]}]}
        listeners.append(
            {"name": "https", "port": https[0], "protocol": "HTTPS", "allowedRoutes": allowed, "tls": tls}
        )
    return {
        "apiVersion": ROUTING,
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "namespace": NAMESPACE},
        "spec": {
            "gatewayClassName": "sekisho",
            "addresses": [{"type": "IPAddress", "value": "127.0.0.1"}],
            "listeners": listeners,
        },
    }


def tls_secret(name: str, leaf: Leaf) -> Manifest:
    """A certificate and its key."""
    data = {"tls.crt": leaf.certificate.decode(), "tls.key": leaf.key.decode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "type": "kubernetes.io/tls",
        "stringData": data,
    }


def service(name: str, namespace: str = NAMESPACE, ports: Sequence[int] = (SERVICE_PORT,)) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"name": f"p{port}", "port": port} for port in ports]},
    }


def endpoint_slice(
    service: str, address: str, targets: Sequence[int], namespace: str = NAMESPACE,
    ports: Sequence[int] = (SERVICE_PORT,),
) -> Manifest:  # fmt: skip
    """One endpoint; `targets` are its ports, for the `ports` of the Service in the same order."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"name": f"p{port}", "port": target} for port, target in zip(ports, targets, strict=True)],
        "endpoints": [{"addresses": [address]}],
    }


def route(name: str, hostname: str, rules: Sequence[Manifest], namespace: str = NAMESPACE) -> Manifest:
    """An HTTPRoute attached to the Gateway."""
    return {
        "apiVersion": ROUTING,
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": GATEWAY, "namespace": NAMESPACE}],
            "hostnames": [hostname],
            "rules": list(rules),
        },
    }


def rule(path: str, service: str, *filters: Manifest, port: int = SERVICE_PORT) -> Manifest:
    """Requests below `path` go to a Service of the route's namespace."""
    written: Manifest = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "backendRefs": [{"name": service, "port": port}],
    }
    return written | ({"filters": list(filters)} if filters else {})


def header_filter(direction: str, name: str, value: str) -> Manifest:
    """Adds a header; `direction` is `Request` or `Response`."""
    modifier = f"{direction}HeaderModifier"
    field = modifier[0].lower() + modifier[1:]
    return {"type": modifier, field: {"add": [{"name": name, "value": value}]}}
