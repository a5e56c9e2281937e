"""YAML text → documents that know on which line every field stands.

A strict reading of what people write for Kubernetes: YAML 1.2's core schema (`on`, `no`, `y` are strings),
no tags, no merge keys, no duplicate keys, bounded depth and aliases. Built on libyaml's events, so an alias
bomb is counted, never built.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from sekisho.model import paths
from sekisho.model.document import Checked, check, kind_of
from sekisho.model.problems import Invalid, Problem
from sekisho.model.reasons import Reason

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_DEPTH: Final = 64
"""Levels of nesting; our deepest kind needs 12."""
MAX_ALIASES: Final = 100
"""Uses of aliases in one text."""
MAX_ALIAS_NODES: Final = 100_000
"""Values that all aliases of one text stand for, together."""


@dataclass(slots=True)
class Place:
    """Where a value stands, and where what is in it stands."""

    line: int
    """Counted from 1; of a map's entry, the line of its key."""
    inside: dict[paths.Part, "Place"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML text, or one item of a `v1` List in it."""

    value: Any
    """As parsed JSON."""
    file: str
    """The name that `load` was given."""
    place: Place = field(repr=False, compare=False)

    @property
    def line(self) -> int:
        """The line it begins on, counted from 1."""
        return self.place.line

    def line_of(self, path: str) -> int:
        """The line of the field, or of the innermost thing around it that was written."""
        place = self.place
        for part in paths.parts(path):
            if part not in place.inside:
                break
            place = place.inside[part]
        return place.line

    def located(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems with file and line."""
        return [replace(problem, file=self.file, line=self.line_of(problem.path)) for problem in problems]

    def check(self) -> Checked:
        """The resource it describes. Raises Invalid whose problems say file and line."""
        try:
            return check(kind_of(self.value).kind, self.value)
        except Invalid as error:
            raise Invalid(self.located(error.problems)) from None


def load(text: str, file: str = "", *, max_bytes: int = MAX_BYTES) -> list[Document]:
    """The documents in `text`, in order; empty ones are left out, Lists are taken apart.

    Raises Invalid, with one problem, when the text is no YAML or breaks one of the limits above.
    """
    size = len(text.encode(errors="surrogatepass"))
    if size > max_bytes:
        message = f"too large: {size} bytes, at most {max_bytes} are taken"
        raise Invalid([Problem("", message, reason=Reason.TOO_LONG, file=file)])
    try:
        values = list(_Composer(file).documents(yaml.parse(text, Loader=yaml.CSafeLoader)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message = f"not YAML: {error.problem or error.context}"
        hint = _hint(text, line)
        raise Invalid([Problem("", message, hint, Reason.MALFORMED, file=file, line=line)]) from None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        message = f"not YAML: {str(error).splitlines()[0]}"
        raise Invalid([Problem("", message, reason=Reason.MALFORMED, file=file)]) from None
    return [document for value, place in values for document in _items(Document(value, file, place))]


def _hint(text: str, line: int) -> str:
    """What is most often the matter with text that the parser gives up on."""
    written = text.splitlines()[line - 1 : line]
    if written and "\t" in written[0][: len(written[0]) - len(written[0].lstrip())]:
        return "indent with spaces, not with tabs"
    return "look at the indentation here and one line above, and at brackets and quotes"


def _items(document: Document) -> Iterator[Document]:
    value = document.value
    if value is None:
        return
    if not isinstance(value, Mapping) or (value.get("apiVersion"), value.get("kind")) != ("v1", "List"):
        yield document
        return
    items = value.get("items")
    if not isinstance(items, list):
        problem = Problem("items", "expected a list of resources", reason=Reason.TYPE)
        raise Invalid(document.located([problem]))
    places = document.place.inside["items"].inside
    for index, item in enumerate(items):
        yield from _items(Document(item, document.file, places[index]))


@dataclass(slots=True)
class _Open:
    """A list or map whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    place: Place
    anchor: str | None
    key: str | None = None
    """The key that waits for its value."""
    nodes: int = 1
    """How many values it holds, itself and what aliases stand for included."""


@dataclass(slots=True)
class _Finished:
    """A value that aliases may stand for."""

    value: Any
    place: Place
    nodes: int


class _Composer:
    """Builds values from events, without recursion, counting before building."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Finished | None] = {}
        self._aliases = 0
        self._alias_nodes = 0
        self._root: _Finished | None = None

    def documents(self, events: Iterable[Any]) -> Iterator[tuple[Any, Place]]:
        for event in events:
            handle = _HANDLERS.get(type(event))
            if handle:
                handle(self, event)
            elif isinstance(event, yaml.DocumentEndEvent) and self._root:
                yield self._root.value, self._root.place
                self._root = None
                self._anchors.clear()

    def scalar(self, event: Any) -> None:
        self._refuse_tag(event)
        if self._awaits_key():
            self._key(event)
            return
        value = self._resolved(event) if event.implicit[0] else event.value
        self._add(_Finished(value, Place(event.start_mark.line + 1), 1), event.anchor)

    def alias(self, event: Any) -> None:
        if self._awaits_key():
            raise self._refused(event, "a key must be plain text, not an alias")
        target = self._anchors.get(event.anchor)
        if target is None:
            inside = event.anchor in self._anchors
            message = f'alias "{event.anchor}" stands for {"itself" if inside else "nothing before it"}'
            raise self._refused(event, message)
        self._aliases += 1
        self._alias_nodes += target.nodes
        if self._aliases > MAX_ALIASES:
            raise self._refused(event, f"more than {MAX_ALIASES} aliases")
        if self._alias_nodes > MAX_ALIAS_NODES:
            raise self._refused(event, f"aliases stand for more than {MAX_ALIAS_NODES} values")
        place = Place(event.start_mark.line + 1, target.place.inside)
        self._add(_Finished(target.value, place, target.nodes), None)

    def begin_map(self, event: Any) -> None:
        self._begin(event, {})

    def begin_list(self, event: Any) -> None:
        self._begin(event, [])

    def end(self, _event: Any) -> None:
        done = self._stack.pop()
        self._add(_Finished(done.value, done.place, done.nodes), done.anchor)

    def _begin(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        self._refuse_tag(event)
        if self._awaits_key():
            raise self._refused(event, "a key must be plain text, not a list or an object")
        if len(self._stack) >= MAX_DEPTH:
            raise self._refused(event, f"nested deeper than {MAX_DEPTH} levels")
        if event.anchor:
            self._anchors[event.anchor] = None  # known, and not complete
        self._stack.append(_Open(value, Place(event.start_mark.line + 1), event.anchor))

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _key(self, event: Any) -> None:
        top, key = self._stack[-1], event.value
        if event.implicit[0] and key == "<<":
            raise self._refused(event, "merge keys (<<) are not supported", "write the fields out")
        if key in top.value:
            message = f'key "{key[:60]}" stands twice, first on line {top.place.inside[key].line}'
            raise self._refused(event, message, reason=Reason.DUPLICATE)
        top.key = key
        top.place.inside[key] = Place(event.start_mark.line + 1)

    def _add(self, done: _Finished, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = done
        if not self._stack:
            self._root = done
            return
        top = self._stack[-1]
        top.nodes += done.nodes
        if isinstance(top.value, list):
            top.place.inside[len(top.value)] = done.place
            top.value.append(done.value)
        elif top.key is not None:
            top.value[top.key] = done.value
            top.place.inside[top.key].inside = done.place.inside
            top.key = None

    def _resolved(self, event: Any) -> Any:
        try:
            return plain(event.value)
        except ValueError:  # Python refuses to read integers of more than 4300 digits
            raise self._refused(event, "a number is too long", "put it in quotes if it is text") from None

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            raise self._refused(event, f'tag "{event.tag[:60]}" is not supported', "remove it")

    def _refused(
        self, event: Any, message: str, hint: str = "", reason: Reason = Reason.MALFORMED
    ) -> Invalid:
        line = event.start_mark.line + 1
        return Invalid([Problem("", message, hint, reason, line=line, file=self._file)])


_HANDLERS: Mapping[type, Callable[[_Composer, Any], None]] = {
    yaml.ScalarEvent: _Composer.scalar,
    yaml.AliasEvent: _Composer.alias,
    yaml.MappingStartEvent: _Composer.begin_map,
    yaml.SequenceStartEvent: _Composer.begin_list,
    yaml.MappingEndEvent: _Composer.end,
    yaml.SequenceEndEvent: _Composer.end,
}

_CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def plain(text: str) -> Any:
    """What a scalar without quotes stands for (YAML 1.2.2, 10.3.2); no JSON value, no number: `.inf` is text.

    Raises ValueError for an integer of thousands of digits.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return _number(text) if _FLOAT.fullmatch(text) else text


def _number(text: str) -> float | str:
    number = float(text)
    return text if number in (float("inf"), float("-inf")) else number
