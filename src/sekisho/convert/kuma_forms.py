"""The two forms of Kuma's resources, that of Kubernetes and that of universal mode, as one."""

from collections.abc import Mapping
from typing import Any

from sekisho.model.mesh import DEFAULT_MESH, MESH_LABEL, SYSTEM_NAMESPACE

OURS = "sekisho.dev/v1alpha1"


def spec_of(written: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that may be changed."""
    return dict(written.get("spec") or {})


def made(
    kind: str, written: Mapping[str, Any], spec: Mapping[str, Any], version: str = OURS
) -> dict[str, Any]:
    """In our form. Universal mode has no metadata; what is for a whole mesh is of the system namespace."""
    metadata = written.get("metadata") or {}
    own = {**(written.get("labels") or {}), **(metadata.get("labels") or {})}
    mesh = str(written.get("mesh") or own.get("kuma.io/mesh") or DEFAULT_MESH)
    labels = {key: value for key, value in own.items() if "kuma.io/" not in key}
    if own.get("kuma.io/effect") == "shadow":
        labels["sekisho.dev/effect"] = "shadow"
    namespace = metadata.get("namespace") or own.get("k8s.kuma.io/namespace") or ""
    is_system = namespace in {"", "kuma-system", "kong-mesh-system"}
    system = SYSTEM_NAMESPACE if kind not in {"Workload", "HTTPRoute", "TCPRoute"} else "default"
    if is_system and mesh != DEFAULT_MESH:
        labels[MESH_LABEL] = mesh
    found: dict[str, Any] = {"name": metadata.get("name") or written.get("name") or "unnamed"}
    found["namespace"] = system if is_system else namespace
    found |= {"labels": labels} if labels else {}
    return {"apiVersion": version, "kind": kind, "metadata": found, "spec": dict(spec)}
