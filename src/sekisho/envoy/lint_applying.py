"""Holds one message against rules; each rule that is broken is a sentence."""

from collections.abc import Iterable, Iterator
from typing import Any

from sekisho.envoy.lint_rules import Rule

_DURATION = "google.protobuf.Duration"


def apply(required: Iterable[Rule], message: Any, where: str) -> Iterator[str]:
    """What `message` does not say as it must; `where` begins each sentence."""
    for rule in required:
        value = _value(message, rule.path)
        if not rule.holds(value):
            yield f"{where}: {rule.path} is {value!r}, must be {rule.must}"


def _value(message: Any, path: str) -> Any:
    """What is at `path`, as `Rule.path` explains; None when a message on the way is absent."""
    for name in path.split("."):
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.has_presence and not message.HasField(name):
            return None
        message = getattr(message, name)
        if field.enum_type:
            return field.enum_type.values_by_number[message].name
        if field.message_type and field.message_type.full_name == _DURATION:
            return message.seconds + message.nanos / 1e9
    return message
