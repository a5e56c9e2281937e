"""Runs a command that gets SIGHUP when the process that started it is gone, however it went.

A program of its own, run by path (`python tether.py PARENT COMMAND…`): what is done here must happen in the
new process before its program starts, and Python's `preexec_fn` is not safe beside threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2
"""`man 2 prctl`; kept across exec. A parent of several threads sends the signal several times."""


@contextmanager
def kept() -> Iterator[None]:
    """For a change of user or group, by which Linux unties a process: afterwards it is tied as before."""
    library = ctypes.CDLL(None)
    sent = ctypes.c_int(0)
    if sys.platform == "linux":
        library.prctl(PR_GET_PDEATHSIG, ctypes.byref(sent))
    yield
    if sent.value:
        library.prctl(PR_SET_PDEATHSIG, sent.value)


def main() -> None:
    """Ties this process to its parent, then becomes the command."""
    parent, *command = sys.argv[1:]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` is about terminals
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
    if os.getppid() != int(parent):  # it was gone before we asked to be told
        raise SystemExit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - an argument list, no shell
    except OSError as cause:
        sys.stderr.write(f"{command[0]}: {cause.strerror}\n")
        raise SystemExit(127) from None


if __name__ == "__main__":
    main()
