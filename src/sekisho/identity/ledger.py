"""Who holds a live certificate of a mesh, and of which root: what a rotation waits for."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity.files import write_private

log = structlog.get_logger(__name__)

SYSTEM_CLOCK = SystemClock()


class Holder(NamedTuple):
    """The newest certificate that one instance of a proxy was given."""

    proxy: str
    """`workload/<namespace>/<name>`, `gateway/<namespace>/<name>`."""
    instance: str
    """The host, where several run the same proxy; else empty."""
    generation: int
    """Of the root above the certificate."""
    ends: datetime


class Ledger:
    """The holders of one trust domain, kept in memory and, when `save` is called, in a 0600 file.

    It is written beside the work and not within it, a few seconds late. What a crash loses are proxies that
    were there a moment ago: they come back and are counted as connected.
    """

    def __init__(self, file: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        """A damaged file is left alone and begun anew: no more than the waiting of a rotation hangs on it."""
        self._file = file
        self._now = clock.now
        self._holders = {(one.proxy, one.instance): one for one in _load(file)}
        self._changed = False

    def note(self, holder: Holder) -> None:
        """It was given a certificate, in the place of an earlier one."""
        self._holders[(holder.proxy, holder.instance)] = holder
        self._changed = True

    def living(self) -> Iterator[Holder]:
        """All whose certificate has not ended."""
        now = self._now()
        return (holder for holder in self._holders.values() if now < holder.ends)

    async def save(self) -> None:
        """Writes what is new, if anything; the disk is waited for in a thread. Raises OSError."""
        if not self._changed:
            return
        self._changed = False
        self._holders = {(one.proxy, one.instance): one for one in self.living()}
        document = msgspec.json.encode(list(self._holders.values()))
        try:
            await asyncio.to_thread(write_private, self._file, document)
        except OSError:
            self._changed = True
            raise


def _load(file: Path) -> list[Holder]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Holder])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        log.error("the list of live certificates is damaged and begun anew", reason=str(error))
        return []
