"""What a server derives from what was written, kind by kind, beyond fixed defaults."""

import base64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Normaliser = Callable[[dict[str, Any]], None]

NAME_LABEL = "kubernetes.io/metadata.name"
"""Every Namespace carries its name as a label, so that selectors can pick it by name."""


def normalise(kind: str, resource: dict[str, Any]) -> None:
    """Completes `resource` in place; what has the wrong type is left for validation to explain."""
    if derive := _BY_KIND.get(kind):
        derive(resource)


def _namespace(resource: dict[str, Any]) -> None:
    metadata = resource.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
        labels = metadata.setdefault("labels", {})
        if isinstance(labels, dict):
            labels[NAME_LABEL] = metadata["name"]


def _service(resource: dict[str, Any]) -> None:
    """targetPort is the port itself when left out."""
    spec = resource.get("spec")
    ports = spec.get("ports") if isinstance(spec, dict) else None
    for port in ports if isinstance(ports, list) else ():
        if isinstance(port, dict) and "port" in port:
            port.setdefault("targetPort", port["port"])


def _secret(resource: dict[str, Any]) -> None:
    """stringData becomes data and wins over it; line breaks in base64 (YAML blocks) do not count."""
    data = resource.get("data", {})
    texts = resource.get("stringData", {})
    if not isinstance(data, dict) or not isinstance(texts, dict):
        return
    if not all(isinstance(value, str) for value in texts.values()):
        return
    joined = {key: _unwrapped(value) for key, value in data.items()}
    joined |= {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
    resource.pop("stringData", None)
    if joined:
        resource["data"] = joined


def _config_map(resource: dict[str, Any]) -> None:
    data = resource.get("binaryData")
    if isinstance(data, dict):
        resource["binaryData"] = {key: _unwrapped(value) for key, value in data.items()}


def _unwrapped(value: Any) -> Any:
    return "".join(value.split()) if isinstance(value, str) else value


_BY_KIND: Mapping[str, Normaliser] = MappingProxyType(
    {"Namespace": _namespace, "Service": _service, "Secret": _secret, "ConfigMap": _config_map}
)
