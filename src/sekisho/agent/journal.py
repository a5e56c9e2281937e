"""The file of a last known good: everything once, then what changed, so that a write is as small as a change.

Each record has a checksum. From the first one on that is damaged, or was cut off, nothing is used: what is
before it is what the proxy had some time earlier.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import structlog

from sekisho.identity.files import write_private
from sekisho.xds.types import Blob, Name

log = structlog.get_logger()

MAGIC = b"sekisho last known good 2\n"
"""Starts the file; the number changes with the format."""
Changes = Mapping[Name, Blob | None]
"""What is held by a name now; None for nothing."""

_ROOM = 64 * 1024
"""Bytes of changes that a file may have whatever its size; beyond that, as many as everything took."""
_DIGEST = hashlib.sha256
_DIGEST_SIZE = 32
_LENGTH_SIZE = 4
_ROWS = list[tuple[str, str, str, bytes | None]]


class Journal:
    """Writes one file; one call at a time, in any thread."""

    def __init__(self, file: Path) -> None:
        """What an earlier run wrote is replaced, not continued: its end may be damaged."""
        self._file = file
        self._whole = self._appended = 0
        self.is_full = True
        """Whether everything is to be written next."""

    def replace(self, resources: Mapping[Name, Blob]) -> bool:
        """Writes everything. False, which is logged, when the disk takes no more."""
        content = MAGIC + _record(resources)
        try:
            write_private(self._file, content)
        except OSError as error:
            return self._failed(error)
        self._whole, self._appended = len(content), 0
        self.is_full = False
        return True

    def append(self, changes: Changes) -> bool:
        """Writes what changed since the last call, which succeeded. False, which is logged, when it cannot.

        It is the kernel's then, which has it on the disk within half a minute: only a host that loses its
        power meanwhile forgets it, and what was before it is still whole.
        """
        record = _record(changes)
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "ab") as file:
                file.write(record)
        except OSError as error:
            self.is_full = True  # a part of it may be there
            return self._failed(error)
        self._appended += len(record)
        self.is_full = self._appended > max(self._whole, _ROOM)
        return True

    def _failed(self, error: OSError) -> bool:
        log.error("last known good not written", file=str(self._file), reason=str(error))
        return False


def load(file: Path) -> dict[Name, Blob]:
    """The resources in the file; none when there is none. What is damaged is not used, which is logged."""
    resources: dict[Name, Blob] = {}
    try:
        for changes in _records(file.read_bytes()):
            resources |= {name: blob for name, blob in changes.items() if blob}
            for name in [name for name, blob in changes.items() if not blob]:
                resources.pop(name, None)
    except FileNotFoundError:
        pass
    except OSError as error:
        log.error("last known good cannot be read", file=str(file), reason=str(error))
    except ValueError as error:
        log.error(
            "last known good is damaged", file=str(file), reason=str(error), resources_used=len(resources)
        )
    return resources


def _record(changes: Changes) -> bytes:
    rows = [(*name, *(blob or ("", None))) for name, blob in changes.items()]
    body = msgspec.msgpack.encode(rows)
    length = len(body).to_bytes(_LENGTH_SIZE, "big")
    return length + _DIGEST(length + body).digest() + body


def _records(content: bytes) -> Iterator[Changes]:
    if not content.startswith(MAGIC):
        raise ValueError("it is not a file of this format")
    start = len(MAGIC)
    while True:
        length = content[start : start + _LENGTH_SIZE]
        digest_at, body_at = start + _LENGTH_SIZE, start + _LENGTH_SIZE + _DIGEST_SIZE
        start = body_at + int.from_bytes(length, "big")
        body = content[body_at:start]
        if _DIGEST(length + body).digest() != content[digest_at:body_at]:
            raise ValueError("a checksum is wrong")
        rows = msgspec.msgpack.decode(body, type=_ROWS)
        yield {
            Name(type_url, name): None if raw is None else Blob(version, raw)
            for type_url, name, version, raw in rows
        }
        if start == len(content):
            return
