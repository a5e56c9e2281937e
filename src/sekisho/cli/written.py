"""Where a field is written: its line in a file of this host, as long as that is what was applied."""

from functools import cache
from pathlib import Path

from sekisho.model import yaml
from sekisho.model.problems import Invalid


def line_of(file: str, line: int, origin: str) -> int:
    """The line of a field, of `Kind/namespace/name path` in the document of `file` that begins at `line`.

    That line itself where the file is not here, or something else begins there by now.
    """
    resource, _, path = origin.partition(" ")
    document = _documents(file).get(line)
    if document is None or not path or not _is(document, resource):
        return line
    return document.line_of(path)


def _is(document: yaml.Document, resource: str) -> bool:
    metadata = document.value.get("metadata") if isinstance(document.value, dict) else None
    if not isinstance(metadata, dict):
        return False
    kind, *_, name = resource.split("/")
    return (document.value.get("kind"), metadata.get("name")) == (kind, name)


@cache
def _documents(file: str) -> dict[int, yaml.Document]:
    """By the line they begin at. Whoever wrote the resource named the file: it is read with care."""
    path = Path(file)
    try:
        if not path.is_file() or path.stat().st_size > yaml.MAX_BYTES:
            return {}
        return {document.line: document for document in yaml.load(path.read_text(), file)}
    except (OSError, ValueError, Invalid):
        return {}
