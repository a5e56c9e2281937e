"""What is said to a terminal that is gone."""

import os
import subprocess
import sys

PROGRAM = """
import os
import sys
from sekisho.cli.voice import TerminalVoice
voice = TerminalVoice()
sys.stdin.readline()  # until nobody reads what we say
for _ in range(3):
    voice.note("ending")
    voice.done("a part")
    voice.trouble("a part ended")
os.write(int(sys.argv[1]), b"in order")
"""


def test_progress_that_nobody_reads_ends_nothing() -> None:
    told, telling = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(telling)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[telling],
    )
    assert process.stdin
    assert process.stderr
    process.stderr.close()  # a reader that is gone: a pipe to `tee` after the terminal was closed
    process.stdin.close()
    os.close(telling)
    with os.fdopen(told, "rb") as said:
        assert said.read() == b"in order"
    assert process.wait(30) == 0
