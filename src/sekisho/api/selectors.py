"""Label and field selectors: which objects a list or watch is about."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from sekisho.api.errors import ApiError, bad_request
from sekisho.model.validation import metadata

_SET = re.compile(r"^(?P<key>[^\s!=<>,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=<>,()]+)\s*(?P<operator>==|=|!=|>|<)\s*(?P<value>[^\s!=<>,()]*)$")
_EXISTS = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s!=<>,()]+)$")
_EXPECTED = "expected `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a` or `!a`"
_FIELD = re.compile(r"(?P<path>[^\s!=]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s=]*)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_COMPARED = frozenset("<>")
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
class Requirement:
    """One condition on a label."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        """Whether the labels fulfil it (labels.Requirement.Matches)."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
            case _:
                return value is not None and self._compare(value)

    def _compare(self, value: str) -> bool:
        (bound,) = self.values
        if not _INTEGER.fullmatch(value):
            return False
        left, right = int(value), int(bound)
        return left > right if self.operator == ">" else left < right


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
        if not all(requirement.matches(object_.metadata.labels) for requirement in self.labels):
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


def _requirement(text: str) -> Requirement:
    if found := _SET.match(text):
        values = frozenset(value.strip() for value in found["values"].split(","))
        made = Requirement(found["key"], found["operator"], values)
    elif found := _EQUAL.match(text):
        operator = {"=": "in", "==": "in", "!=": "notin"}.get(found["operator"], found["operator"])
        made = Requirement(found["key"], operator, frozenset({found["value"]}))
    elif found := _EXISTS.match(text):
        made = Requirement(found["key"], "absent" if found["not"] else "exists")
    else:
        raise _not_understood("label", text, _EXPECTED)
    if fault := _fault(made):
        raise _not_understood("label", text, fault)
    return made


def _fault(requirement: Requirement) -> str:
    """What is wrong with a key, or with the first wrong value; empty when nothing is."""
    if requirement.operator in _COMPARED:
        (bound,) = requirement.values
        if not _INTEGER.fullmatch(bound):
            return f"expected a whole number after `{requirement.operator}`"
    labels = [{requirement.key: value} for value in sorted(requirement.values or {""})]
    problems = (problem for each in labels for problem in metadata.labels("", each))
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
