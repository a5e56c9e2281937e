"""What a writer is told about a document."""

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
