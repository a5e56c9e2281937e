"""`sekisho` on a host whose clock is ahead: run as `python -m tests.kit.other_clock`.

All it writes and signs is dated by that clock. TLS libraries have the host's own.
"""

from datetime import UTC, datetime, timedelta
from unittest import mock

from sekisho.aio.clock import SystemClock
from sekisho.cli import main

AHEAD = timedelta(minutes=5)


def run(ahead: timedelta) -> None:
    """`sekisho`, with the arguments of this process."""

    def now(_: SystemClock) -> datetime:
        return datetime.now(UTC) + ahead

    with mock.patch.object(SystemClock, "now", now):
        main()


if __name__ == "__main__":
    run(AHEAD)
