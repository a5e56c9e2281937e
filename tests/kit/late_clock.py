"""`sekisho` on a host whose clock is an hour behind: run as `python -m tests.kit.late_clock`."""

from datetime import timedelta

from tests.kit.other_clock import run

if __name__ == "__main__":
    run(timedelta(hours=-1))
