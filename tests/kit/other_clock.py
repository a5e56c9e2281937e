"""`sekisho` on a host whose clock is ahead: run as `python -m tests.kit.other_clock`.

All it writes and signs is dated by that clock. TLS libraries have the host's own.
"""

from datetime import UTC, datetime, timedelta
from unittest import mock

from sekisho.aio.clock import SystemClock
from sekisho.cli import main

AHEAD = timedelta(minutes=5)


def _now(_: SystemClock) -> datetime:
    return datetime.now(UTC) + AHEAD


if __name__ == "__main__":
    with mock.patch.object(SystemClock, "now", _now):
        main()
