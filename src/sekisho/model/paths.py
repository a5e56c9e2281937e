"""Paths of fields: `spec.rules[0].filters[1]`, `metadata.labels["app.kubernetes.io/name"]`."""

import json
import re
from typing import TypeAlias

Part: TypeAlias = str | int

_LONGEST_KEY = 320
"""A label key is at most 253 characters, a slash, and 63 more."""
_PART = re.compile(r'\.?([^.\[\]"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]')


def field(path: str, name: str) -> str:
    """The path of a named field below `path`."""
    return f"{path}.{name}" if path else name


def item(path: str, index: int) -> str:
    """The path of an item of the list at `path`."""
    return f"{path}[{index}]"


def entry(path: str, key: str) -> str:
    """The path of a user's key in the map at `path`; a key longer than any that we take is shortened."""
    if len(key) > _LONGEST_KEY:
        key = f"{key[:60]}…"
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def parts(path: str) -> tuple[Part, ...]:
    """The names, keys and indexes of a path made by this module, outermost first."""
    found: list[Part] = []
    for name, index, key in _PART.findall(path):
        found.append(int(index) if index else json.loads(key) if key else name)
    return tuple(found)
