"""A read-only list of CustomResourceDefinitions, for tools that ask it which Gateway API is installed.

Kinds here are built in; the list says what a cluster with the same kinds would show.
"""

from datetime import datetime
from typing import Any

from sekisho.api.catalogue import Catalogue
from sekisho.kit.clocks import rfc3339
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.kinds import Kind
from sekisho.model.xmesh import EXPERIMENTAL_GROUP

BUNDLE_VERSION = "v1.6.1"
"""The Gateway API release whose kinds, fields and semantics we serve."""
CHANNEL = "experimental"
"""Fields and kinds that the Gateway API tries out are served, too."""
_UPSTREAM = frozenset({GATEWAY_GROUP, EXPERIMENTAL_GROUP})
_ANNOTATIONS = {
    "gateway.networking.k8s.io/bundle-version": BUNDLE_VERSION,
    "gateway.networking.k8s.io/channel": CHANNEL,
}
_BUILT_IN = frozenset({"", "discovery.k8s.io", "networking.k8s.io"})
"""Groups that Kubernetes itself serves, without definitions."""


def definitions(catalogue: Catalogue, made: datetime) -> list[dict[str, Any]]:
    """One object per kind that a cluster would have a definition of, sorted by name; `made` is their age."""
    timestamp = rfc3339(made)
    found = [_definition(kind, timestamp) for kind in catalogue.kinds if kind.group not in _BUILT_IN]
    return sorted(found, key=lambda definition: str(definition["metadata"]["name"]))


def _definition(kind: Kind, timestamp: str) -> dict[str, Any]:
    name = f"{kind.plural}.{kind.group}"
    names = {
        "plural": kind.plural,
        "singular": kind.singular,
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "shortNames": list(kind.short_names),
        "categories": list(kind.categories),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": name,
            "annotations": _ANNOTATIONS if kind.group in _UPSTREAM else {},
            "creationTimestamp": timestamp,
            "generation": 1,
            "resourceVersion": "1",
            "uid": f"built-in-{name}",
        },
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [_version(kind, version) for version in kind.served_versions],
        },
        "status": {
            "acceptedNames": names,
            "storedVersions": [kind.version],
            "conditions": [_condition(type_, timestamp) for type_ in ("NamesAccepted", "Established")],
        },
    }


def _condition(type_: str, timestamp: str) -> dict[str, str]:
    return {
        "type": type_,
        "status": "True",
        "reason": "BuiltIn",
        "message": "served without a definition",
        "lastTransitionTime": timestamp,
    }


def _version(kind: Kind, version: str) -> dict[str, Any]:
    return {
        "name": version,
        "served": True,
        "storage": version == kind.version,
        "subresources": {"status": {}} if kind.has_status else {},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
