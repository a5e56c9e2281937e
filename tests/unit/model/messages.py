"""What a writer is told about a document."""

import json
from collections.abc import Mapping
from typing import Any

from sekisho.model import yaml
from sekisho.model.problems import Invalid


def messages(text: str) -> list[str]:
    """Every mistake in the one document of `text`, as it is shown."""
    (document,) = yaml.load(text)
    try:
        document.check()
    except Invalid as refused:
        return [str(problem) for problem in refused.problems]
    return []


def ours(kind: str, spec: str, namespace: str = "sekisho-system", name: str = "a") -> list[str]:
    """The same for a kind of our own, by its spec as YAML."""
    place = f", namespace: {namespace}" if namespace else ""
    head = f"apiVersion: sekisho.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}{place}}}\n"
    return messages(f"{head}spec: {spec}\n")


def experimental(kind: str, spec: Mapping[str, Any]) -> list[str]:
    """The same for a kind the Gateway API tries out."""
    version = "apiVersion: gateway.networking.x-k8s.io/v1alpha1"
    head = f"{version}\nkind: {kind}\nmetadata: {{name: a, namespace: shop}}\n"
    return messages(f"{head}spec: {json.dumps(spec)}\n")
