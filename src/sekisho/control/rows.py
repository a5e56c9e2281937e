"""The steps of an explanation before they are answered: who decided what, and where that is written."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sekisho.client.reviews import Step
from sekisho.engine import Read
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.ingress.derived import author_of

SOURCE_ANNOTATION = "sekisho.dev/source"
"""`file:line` of where a resource was written; set by `sekisho apply` and `sekisho up`."""


class Row(NamedTuple):
    """One step."""

    what: str
    name: str
    origin: Origin | None
    """None where it is a default of ours."""
    detail: str = ""


class Told(NamedTuple):
    """Steps and how it ends."""

    rows: list[Row]
    outcome: str


def located(read: Read, rows: Iterable[Row]) -> Iterator[Step]:
    """The same as answers, with file and line where they are known."""
    for what, name, origin, detail in rows:
        if origin is None:
            yield Step(what=what, name=name, detail=detail)
            continue
        author = author_of(read, origin.resource)
        said = origin.shown if author == origin.resource else author.shown
        file, line = source_of(read, author)
        yield Step(what=what, name=name, origin=said, file=file, line=line, detail=detail)


def source_of(read: Read, resource: ResourceId) -> tuple[str, int]:
    """File and line where a resource was written; an empty name and 0 when nobody noted it."""
    metadata = getattr(read.leaf(resource), "metadata", None)
    annotations = getattr(metadata, "annotations", None) or {}
    file, _, line = annotations.get(SOURCE_ANNOTATION, "").rpartition(":")
    return (file, int(line)) if line.isdigit() else ("", 0)


def counted(number: int, what: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
