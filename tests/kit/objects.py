"""Resources as users write them, short: for tests that need a few."""

import base64
from collections.abc import Mapping
from typing import Any

from sekisho.model.document import check
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Write
from tests.kit.pki import Leaf

CONTROLLER = "sekisho.dev/gateway-controller"


def manifest(kind: str, name: str, namespace: str = "shop", **fields: Any) -> dict[str, Any]:
    """An object of this kind; `labels` go into the metadata, everything else to the top."""
    served = KINDS[kind]
    metadata: dict[str, Any] = {"name": name}
    if served.namespaced:
        metadata["namespace"] = namespace
    if "labels" in fields:
        metadata["labels"] = fields.pop("labels")
    return {"apiVersion": served.api_version, "kind": kind, "metadata": metadata, **fields}


def gateway_class(name: str = "sekisho") -> dict[str, Any]:
    return manifest("GatewayClass", name, spec={"controllerName": CONTROLLER})


def gateway(name: str = "web", *listeners: Mapping[str, Any], port: int = 8080) -> dict[str, Any]:
    spec = {"gatewayClassName": "sekisho", "listeners": list(listeners) or [http_listener(port=port)]}
    return manifest("Gateway", name, spec=spec)


def http_listener(name: str = "http", port: int = 8080, **more: Any) -> dict[str, Any]:
    return {"name": name, "port": port, "protocol": "HTTP", **more}


def service(name: str, port: int = 80, target: int = 9000) -> dict[str, Any]:
    return manifest("Service", name, spec={"ports": [{"port": port, "targetPort": target}]})


def endpoint_slice(service: str, *addresses: str, port: int = 9000) -> dict[str, Any]:
    return manifest(
        "EndpointSlice", f"{service}-1", labels={"kubernetes.io/service-name": service}, addressType="IPv4",
        ports=[{"port": port}], endpoints=[{"addresses": [address]} for address in addresses],
    )  # fmt: skip


def route(
    name: str, hostname: str = "", backend: str = "cart", gateway: str = "web", **rule: Any
) -> dict[str, Any]:
    """An HTTPRoute with one rule, to port 80 of a Service."""
    spec: dict[str, Any] = {
        "parentRefs": [{"name": gateway}],
        "rules": [{"backendRefs": [{"name": backend, "port": 80}], **rule}],
    }
    if hostname:
        spec["hostnames"] = [hostname]
    return manifest("HTTPRoute", name, spec=spec)


def tls_secret(name: str, leaf: Leaf) -> dict[str, Any]:
    data = {
        "tls.crt": base64.b64encode(leaf.certificate).decode(),
        "tls.key": base64.b64encode(leaf.key).decode(),
    }
    return manifest("Secret", name, type="kubernetes.io/tls", data=data)


def shop() -> list[dict[str, Any]]:
    """A gateway on port 8080, and `shop.example.com` routed to a service with one endpoint."""
    return [
        manifest("Namespace", "shop"), gateway_class(), gateway(), service("cart"),
        endpoint_slice("cart", "127.0.0.1"), route("cart", "shop.example.com"),
    ]  # fmt: skip


def id_of(manifest: Mapping[str, Any]) -> ResourceId:
    metadata = manifest["metadata"]
    return ResourceId(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def write(verb: str, manifest: Mapping[str, Any]) -> Write:
    """A step for `Store.write`, with the defaults the API would fill in."""
    return Write(verb, id_of(manifest), check(manifest["kind"], manifest).object)
