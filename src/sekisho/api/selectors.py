"""Label and field selectors: which objects a list or watch is about."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from sekisho.api.errors import ApiError, bad_request
from sekisho.model.meta import LabelSelectorRequirement
from sekisho.model.selectors import holds
from sekisho.model.validation import metadata

_SET = re.compile(r"^(?P<key>[^\s!=<>,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=<>,()]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s!=<>,()]*)$")
_COMPARED = re.compile(r"^(?P<key>[^\s!=<>,()]+)\s*(?P<operator>[<>])\s*(?P<value>[^\s!=<>,()]*)$")
_EXISTS = re.compile(r"^(?P<operator>!?)\s*(?P<key>[^\s!=<>,()]+)$")
_EXPECTED = "expected `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a` or `!a`"
_FIELD = re.compile(r"(?P<path>[^\s!=]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s=]*)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_OPERATORS: Mapping[str, Literal["In", "NotIn", "Exists", "DoesNotExist"]] = {
    "in": "In", "=": "In", "==": "In", "notin": "NotIn", "!=": "NotIn", "": "Exists", "!": "DoesNotExist",
}  # fmt: skip
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")

MAX_SELECTOR = 8192
"""Characters; longer selectors are refused."""

Labels = Mapping[str, str]


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}


class _Spec(msgspec.Struct):
    type: str = ""
    clusterIP: str = ""  # noqa: N815 - the field's name in the document


class _Status(msgspec.Struct):
    phase: str = ""


class Selected(msgspec.Struct):
    """The few parts of an object selectors look at; decoding skips the rest."""

    metadata: _Metadata
    type: str = ""
    spec: _Spec | None = None
    status: _Status | None = None


_decoder = msgspec.json.Decoder(Selected, strict=False)

_FIELDS: Mapping[str, Callable[[Selected], str]] = {
    "metadata.name": lambda object_: object_.metadata.name,
    "metadata.namespace": lambda object_: object_.metadata.namespace,
}
_FIELDS_BY_KIND: Mapping[str, Mapping[str, Callable[[Selected], str]]] = {
    "Secret": {"type": lambda object_: object_.type},
    "Service": {
        "spec.type": lambda object_: object_.spec.type if object_.spec else "",
        "spec.clusterIP": lambda object_: object_.spec.clusterIP if object_.spec else "",
    },
    "Namespace": {"status.phase": lambda object_: (object_.status and object_.status.phase) or "Active"},
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A label that is a whole number above, or below, another one; resources cannot say that."""

    key: str
    is_above: bool
    bound: str

    def holds(self, labels: Labels) -> bool:
        """See labels.Requirement.Matches of apimachinery."""
        value = labels.get(self.key, "")
        if not _INTEGER.fullmatch(value):
            return False
        left, right = int(value), int(self.bound)
        return left > right if self.is_above else left < right


Requirement = LabelSelectorRequirement | Comparison


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions on labels and fields; all must hold."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[tuple[str, bool, str], ...] = ()
    """(path, whether equal, value)."""
    kind: str = ""

    def __bool__(self) -> bool:
        return bool(self.labels or self.fields)

    def matches(self, body: bytes) -> bool:
        """Whether an object, as stored, is selected."""
        if not self:
            return True
        object_ = _decoder.decode(body)
        if not all(_holds(requirement, object_.metadata.labels) for requirement in self.labels):
            return False
        extra = _FIELDS_BY_KIND.get(self.kind, {})
        for path, equal, value in self.fields:
            read = _FIELDS.get(path) or extra[path]
            if (read(object_) == value) is not equal:
                return False
        return True

    @property
    def name(self) -> str | None:
        """The one name selected by `metadata.name=`, if any."""
        return next((value for path, equal, value in self.fields if path == "metadata.name" and equal), None)


def parse(kind: str, query: Mapping[str, str]) -> Selector:
    """Reads `labelSelector` and `fieldSelector`. Raises 400 for one that cannot be understood."""
    labels = query.get("labelSelector", "")
    fields = query.get("fieldSelector", "")
    if not labels and not fields:
        return EVERYTHING
    if len(labels) > MAX_SELECTOR or len(fields) > MAX_SELECTOR:
        raise bad_request(f"a selector is longer than {MAX_SELECTOR} characters")
    return Selector(parse_labels(labels), _parse_fields(kind, fields), kind)


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """`a=b,c!=d,e in (x,y),!f`. Raises 400 for what no label could fulfil: it would select nothing, and `!=`
    everything."""
    if not text.strip():
        return ()
    return tuple(_requirement(part.strip()) for part in _COMMA_OUTSIDE_PARENTHESES.split(text))


def _holds(requirement: Requirement, labels: Labels) -> bool:
    return requirement.holds(labels) if isinstance(requirement, Comparison) else holds(requirement, labels)


def _requirement(text: str) -> Requirement:
    made = _read(text)
    if fault := _fault(made):
        raise _not_understood("label", text, fault)
    return made


def _read(text: str) -> Requirement:
    values: tuple[str, ...] = ()
    if found := _COMPARED.match(text):
        return Comparison(found["key"], found["operator"] == ">", found["value"])
    if found := _SET.match(text):
        values = tuple(value.strip() for value in found["values"].split(","))
    elif found := _EQUAL.match(text):
        values = (found["value"],)
    elif not (found := _EXISTS.match(text)):
        raise _not_understood("label", text, _EXPECTED)
    return LabelSelectorRequirement(key=found["key"], operator=_OPERATORS[found["operator"]], values=values)


def _fault(requirement: Requirement) -> str:
    """What is wrong with a key, or with the first wrong value; empty when nothing is."""
    if isinstance(requirement, Comparison):
        if not _INTEGER.fullmatch(requirement.bound):
            return f"expected a whole number after `{'>' if requirement.is_above else '<'}`"
        values = [requirement.bound]
    else:
        values = sorted(set(requirement.values)) or [""]
    problems = (problem for value in values for problem in metadata.labels("", {requirement.key: value}))
    return next((problem.message for problem in problems), "")


def _parse_fields(kind: str, text: str) -> tuple[tuple[str, bool, str], ...]:
    return tuple(_field(kind, part.strip()) for part in text.split(",")) if text.strip() else ()


def _field(kind: str, text: str) -> tuple[str, bool, str]:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise _not_understood("field", text, "expected `path=value` or `path!=value`")
    path, known = found["path"], {**_FIELDS, **_FIELDS_BY_KIND.get(kind, {})}
    if path not in known:
        known_ones = ", ".join(sorted(known))
        raise bad_request(f"field label not supported: {path}; of a {kind}, these are: {known_ones}")
    return path, found["operator"] != "!=", found["value"]


def _not_understood(which: str, text: str, why: str) -> ApiError:
    return bad_request(f"unable to parse requirement of the {which} selector: {text!r}: {why}")


EVERYTHING = Selector()
