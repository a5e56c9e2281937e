"""What is made in the API for a Gateway: a Service with its labels and annotations (GEP-1762)."""

import re
from typing import Any

from sekisho.engine import Output, Read, index, output
from sekisho.kit.digest import digest
from sekisho.model.gateway import Gateway, GatewayInfrastructure
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.ports import open_ports

GATEWAY_LABEL = "gateway.networking.k8s.io/gateway-name"
"""On everything made for a Gateway: its name."""

_LONGEST = 63
"""Characters in the name of a Service, and in the value of a label."""


def service_name(gateway: str) -> str:
    """`gateway-<name>`; a digest takes the place of what does not fit a Service's name."""
    plain = f"gateway-{gateway}"
    if len(plain) <= _LONGEST and re.fullmatch(r"[-a-z0-9]+", plain):
        return plain
    return f"{plain[:30].replace('.', '-')}-{digest(gateway.encode())}"


def _service_of(read: Read, gateway: ResourceId) -> tuple[ResourceId, ...]:
    return (gateway,) if open_ports(read, gateway) else ()


def _service(read: Read, gateway: ResourceId) -> dict[str, Any]:
    resource: Gateway = read.leaf(gateway)
    asked = resource.spec.infrastructure or GatewayInfrastructure()
    ports = sorted((one.port, one.transport.upper()) for one in open_ports(read, gateway))
    owner = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": gateway.name,
        "uid": resource.metadata.uid or "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(gateway.name),
            "namespace": gateway.namespace,
            # The label that says whose it is cannot be asked away.
            "labels": {**asked.labels, GATEWAY_LABEL: gateway.name[:_LONGEST]},
            "annotations": dict(asked.annotations),
            "ownerReferences": [owner],
        },
        "spec": {"ports": [_port(*port) for port in ports]},
    }


def _port(number: int, transport: str) -> dict[str, Any]:
    if transport == "UDP":
        return {"name": f"udp-{number}", "port": number, "protocol": transport}
    return {"name": f"port-{number}", "port": number}


_WITH_SERVICE = index("gateways with a service", source="Gateway", emit=_service_of)

INFRASTRUCTURE: Output[dict[str, Any]] = output("infrastructure", source=_WITH_SERVICE, build=_service)
"""Gateway → the Service to keep for it, a document as in the API; without selector, as a proxy serves it.

The writer must leave alone a Service of this name that the Gateway does not own."""
