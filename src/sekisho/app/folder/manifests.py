"""Resources as written in YAML files, each with the file and line it came from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekisho.kit.text import did_you_mean
from sekisho.model import yaml
from sekisho.model.doubts import doubts
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.model.problems import Invalid, Problem

SOURCE_ANNOTATION = "sekisho.dev/source"
"""`file:line` where a resource was written; `explain`, `describe` and `status` show it."""
SUFFIXES = (".yaml", ".yml", ".json")
"""What files of resources end in. (JSON is YAML.)"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One resource in a file."""

    id: ResourceId
    document: yaml.Document

    @property
    def object(self) -> Mapping[str, Any]:
        """As written, with the namespace filled in."""
        value: Mapping[str, Any] = self.document.value
        metadata = value["metadata"]
        if not self.id.namespace or metadata.get("namespace"):
            return value
        return {**value, "metadata": {**metadata, "namespace": self.id.namespace}}

    @property
    def source(self) -> str:
        """`file:line`; empty when it came from no file."""
        return f"{self.document.file}:{self.document.line}" if self.document.file else ""

    def mistakes(self) -> list[Problem]:
        """What is wrong with it by our own model, which knows what may have been meant."""
        try:
            self.document.check()
        except Invalid as cause:
            return list(cause.problems)
        return []

    def doubts(self) -> list[Problem]:
        """What may be written so and is hardly meant; nothing of a resource with mistakes."""
        try:
            return self.document.located(doubts(self.document.check().resource))
        except Invalid:
            return []

    def problem(self, path: str, message: str, hint: str = "") -> Problem:
        """A problem with it, at the line of `path`."""
        return self.document.located([Problem(path, message, hint)])[0]


@dataclass(frozen=True, slots=True)
class Reading:
    """What files say."""

    manifests: tuple[Manifest, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_text(text: str, file: str, *, namespace: str = "default", strict: bool = True) -> Reading:
    """The resources in `text`. `strict` checks each against our model; else only what it takes to send it.

    `namespace` is for namespaced resources that name none.
    """
    try:
        documents = yaml.load(text, file)
    except Invalid as cause:
        return Reading(problems=cause.problems)
    manifests: list[Manifest] = []
    problems: list[Problem] = []
    for document in documents:
        try:
            if strict:
                document.check()
            manifests.append(Manifest(_id(document, namespace), document))
        except Invalid as cause:
            problems += cause.problems
    return merged([Reading(tuple(manifests), tuple(problems))])


def read_file(path: Path, *, namespace: str = "default", strict: bool = True) -> Reading:
    """The resources in a file; an unreadable one is a problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return unreadable(str(path), "there is no such file", _meant(path))
    except UnicodeDecodeError as cause:
        return no_text(str(path), cause)
    except OSError as cause:
        return unreadable(str(path), f"cannot be read: {cause.strerror}")
    return read_text(text, str(path), namespace=namespace, strict=strict)


def no_text(file: str, cause: UnicodeDecodeError) -> Reading:
    """Of a file that holds other bytes than text."""
    return unreadable(file, f"not text in UTF-8: byte {cause.start + 1} is 0x{cause.object[cause.start]:02x}")


def unreadable(file: str, message: str, hint: str = "") -> Reading:
    """One problem, with the whole file."""
    return Reading(problems=(Problem("", message, hint, file=file, line=0),))


def _meant(path: Path) -> str:
    if path.is_symlink():
        return f"it is a link to {path.readlink()}"
    return did_you_mean(path.name, [entry.name for entry in path.parent.glob("*")])


def files(folder: Path) -> list[Path]:
    """The files of resources in a folder and its folders, sorted; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in SUFFIXES and path.is_file() and not _is_hidden(path.relative_to(folder))
    )


def merged(readings: Iterable[Reading]) -> Reading:
    """Several readings as one; a resource that is written twice is a problem, the first one counts."""
    manifests: dict[ResourceId, Manifest] = {}
    problems: list[Problem] = []
    for reading in readings:
        problems += reading.problems
        for manifest in reading.manifests:
            first = manifests.setdefault(manifest.id, manifest)
            if first is not manifest:
                problems.append(
                    manifest.problem("metadata.name", f"{manifest.id.shown} is also at {first.source}")
                )
    return Reading(tuple(manifests.values()), tuple(problems))


def _id(document: yaml.Document, namespace: str) -> ResourceId:
    """Raises Invalid when kind or name is missing."""
    if not isinstance(document.value, Mapping):
        raise Invalid(document.located([Problem("", "expected an object with apiVersion and kind")]))
    value = document.value
    metadata = _mapping(value.get("metadata"))
    missing = [
        Problem(path, "is required")
        for path, found in (("kind", value.get("kind")), ("metadata.name", metadata.get("name")))
        if not isinstance(found, str) or not found
    ]
    if missing:
        raise Invalid(document.located(missing))
    kind = KINDS.get(value["kind"])
    home = "" if kind and not kind.namespaced else metadata.get("namespace") or namespace
    return ResourceId(value["kind"], str(home), metadata["name"])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


class Folder:
    """A folder of files that people are editing: of a broken file, the last good resources stay."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[Path, tuple[tuple[int, int], Reading]] = {}
        """Per file: its state (modification time, size) when it was read, and what it said."""
        self._manifests: dict[ResourceId, Manifest] = {}

    def read(self) -> Reading:
        """All resources. Only files that changed are parsed again."""
        present = files(self.path)
        for gone in self._read.keys() - set(present):
            del self._read[gone]
        reading = merged([self._reading(path) for path in present])
        self._manifests = {manifest.id: manifest for manifest in reading.manifests}
        return reading

    @property
    def kinds(self) -> frozenset[str]:
        """What the last reading found, whether we know it or not."""
        return frozenset(id_.kind for id_ in self._manifests)

    def line_of(self, resource: ResourceId, path: str) -> int:
        """The line of a field, or of the innermost thing around it, at the last reading; 0 when unknown."""
        manifest = self._manifests.get(resource)
        return manifest.document.line_of(path) if manifest else 0

    def _reading(self, path: Path) -> Reading:
        state = _state(path)
        known = self._read.get(path)
        if known and known[0] == state:
            return known[1]
        reading = read_file(path)
        if reading.problems and known:
            reading = Reading(_kept(reading.manifests, known[1].manifests), reading.problems)
        self._read[path] = (state, reading)
        return reading


def _kept(new: Sequence[Manifest], last_good: Sequence[Manifest]) -> tuple[Manifest, ...]:
    found = {manifest.id for manifest in new}
    return (*new, *(manifest for manifest in last_good if manifest.id not in found))


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # gone since it was listed: reading it will say so
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
