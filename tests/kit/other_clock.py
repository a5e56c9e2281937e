"""`sekisho` on a host whose clock is ahead: run as `python -m tests.kit.other_clock`.

All it writes and signs is dated by that clock. TLS libraries have the host's own.
"""

import sys
from datetime import UTC, datetime, timedelta

from sekisho.aio.clock import SystemClock
from sekisho.cli import main

AHEAD = timedelta(minutes=5)


def _now(_: SystemClock) -> datetime:
    return datetime.now(UTC) + AHEAD


if __name__ == "__main__":
    SystemClock.now = _now  # type: ignore[method-assign]
    sys.exit(main())
