"""The last configuration a proxy took, in memory and in a private file, to serve it while nobody else can."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import structlog

from sekisho.aio.clock import Clock
from sekisho.identity.files import write_private
from sekisho.xds.types import Blob, Name

log = structlog.get_logger()

MAGIC = b"sekisho last known good 1\n"
"""Starts the file; the number changes with the format."""
GATHERING, BETWEEN_WRITES, LONGEST_PAUSE = 0.1, 0.9, 30.0
"""Seconds from a change to its write, in which others join it; from a write to the next gathering, doubling
while changes go on, for each write is one of everything; and at most. So far it may be behind what the proxy
has, which only matters when the proxy dies too while the control plane is away: then it serves this."""
_DIGEST = hashlib.sha256
_DIGEST_SIZE = 32


class Snapshot:
    """What one proxy has acknowledged, by name. Belongs to the event loop."""

    def __init__(self, resources: Mapping[Name, Blob]) -> None:
        self._resources = dict(resources)
        self._offered: dict[Name, Blob] = {}
        self._changed = asyncio.Event()

    @property
    def resources(self) -> Mapping[Name, Blob]:
        """Everything held now; do not keep it across an await."""
        return self._resources

    def offer(self, resources: Mapping[Name, Blob]) -> None:
        """These were sent to the proxy, which has not answered yet."""
        self._offered |= resources

    def withdraw(self, resources: Mapping[Name, Blob]) -> None:
        """The proxy answered about these."""
        for name in resources:
            self._offered.pop(name, None)

    def claimed(self, type_url: str, versions: Mapping[str, str]) -> None:
        """The proxy says on a new stream that it has these versions.

        What was sent on the stream before and is among them was taken, though that stream broke before the
        proxy could say so.
        """
        names = {Name(type_url, name): version for name, version in versions.items()}
        taken = {
            name: blob for name in names if (blob := self._offered.get(name)) and blob.version == names[name]
        }
        self.put(taken)
        self.withdraw(taken)

    def put(self, resources: Mapping[Name, Blob]) -> None:
        """These were taken."""
        for name, blob in resources.items():
            if self._resources.get(name) != blob:
                self._resources[name] = blob
                self._changed.set()

    def drop(self, names: Iterable[Name]) -> None:
        """These are gone."""
        for name in names:
            if self._resources.pop(name, None) is not None:
                self._changed.set()

    async def keep_saved(self, file: Path, *, clock: Clock) -> None:
        """Writes the file after changes, off the event loop, the more seldom the longer they go on; until
        cancelled.

        Its end writes what is not written yet.
        """
        loop = asyncio.get_running_loop()
        writing: asyncio.Future[bool] | None = None
        pause = BETWEEN_WRITES / 2
        try:
            while True:
                pause = min(2 * pause, LONGEST_PAUSE) if self._changed.is_set() else BETWEEN_WRITES
                await self._changed.wait()
                await clock.sleep(GATHERING)
                self._changed.clear()
                writing = loop.run_in_executor(None, _save, file, dict(self._resources))
                if not await asyncio.shield(writing):
                    self._changed.set()
                await clock.sleep(pause)
        finally:
            if writing:  # two writers would overtake each other
                await asyncio.wait({writing})
            if self._changed.is_set() or (writing and not writing.result()):
                _save(file, dict(self._resources))


def load(file: Path) -> dict[Name, Blob]:
    """The resources in the file; none when there is no file, or when it is damaged, which is logged."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        log.error("last known good cannot be read", file=str(file), reason=str(error))
        return {}
    try:
        return _decode(content)
    except ValueError as error:
        log.error("last known good is damaged and not used", file=str(file), reason=str(error))
        return {}


def _save(file: Path, resources: Mapping[Name, Blob]) -> bool:
    try:
        write_private(file, _encode(resources))
    except OSError as error:
        log.error("last known good not written", file=str(file), reason=str(error))
        return False
    return True


def _encode(resources: Mapping[Name, Blob]) -> bytes:
    body = msgspec.msgpack.encode([(*name, *blob) for name, blob in resources.items()])
    return MAGIC + _DIGEST(body).digest() + body


def _decode(content: bytes) -> dict[Name, Blob]:
    digest, body = content[len(MAGIC) :][:_DIGEST_SIZE], content[len(MAGIC) + _DIGEST_SIZE :]
    if not content.startswith(MAGIC):
        raise ValueError("it is not a file of this format")
    if _DIGEST(body).digest() != digest:
        raise ValueError("its checksum is wrong")
    rows = msgspec.msgpack.decode(body, type=list[tuple[str, str, str, bytes]])
    return {Name(type_url, name): Blob(version, raw) for type_url, name, version, raw in rows}
