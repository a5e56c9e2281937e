"""A published resource: its bytes, shared by every view and proxy, and what proxies said about it."""

from weakref import WeakValueDictionary

from sekisho.xds.types import Blob
from sekisho.xds.wire import resource_head

QUORUM = 2
"""So many different proxies must refuse a version, and none accept it, before the others are spared it.

Two and not one: a single broken or hostile proxy must not take configuration away from all others.
"""
_LONGEST_MESSAGE = 4_096
_ENVELOPE = 36
"""Octets at most of the tags and lengths that a response needs for one."""


class Resource:
    """One version of one resource. Made by a `Shelf`, so equal ones are the same object."""

    __slots__ = ("__weakref__", "accepted", "body", "message", "name", "refused_by", "type_url", "version")

    def __init__(self, type_url: str, name: str, blob: Blob) -> None:
        self.type_url = type_url
        self.name = name
        self.version = blob.version
        self.body = blob.body
        self.accepted = False
        """Whether any proxy took it."""
        self.refused_by: set[str] | None = None
        self.message = ""
        """The last refusal's text, Envoy's own words."""

    @property
    def head(self) -> bytes:
        """Makes the body an entry in a response; apart, as whoever made the body keeps it as well."""
        return resource_head(self.type_url, self.name, self.version, len(self.body))

    @property
    def size(self) -> int:
        """Octets it takes in a response, or a few more."""
        return _ENVELOPE + len(self.type_url) + len(self.name) + len(self.version) + len(self.body)

    def refuse(self, proxy: str, message: str) -> None:
        """`proxy` refused it when it came alone."""
        self.refused_by = self.refused_by or set()
        if len(self.refused_by) < QUORUM:  # more names would only cost memory
            self.refused_by.add(proxy)
        self.message = message[:_LONGEST_MESSAGE]

    @property
    def condemned(self) -> bool:
        """Refused by enough proxies and accepted by none: not worth another proxy's time."""
        return self.refused_by is not None and not self.accepted and len(self.refused_by) >= QUORUM

    def __repr__(self) -> str:
        return f"Resource({self.name}@{self.version})"


class Shelf:
    """Keeps one Resource per type, name and version as long as anybody uses it.

    Views that show the same resources share a shelf: bytes are framed once, and one view's proxies learn from
    what those of another refused.
    """

    def __init__(self) -> None:
        self._kept: WeakValueDictionary[tuple[str, str, str], Resource] = WeakValueDictionary()

    def resource(self, type_url: str, name: str, blob: Blob) -> Resource:
        """The one Resource of this content."""
        key = (type_url, name, blob.version)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = Resource(type_url, name, blob)
        return kept
