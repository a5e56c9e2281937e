"""The wire format of a watch."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple

from sekisho.client.errors import error
from sekisho.client.transport import Transport

WATCH_SECONDS = 60
"""The server ends a watch after this time and we resume it, so a dead connection is noticed within it."""
GRACE_SECONDS = 15
"""Silence beyond `WATCH_SECONDS` after which the connection counts as dead."""


class Key(NamedTuple):
    """Which object, among those of one kind."""

    namespace: str
    """Empty for cluster-scoped kinds."""
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch."""

    type: str
    """ADDED, MODIFIED, DELETED or BOOKMARK."""
    object: Mapping[str, Any]
    """The object after the change; before it, for DELETED. A bookmark's has nothing but a resourceVersion."""

    @property
    def revision(self) -> str:
        """The resourceVersion to resume from after this event; empty when the object carries none."""
        return str(self.object.get("metadata", {}).get("resourceVersion", ""))


def key(object_: Mapping[str, Any]) -> Key:
    """The key of an object."""
    metadata = object_["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])


async def events(
    transport: Transport, path: str, since: str, parameters: Mapping[str, str], accept: str
) -> AsyncGenerator[Sequence[Event]]:
    """The events of one watch request. Raises the typed error of an ERROR event, Gone above all."""
    parameters = {
        **parameters,
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": since,
        "timeoutSeconds": str(WATCH_SECONDS),
    }
    silence = WATCH_SECONDS + GRACE_SECONDS
    async with (
        transport.lines(path, parameters, silence=silence, accept=accept) as batches,
        aclosing(batches),
    ):
        async for lines in batches:
            yield [_event(line) for line in lines]


def _event(line: bytes) -> Event:
    message = json.loads(line)
    if message["type"] == "ERROR":
        status = message["object"]
        raise error(int(status.get("code") or 500), status)
    return Event(message["type"], message["object"])
