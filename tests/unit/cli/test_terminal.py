"""What is said to a narrow terminal, and to one that is gone."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from sekisho.cli import voice

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


@pytest.mark.parametrize(
    ("is_terminal", "expected"),
    [
        (True, "    laptop → its sidecar → mTLS → zone\n      ingress of gcp\n"),
        (False, "    laptop → its sidecar → mTLS → zone ingress of gcp\n"),
    ],
)
def test_lines_break_between_words_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, expected: str
) -> None:
    said = io.StringIO()
    console = Console(file=said, width=40, soft_wrap=True, force_terminal=is_terminal, color_system=None)
    monkeypatch.setattr(voice, "err", console)
    voice.say_wrapped("laptop → its sidecar → mTLS → zone ingress of gcp", indent=4)
    assert [line.rstrip() for line in said.getvalue().splitlines()] == expected.splitlines()
