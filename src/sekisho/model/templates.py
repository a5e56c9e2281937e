"""Texts with places to fill in, for names and identities: `{{ .Name }}.svc`, `{{ label "app" }}.local`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sekisho.kit import text as words

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIELD = re.compile(r"\s*\.([A-Za-z]+)\s*")
_LABEL = re.compile(r'\s*label\s+"([^"\\{}]{1,317})"\s*')


class BadTemplate(ValueError):
    """A text is no template; the message says what was expected."""


class MissingLabel(LookupError):
    """The resource has no label of the name in `args[0]`."""


@dataclass(frozen=True, slots=True)
class Field:
    """`{{ .Name }}`."""

    name: str


@dataclass(frozen=True, slots=True)
class Label:
    """`{{ label "key" }}`."""

    key: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text taken apart."""

    parts: tuple[str | Field | Label, ...]

    def render(self, fields: Mapping[str, str], labels: Mapping[str, str]) -> str:
        """The text with its places filled in.

        Raises MissingLabel when it names a label that is not there; KeyError for a field, which `parse`
        prevents.
        """
        return "".join(self._value(part, fields, labels) for part in self.parts)

    @staticmethod
    def _value(part: str | Field | Label, fields: Mapping[str, str], labels: Mapping[str, str]) -> str:
        match part:
            case Field(name):
                return fields[name]
            case Label(key):
                if key not in labels:
                    raise MissingLabel(key)
                return labels[key]
            case str():
                return part


@lru_cache(maxsize=4096)
def parse(text: str, fields: Iterable[str]) -> Template:
    """Takes a text apart. `fields` are the names it may use. Raises BadTemplate."""
    parts: list[str | Field | Label] = []
    end = 0
    for place in _PLACE.finditer(text):
        parts += [_plain(text[end : place.start()]), _place(place[1], fields)]
        end = place.end()
    parts.append(_plain(text[end:]))
    return Template(tuple(part for part in parts if part))


def _plain(text: str) -> str:
    if "{{" in text or "}}" in text:
        raise BadTemplate("`{{` and `}}` stand in pairs")
    return text


def _place(inside: str, fields: Iterable[str]) -> Field | Label:
    if label := _LABEL.fullmatch(inside):
        return Label(label[1])
    field = _FIELD.fullmatch(inside)
    if field is None:
        raise BadTemplate(
            'expected `{{ .Field }}` or `{{ label "key" }}`' + f", found `{{{{{inside[:60]}}}}}`"
        )
    if field[1] not in fields:
        meant = words.did_you_mean(field[1], fields)
        known = ", ".join(f".{name}" for name in sorted(fields))
        raise BadTemplate(
            f"unknown field .{field[1][:60]}, expected one of {known}" + f" ({meant})" * bool(meant)
        )
    return Field(field[1])
