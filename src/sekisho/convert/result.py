"""What a conversion comes to: resources of ours, and notes on all that is not in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sekisho.convert.pruning import pruned

Object = Mapping[str, Any]
"""A resource as JSON."""


class Note(NamedTuple):
    """Something that is not as it was."""

    source: int
    """Which of the documents given it is about, counted from 0."""
    path: str
    """The field there, as far as known: `spec.rules[0]`. Empty for the whole document."""
    message: str
    """What became of it."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The outcome."""

    objects: tuple[Object, ...]
    """Each valid here, in the order in which they were made; none twice."""
    notes: tuple[Note, ...]


Converter = Callable[[Sequence[Object]], Converted]
"""Takes all documents at once: some mean something only together."""


@dataclass(slots=True)
class Report:
    """Gathers what a conversion comes to."""

    _objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    _notes: dict[Note, None] = field(default_factory=dict)

    def note(self, source: int, path: str, message: str) -> None:
        """Something is not as it was. Said once, however often."""
        self._notes[Note(source, path, message)] = None

    def note_unread(self, source: int, path: str, written: Object, read: frozenset[str]) -> None:
        """Tells of each field that says something and that nobody reads."""
        for name in sorted(written.keys() - read):
            if written[name] not in (None, "", [], {}):
                self.note(source, f"{path}.{name}", "is not converted")

    def add(self, source: int, written: Object) -> None:
        """A resource of ours. What our own rules refuse of it is left out and noted; a permission of which
        something is left out could let in more than it did, so it lets in nobody."""
        found, faults = pruned(written)
        what = f"{written['kind']} {written['metadata'].get('namespace', '')}/{written['metadata']['name']}"
        for fault in faults:
            self.note(source, "", f"in {what}: {fault}")
        if faults and written["kind"] == "TrafficPermission":
            self.note(source, "", f"{what} denies everybody until that is mended")
            found, _ = pruned(_denying(written))
        if found is None:
            self.note(source, "", f"{what} is left out")
            return
        key = (
            str(found["kind"]),
            str(found["metadata"].get("namespace", "")),
            str(found["metadata"]["name"]),
        )
        if self._objects.get(key, found) != found:
            self.note(source, "", f"{what} is made from several resources; only the first is kept")
            return
        self._objects[key] = found

    def done(self) -> Converted:
        """Everything so far."""
        return Converted(tuple(self._objects.values()), tuple(self._notes))


def _denying(permission: Object) -> Object:
    """The same for nobody."""
    kept = {field: value for field, value in permission["spec"].items() if field == "targetRef"}
    return {**permission, "spec": {**kept, "rules": [{"default": {"deny": [{}]}}]}}
