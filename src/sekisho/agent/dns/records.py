"""What is known about names: exact ones, wildcards, and those that certainly do not exist."""

from collections.abc import Iterable

from sekisho.ir.agent import HostnameRecord

WILDCARD = "*."


class Records:
    """The names of one moment. Names are in lower case, without the dot at the end."""

    def __init__(self, records: Iterable[HostnameRecord], zones: Iterable[str]) -> None:
        """`zones`: domains in which a name without a record does not exist."""
        self._exact: dict[str, HostnameRecord] = {}
        self._below: dict[str, HostnameRecord] = {}
        for record in records:
            name = record.name.lower()
            if name.startswith(WILDCARD):
                self._below[name.removeprefix(WILDCARD)] = record
            else:
                self._exact[name] = record
        self._zones = tuple(zone.lower() for zone in zones)
        self._parents = {parent for name in (*self._exact, *self._below) for parent in parents(name)}
        self._parents.update(self._below)

    def find(self, name: str) -> HostnameRecord | None:
        """The record that answers for this name: its own, or else that of the closest wildcard.

        A wildcard stands for names of any depth, but not for those between it and a record
        (RFC 4592 section 2.2.1, "closest encloser").
        """
        if found := self._exact.get(name):
            return found
        if name in self._parents:
            return None
        for parent in parents(name):
            if found := self._below.get(parent):
                return found
            if parent in self._exact or parent in self._parents:
                return None
        return None

    def zone(self, name: str) -> str | None:
        """The zone of ours that a name is in, if any: the longest."""
        matching = (zone for zone in self._zones if name == zone or name.endswith(f".{zone}"))
        return max(matching, key=len, default=None)

    def has_below(self, name: str) -> bool:
        """Whether there are records below: then the name exists, without any data (RFC 8020)."""
        return name in self._parents or name in self._zones


def parents(name: str) -> Iterable[str]:
    """`b.c` and `c` of `a.b.c`."""
    while "." in name:
        name = name.partition(".")[2]
        yield name
