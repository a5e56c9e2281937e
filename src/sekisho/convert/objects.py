"""Resources of the Gateway API as they are written, for whoever makes them."""

from collections.abc import Mapping, Sequence
from typing import Any

GATEWAY_API = "gateway.networking.k8s.io/v1"
SEKISHO = "sekisho.dev/v1alpha1"
GATEWAY_CLASS = "sekisho"


def resource(version: str, kind: str, namespace: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A resource of a namespace."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": present(spec)}


def present(written: Mapping[str, Any]) -> dict[str, Any]:
    """Without fields that say nothing."""
    return {key: value for key, value in written.items() if value not in (None, "", [], {}, ())}


def gateway(namespace: str, name: str, listeners: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A Gateway of ours."""
    return resource(
        GATEWAY_API, "Gateway", namespace, name,
        {"gatewayClassName": GATEWAY_CLASS, "listeners": list(listeners)},
    )  # fmt: skip


def http_listener() -> dict[str, Any]:
    """Port 80, for every host."""
    return {"name": "http", "protocol": "HTTP", "port": 80}


def https_listener(name: str, hostname: str, secret: str) -> dict[str, Any]:
    """Port 443, for one host (or all, where empty) with the certificate in a Secret of the same namespace."""
    return present(
        {
            "name": name,
            "protocol": "HTTPS",
            "port": 443,
            "hostname": hostname,
            "tls": {"certificateRefs": [{"name": secret}]},
        }
    )


def redirect(**fields: Any) -> dict[str, Any]:
    """The filter that answers with a redirect."""
    return {"type": "RequestRedirect", "requestRedirect": present(fields)}


def set_headers(kind: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The filter that sets headers; `kind`: Request or Response."""
    written = [{"name": name, "value": value} for name, value in headers.items()]
    field = f"{kind[0].lower()}{kind[1:]}HeaderModifier"
    return {"type": f"{kind}HeaderModifier", field: {"set": written}}


def for_route(kind: str, namespace: str, route: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A policy of ours on one HTTPRoute."""
    target = {"kind": "HTTPRoute", "name": route}
    return resource(SEKISHO, kind, namespace, route, {"targetRef": target, **spec})
