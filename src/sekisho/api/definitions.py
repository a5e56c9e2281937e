"""A read-only list of CustomResourceDefinitions, for tools that ask it which Gateway API is installed.

Kinds here are built in; the list says what a cluster with the same kinds would show.
"""

from typing import Any

from sekisho.api.catalogue import Catalogue
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.kinds import Kind

BUNDLE_VERSION = "v1.6.1"
"""The Gateway API release whose kinds, fields and semantics we serve."""
CHANNEL = "standard"
_ANNOTATIONS = {
    "gateway.networking.k8s.io/bundle-version": BUNDLE_VERSION,
    "gateway.networking.k8s.io/channel": CHANNEL,
}
_BUILT_IN = frozenset({"", "discovery.k8s.io", "networking.k8s.io"})
"""Groups that Kubernetes itself serves, without definitions."""
_EPOCH = "1970-01-01T00:00:00Z"


def definitions(catalogue: Catalogue) -> list[dict[str, Any]]:
    """One object per kind that a cluster would have a definition of, sorted by name."""
    made = [_definition(kind) for kind in catalogue.kinds if kind.group not in _BUILT_IN]
    return sorted(made, key=lambda definition: str(definition["metadata"]["name"]))


def _definition(kind: Kind) -> dict[str, Any]:
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
            "annotations": _ANNOTATIONS if kind.group == GATEWAY_GROUP else {},
            "creationTimestamp": _EPOCH,
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
            "conditions": [
                {
                    "type": type_,
                    "status": "True",
                    "reason": "BuiltIn",
                    "message": "served without a definition",
                    "lastTransitionTime": _EPOCH,
                }
                for type_ in ("NamesAccepted", "Established")
            ],
        },
    }


def _version(kind: Kind, version: str) -> dict[str, Any]:
    return {
        "name": version,
        "served": True,
        "storage": version == kind.version,
        "subresources": {"status": {}} if kind.has_status else {},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
