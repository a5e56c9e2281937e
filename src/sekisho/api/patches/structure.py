"""How values of a kind merge: which lists are maps by key, which are sets, which are replaced whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Key = str
"""One item of a keyed list or set, as fieldsV1 writes it: `k:{"name":"http"}`, `v:"a"`."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The merge rules of a value and of what is in it."""

    fields: Mapping[str, "Structure"] = field(default_factory=dict)
    """Known fields of an object."""
    items: "Structure | None" = None
    """Rules of a list's items, or of a map's values."""
    keys: tuple[str, ...] = ()
    """Fields that tell the items of a list apart: a list with keys merges item by item."""
    key_defaults: Mapping[str, Any] = field(default_factory=dict)
    """What a key is when an item leaves it out."""
    merge_key: str = ""
    """The single key strategic merge patches use for this list; they predate lists with several keys."""
    is_set: bool = False
    """A list of distinct scalars that merges by union."""
    atomic: bool = False
    """Replaced whole, whatever is in it."""

    def below(self, name: str) -> "Structure":
        """The rules of a field; unknown ones are plain."""
        return self.fields.get(name) or self.items or PLAIN

    @property
    def of_items(self) -> "Structure":
        """The rules of an item."""
        return self.items or PLAIN

    def key_of(self, item: Any) -> Key:
        """What tells this item of a set or keyed list apart."""
        if self.is_set or not isinstance(item, dict):
            return f"v:{_compact(item)}"
        values = {key: item.get(key, self.key_defaults.get(key)) for key in self.keys}
        return f"k:{_compact({key: value for key, value in values.items() if value is not None})}"

    @property
    def merges_items(self) -> bool:
        """Whether a list of this structure merges by item rather than being replaced."""
        return not self.atomic and bool(self.keys or self.is_set)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


PLAIN = Structure()
