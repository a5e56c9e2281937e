"""Writes refused connections into the agent's log: whom, where and why, and never more than so many."""

import structlog
from google.protobuf.message import DecodeError

from sekisho.aio.clock import Clock
from sekisho.envoy.refusals import refusals

log = structlog.get_logger()

BURST = 20
"""Lines at once."""
EVERY = 3.0
"""Seconds between two lines after that: below 9 MB a day, whoever knocks."""


class Refusals:
    """Those of one proxy. Who floods a port with bad certificates fills no disk and hides no number: what is
    not written is counted, and told with the next line."""

    def __init__(self, proxy: str, *, clock: Clock) -> None:
        self._clock = clock
        self._log = log.bind(proxy=proxy)
        self._lines = float(BURST)
        self._filled = clock.monotonic()
        self._unwritten = 0

    def take(self, request: bytes) -> None:
        """Connections as Envoy hands them over (`envoy.refusals`)."""
        try:
            found = list(refusals(request))
        except (DecodeError, KeyError) as error:
            self._log.warning("refused connections are not understood", reason=type(error).__name__)
            return
        for each in found:
            if not self._may_write():
                self._unwritten += 1
                continue
            more = {"not_written_before": self._unwritten} if self._unwritten else {}
            self._log.warning("a connection was refused", **each._asdict(), **more)
            self._unwritten = 0

    def _may_write(self) -> bool:
        now = self._clock.monotonic()
        self._lines = min(BURST, self._lines + (now - self._filled) / EVERY)
        self._filled = now
        if self._lines < 1:
            return False
        self._lines -= 1
        return True
